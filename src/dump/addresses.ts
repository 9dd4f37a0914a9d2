// The crashed kernel's memory by its own, virtual addresses: by the program headers where those tell them, else by what
// the kernel said of itself. qemu's dumps tell physical addresses alone.

import { viewOf } from "../elf.ts";
import { Failure, hex } from "../failure.ts";
import { min } from "../range.ts";
import type { CoreFile } from "./core.ts";
import type { VmcoreInfo } from "./vmcoreinfo.ts";

/** e_machine, linux/elf-em.h. */
const EM = { i386: 3, ppc: 20, ppc64: 21, arm: 40, x86_64: 62, arm64: 183, riscv: 243 } as const;

/** Machines of 32 bits, which have dumps of 64 as well. */
const NARROW: readonly number[] = [EM.i386, EM.ppc, EM.arm];

/** Where a virtual address lies, and how many bytes on from there the next ones follow it. */
interface Place {
  readonly physical: bigint;
  readonly length: bigint;
}

type Translate = (memory: DumpMemory, info: VmcoreInfo, address: bigint) => Place | undefined;

const TRANSLATIONS: ReadonlyMap<number, Translate> = new Map([
  [EM.x86_64, translateX86],
  [EM.arm64, translateArm64],
  [EM.ppc64, translatePpc64],
  [EM.riscv, translateRiscv],
]);

export class DumpMemory {
  constructor(
    readonly core: CoreFile,
    readonly info: VmcoreInfo,
  ) {}

  get littleEndian(): boolean {
    return this.core.littleEndian;
  }

  /** Bytes of a pointer and of a long. */
  get wordSize(): 4 | 8 {
    return NARROW.includes(this.core.machine) ? 4 : 8;
  }

  /** What lies at a virtual address; undefined where not all of it can be read. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const told = this.core.readVirtual(address, length);
    if (told !== undefined) return told;
    let place = this.#translate(address);
    if (place === undefined) return undefined;
    // As a rule all of it lies together.
    if (place.length >= BigInt(length)) return this.core.readPhysical(place.physical, length);
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; place = this.#translate(address + BigInt(filled))) {
      if (place === undefined) return undefined;
      const part = Number(min(place.length, BigInt(length - filled)));
      const got = this.core.readPhysical(place.physical, part);
      if (got === undefined) return undefined;
      bytes.set(got, filled);
      filled += part;
    }
    return bytes;
  }

  /** The physical address by what the kernel said of itself; undefined where that does not tell. */
  physicalOf(address: bigint): bigint | undefined {
    return this.#translate(address)?.physical;
  }

  #translate(address: bigint): Place | undefined {
    return TRANSLATIONS.get(this.core.machine)?.(this, this.info, address);
  }

  /**
   * A number of 2, 4 or 8 bytes.
   * @param name for messages
   * @throws Failure where it cannot be read
   */
  number(address: bigint, size: number, name: string): bigint {
    const bytes = this.read(address, size);
    if (bytes === undefined) throw new Failure(`${name} at ${hex(address)}`, "cannot be read");
    return this.decode(bytes);
  }

  /** All of `bytes` as a number. */
  decode(bytes: Uint8Array): bigint {
    const view = viewOf(bytes);
    if (bytes.length === 8) return view.getBigUint64(0, this.littleEndian);
    return BigInt(bytes.length === 4 ? view.getUint32(0, this.littleEndian) : view.getUint16(0, this.littleEndian));
  }
}

/** To the end of the address space. */
const REST = 1n << 64n;

function modulo64(value: bigint): bigint {
  return BigInt.asUintN(64, value);
}

/** `address - from + to`, of 64 bits, up to `end`; undefined where one of them is not told, or it lies elsewhere. */
function linear(address: bigint, from: bigint | undefined, to: bigint | undefined, end = REST): Place | undefined {
  if (from === undefined || to === undefined || address < from || address >= end) return undefined;
  return { physical: modulo64(address - from + to), length: end - address };
}

/** arch/x86/include/asm/page_64_types.h: where the kernel's image is mapped, at phys_base, over a GiB at most. */
const START_KERNEL_MAP = 0xffff_ffff_8000_0000n;
const KERNEL_IMAGE_END = START_KERNEL_MAP + (1n << 30n);
/** Of a page table's entry (arch/x86/include/asm/pgtable_types.h). */
const PRESENT = 1n;
const LARGE = 0x80n;
const ADDRESS_BITS = 0x000f_ffff_ffff_f000n;

/** The direct map lies where KASLR has put it: the kernel's own page tables tell, which are in its image. */
function translateX86(memory: DumpMemory, info: VmcoreInfo, address: bigint): Place | undefined {
  const inImage = (each: bigint) => linear(each, START_KERNEL_MAP, info.number("phys_base"), KERNEL_IMAGE_END);
  const image = inImage(address);
  if (image !== undefined) return image;
  const root = info.symbol("swapper_pg_dir") ?? info.symbol("init_top_pgt") ?? info.symbol("init_level4_pgt");
  let table = root && inImage(root)?.physical;
  const encrypted = info.number("sme_mask") ?? 0n;
  for (let shift = info.number("pgtable_l5_enabled") === 1n ? 48n : 39n; table !== undefined; shift -= 9n) {
    const bytes = memory.core.readPhysical(table + ((address >> shift) & 0x1ffn) * 8n, 8);
    const entry = bytes && viewOf(bytes).getBigUint64(0, true);
    if (entry === undefined || (entry & PRESENT) === 0n) return undefined;
    const target = entry & ADDRESS_BITS & ~encrypted;
    if (shift === 12n || (shift <= 30n && (entry & LARGE) !== 0n)) {
      const size = 1n << shift;
      const within = address & (size - 1n);
      return { physical: (target & ~(size - 1n)) + within, length: size - within };
    }
    table = target;
  }
  return undefined;
}

/** The image's addresses begin at -2^47, or half of the kernel's, whatever the processor can do. */
const MOST_IMAGE_BITS = 47n;

/**
 * arch/arm64/include/asm/memory.h. Up to 5.3 the linear map was the upper half of the kernel's addresses and the image was in
 * the lower one; since then it is the other way round.
 */
function translateArm64(_: DumpMemory, info: VmcoreInfo, address: bigint): Place | undefined {
  const bits = info.number("VA_BITS");
  const offset = info.number("kimage_voffset");
  const image = info.symbol("_stext") ?? info.symbol("swapper_pg_dir");
  if (bits === undefined || bits < 36n || bits > 52n || image === undefined) return undefined;
  const half = REST - (1n << min(bits - 1n, MOST_IMAGE_BITS));
  const isUpper = image >= half;
  if (address >= half === isUpper) return linear(address, 0n, offset && modulo64(-offset));
  const start = isUpper ? REST - (1n << bits) : half;
  return linear(address, start, info.number("PHYS_OFFSET"));
}

/** PAGE_OFFSET, and where the linear map ends at the latest (arch/powerpc/include/asm/book3s/64). */
const PPC64_LINEAR = 0xc000_0000_0000_0000n;
const PPC64_LINEAR_END = 0xc008_0000_0000_0000n;

function translatePpc64(_: DumpMemory, __: VmcoreInfo, address: bigint): Place | undefined {
  return linear(address, PPC64_LINEAR, 0n, PPC64_LINEAR_END);
}

/** arch/riscv/kernel/vmcore_info.c. */
function translateRiscv(_: DumpMemory, info: VmcoreInfo, address: bigint): Place | undefined {
  const image = info.number("KERNEL_LINK_ADDR");
  const offset = info.number("va_kernel_pa_offset");
  const place = linear(
    address,
    image,
    image !== undefined && offset !== undefined ? modulo64(image - offset) : undefined,
  );
  return place ?? linear(address, info.number("PAGE_OFFSET"), info.number("phys_ram_base"));
}
