// How an image is started in qemu's machines for x86-64 with no kernel before it: SeaBIOS makes ACPI's tables, then enters
// code of ours, which enters the image as kexec would (stub/x86_64/README.md).

import startWords from "../../../stub/x86_64/qemu-start.hex" with { type: "text" };
import { ET_EXEC, PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE } from "../../elf.ts";
import { Failure, hex } from "../../failure.ts";
import type { KexecImage } from "../../kexec/image.ts";
import { parseWords } from "../../kexec/stub.ts";
import { type MemoryRange, mergeRanges, roundUp, subtractRanges } from "../../range.ts";
import type { QemuMachine, QemuShape } from "../arch.ts";
import { BOOT_PARAMS_SIZE, type E820Entry, readBootParams, readE820, readRsdp, readSetupData } from "./boot-params.ts";
import { isRam } from "./e820.ts";
import { ACPI_ROOM, MIB, memoryOfMap } from "./qemu-memory.ts";
import { FOUR_GIB } from "./setup-header.ts";

const LOW = { start: 0n, end: MIB, name: "SeaBIOS works there" };

/** Where a BIOS leaves ACPI's root pointer, and every kernel looks for it. */
const RSDP: MemoryRange = { start: 0xe_0000n, end: 0x10_0000n };

const PAGE = 0x1000;
const GIB = 0x4000_0000n;

/** Offsets in our code of what is written into it. */
const START = { address: 0x01, entry: 0xf8 } as const;

export const x86_64: QemuMachine = {
  program: "qemu-system-x86_64",
  memoryStart: 0n,
  describe(told, place) {
    const params = told && readBootParams(told);
    if (told === undefined || params === undefined) return shapeOf([], 0n, place);
    // The command line follows boot_params, wherever those are.
    const address = params.commandLine - BigInt(BOOT_PARAMS_SIZE);
    return shapeOf(readE820(told, readSetupData(told, address).list), readRsdp(told), place);
  },
};

function shapeOf(map: readonly E820Entry[], rsdp: bigint, place: string): QemuShape {
  const { size, low, machine } = memoryOfMap(map);
  const isKnown = map.length > 0;
  const acpi = { start: low - ACPI_ROOM, end: low, name: "SeaBIOS puts ACPI's tables there" };
  const taken = isKnown ? [LOW, acpi] : [LOW];
  return {
    machine: [machine ?? "q35"],
    cpu: "max",
    smp: ["1"],
    memory: mergeRanges(map.filter(isRam)),
    memorySize: size,
    memoryWords: [],
    taken,
    unchecked: isKnown ? ["how many cpus there are no zero page tells: qemu's -smp does"] : [],
    find() {
      const fact = isKnown ? (refuseMap(machine) ?? refuseRsdp(rsdp)) : undefined;
      return fact === undefined ? undefined : { place, fact };
    },
    start(image, entry) {
      const file = makeStart(
        image,
        entry,
        subtractRanges(isKnown ? map.filter(isRam) : [{ start: 0n, end: FOUR_GIB }], taken),
      );
      return { files: [{ name: "start", bytes: file, at: "kernel" }], words: [] };
    },
  };
}

function refuseMap(machine: string | undefined): string | undefined {
  if (machine !== undefined) return undefined;
  return "its memory map is none that qemu's q35 or pc has with a BIOS: zeropage --qemu makes one";
}

function refuseRsdp(rsdp: bigint): string | undefined {
  if (rsdp === 0n || (rsdp >= RSDP.start && rsdp < RSDP.end)) return undefined;
  return `its ACPI root pointer ${hex(rsdp)} is not SeaBIOS's: zeropage --qemu leaves it out, and kernels find it`;
}

/** Memory that the page tables map whole: all that has an address in 32 bits, and each GiB that the image has a part in. */
function mappedGibibytes({ segments }: KexecImage, entry: bigint): bigint[] {
  const parts = [{ start: 0n, end: FOUR_GIB }, { start: entry, end: entry + 1n }, ...segments];
  const numbers = new Set<bigint>();
  for (const { start, end } of parts) {
    for (let gibibyte = start / GIB; gibibyte * GIB < end; gibibyte++) numbers.add(gibibyte);
  }
  return [...numbers];
}

/** The ELF file with our code and its page tables, which lie in the lowest memory that is free. */
function makeStart(image: KexecImage, entry: bigint, free: readonly MemoryRange[]): Uint8Array {
  const gibibytes = mappedGibibytes(image, entry);
  const size = BigInt(PAGE + tablesSize(gibibytes));
  const page = BigInt(PAGE);
  const address = subtractRanges(free, image.segments)
    .map(({ start, end }) => ({ start: roundUp(start, page), end }))
    .find(({ start, end }) => start + size <= end && start + size <= FOUR_GIB)?.start;
  if (address === undefined) {
    throw new Failure("qemu", `no ${hex(size)} bytes are free below 4 GiB for what starts the image`);
  }
  const code = parseWords(startWords);
  const view = new DataView(code.buffer);
  view.setUint32(START.address, Number(address), true);
  view.setBigUint64(START.entry, entry, true);
  return makeElf(Number(address), code, makeTables(gibibytes, Number(address) + PAGE));
}

/** Of these the uppermost table and each below it have 512. */
const ENTRIES = 512n;
const PRESENT = 0x3;
const LARGE_PAGE = 0x83;
const LARGE_PAGE_SIZE = 0x20_0000;

function uppermostEntries(gibibytes: readonly bigint[]): bigint[] {
  return [...new Set(gibibytes.map((gibibyte) => gibibyte / ENTRIES))];
}

function tablesSize(gibibytes: readonly bigint[]): number {
  return PAGE * (1 + uppermostEntries(gibibytes).length + gibibytes.length);
}

/**
 * Page tables of four levels that map these GiB of memory one to one, in pages of 2 MiB.
 * @param address where they will lie: the uppermost one first
 */
function makeTables(gibibytes: readonly bigint[], address: number): Uint8Array {
  const bytes = new Uint8Array(tablesSize(gibibytes));
  const view = new DataView(bytes.buffer);
  const set = (table: number, entry: number, target: number, flags: number): void => {
    view.setUint32(table + 8 * entry, (target % 2 ** 32) + flags, true);
    view.setUint32(table + 8 * entry + 4, Math.floor(target / 2 ** 32), true);
  };
  let next = PAGE;
  for (const upper of uppermostEntries(gibibytes)) {
    const middle = next;
    next += PAGE;
    set(0, Number(upper), address + middle, PRESENT);
    for (const gibibyte of gibibytes.filter((each) => each / ENTRIES === upper)) {
      set(middle, Number(gibibyte % ENTRIES), address + next, PRESENT);
      const start = Number(gibibyte * GIB);
      for (let page = 0; page < ENTRIES; page++) set(next, page, start + LARGE_PAGE_SIZE * page, LARGE_PAGE);
      next += PAGE;
    }
  }
  return bytes;
}

const EM_386 = 3;
/** XEN_ELFNOTE_PHYS32_ENTRY (xen/include/public/elfnote.h). */
const PVH_ENTRY = 18;

/** An ELF file of 32 bits that is loaded at `address` and has its PVH entry there. */
function makeElf(address: number, code: Uint8Array, tables: Uint8Array): Uint8Array {
  const loaded = PAGE + tables.length;
  const bytes = new Uint8Array(PAGE + loaded);
  const view = new DataView(bytes.buffer);
  const words = (at: number, ...values: readonly number[]): void => {
    for (const [index, value] of values.entries()) view.setUint32(at + 4 * index, value, true);
  };
  const [headers, note, noteSize] = [52, 116, 20];
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  // e_type and e_machine, e_version, e_entry, e_phoff; e_ehsize and e_phentsize, e_phnum.
  words(16, (EM_386 << 16) | ET_EXEC, 1, address, headers);
  words(40, (32 << 16) | 52, 2);
  // p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align.
  words(headers, PT_LOAD, PAGE, address, address, loaded, loaded, PF_R | PF_W | PF_X, PAGE);
  words(headers + 32, PT_NOTE, note, 0, 0, noteSize, noteSize, PF_R, 4);
  words(note, 4, 4, PVH_ENTRY);
  bytes.set([0x58, 0x65, 0x6e, 0], note + 12);
  words(note + 16, address);
  bytes.set(code, PAGE);
  bytes.set(tables, 2 * PAGE);
  return bytes;
}
