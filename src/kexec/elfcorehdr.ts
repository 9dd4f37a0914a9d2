// The ELF core header of a running kernel: /proc/vmcore of its crash kernel begins with it, and finds all else by it.
// Linux: kernel/crash_core.c (crash_prepare_elf64_headers), fs/proc/vmcore.c, to which p_offset is a physical address.

import { ET_CORE, encodeHeaders, MOST_COUNTED, PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE, sizeOfHeaders } from "../elf.ts";
import { Failure } from "../failure.ts";
import { type MemoryRange, max, roundUp } from "../range.ts";
import type { KernelMap } from "./kernel-maps.ts";

/** What the header tells of. All addresses are physical ones but those that say otherwise. */
export interface CoreParts {
  readonly elfMachine: number;
  readonly endian: "big" | "little";
  /** Where each cpu leaves its registers, then what says how the kernel was built. */
  readonly notes: readonly MemoryRange[];
  /** What is mapped elsewhere than with all RAM: the kernel's own code and data. */
  readonly text: readonly KernelMap[];
  /** All that is to be saved, sorted and merged, without `copied`. */
  readonly memory: readonly MemoryRange[];
  /** The virtual address of physical address 0 where all RAM is mapped. */
  readonly linear: bigint;
  /** What the crash kernel writes over before anybody reads it: its bytes lie behind the header. */
  readonly copied: CopiedMemory | undefined;
}

export interface CopiedMemory {
  readonly start: bigint;
  readonly bytes: Uint8Array;
}

/** How much memory it takes. */
export interface CoreSizes {
  /** What all sizes are multiples of, and the copied memory's place. */
  readonly page: bigint;
  /** Bytes that are kept for the header at least, for a kernel that makes a larger one when memory comes. */
  readonly least: bigint;
}

/** Bytes of it all. */
export function sizeOfCoreHeader(parts: CoreParts, sizes: CoreSizes): bigint {
  return copyOffset(parts, sizes) + roundUp(BigInt(parts.copied?.bytes.length ?? 0), sizes.page);
}

/** Where the copied memory is, from the header's first byte on: where that ends, in whole pages. */
function copyOffset({ notes, text, memory, copied }: CoreParts, { page, least }: CoreSizes): bigint {
  const count = notes.length + text.length + memory.length + (copied === undefined ? 0 : 1);
  if (count > MOST_COUNTED) {
    throw new Failure(
      "memory",
      `${count} program headers, of which ${MOST_COUNTED} is the most that an ELF header counts`,
    );
  }
  return roundUp(max(BigInt(sizeOfHeaders(count)), least), page);
}

/**
 * The bytes for a header that is loaded at `address`, on which they depend where memory is copied.
 * @throws Failure for more ranges than one can tell of
 */
export function makeCoreHeader(parts: CoreParts, sizes: CoreSizes, address: bigint): Uint8Array {
  const { elfMachine, endian, notes, text, memory, linear, copied } = parts;
  const copyAt = copyOffset(parts, sizes);
  const load = (offset: bigint, physical: bigint, virtual: bigint, size: bigint) => ({
    ...{ type: PT_LOAD, flags: PF_R | PF_W | PF_X, offset, physical, address: BigInt.asUintN(64, virtual) },
    ...{ fileSize: size, memorySize: size, align: 0n },
  });
  const headers = [
    ...notes.map(({ start, end }) => ({
      ...{ type: PT_NOTE, flags: 0, offset: start, physical: start, address: 0n },
      ...{ fileSize: end - start, memorySize: end - start, align: NOTE_ALIGNMENT },
    })),
    ...text.map(({ start, end, address: virtual }) => load(start, start, virtual, end - start)),
    ...(copied === undefined
      ? []
      : [load(address + copyAt, copied.start, linear + copied.start, BigInt(copied.bytes.length))]),
    ...memory.map(({ start, end }) => load(start, start, linear + start, end - start)),
  ];
  const bytes = new Uint8Array(Number(sizeOfCoreHeader(parts, sizes)));
  bytes.set(encodeHeaders({ endian, type: ET_CORE, machine: elfMachine, headers }));
  if (copied !== undefined) bytes.set(copied.bytes, Number(copyAt));
  return bytes;
}

/** Of the notes of Linux, whose names and contents are padded to it. */
const NOTE_ALIGNMENT = 4n;
