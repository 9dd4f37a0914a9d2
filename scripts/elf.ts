// The part of ELF that a kernel image is made of: 64-bit files, their endianness, and what their PT_LOADs put
// where.

import { Failure, hex } from "../src/failure.ts";

const PT_LOAD = 1;

interface Load {
  offset: number;
  filesz: number;
  paddr: bigint;
  memsz: number;
}

export interface Elf {
  endian: "big" | "little";
  /** e_machine. */
  machine: number;
  /** PT_LOADs in ascending order of physical address, at least one. */
  loads: readonly Load[];
}

/** The memory of an executable as one run of bytes, from its lowest physical address. */
export interface FlatImage {
  bytes: Uint8Array;
  /**
   * Bytes of memory it needs, never less than there are bytes: what follows is .bss, which a loader must keep
   * free.
   */
  memsz: number;
}

/**
 * Reads the header and the program headers of a 64-bit ELF file.
 * @param name for the message when it is none
 * @throws Failure for what is not ELF, not 64-bit, cut short or loads nothing
 */
export function readElf(name: string, bytes: Uint8Array): Elf {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 64 || view.getUint32(0) !== 0x7f454c46) throw new Failure(name, "not an ELF file");
  if (bytes[4] !== 2) throw new Failure(name, "not a 64-bit ELF file");
  const little = bytes[5] === 1;
  const headers = Number(view.getBigUint64(0x20, little));
  const size = view.getUint16(0x36, little);
  const count = view.getUint16(0x38, little);
  if (headers + size * count > bytes.length) throw new Failure(name, "program headers beyond the end of the file");
  const loads = Array.from({ length: count }, (_, index) => headers + size * index)
    .filter((at) => view.getUint32(at, little) === PT_LOAD)
    .map((at) => ({
      offset: Number(view.getBigUint64(at + 8, little)),
      paddr: view.getBigUint64(at + 24, little),
      filesz: Number(view.getBigUint64(at + 32, little)),
      memsz: Number(view.getBigUint64(at + 40, little)),
    }))
    .sort((a, b) => (a.paddr < b.paddr ? -1 : 1));
  if (loads.length === 0) throw new Failure(name, "no PT_LOAD");
  const cut = loads.find((load) => load.offset + load.filesz > bytes.length);
  if (cut !== undefined) throw new Failure(name, `the segment at ${hex(cut.paddr)} ends beyond the end of the file`);
  return { endian: little ? "little" : "big", machine: view.getUint16(0x12, little), loads };
}

/**
 * What `objcopy -O binary` makes of an executable: the bytes of its PT_LOADs by physical address, gaps filled
 * with zeros.
 */
export function flatImage(name: string, bytes: Uint8Array): FlatImage {
  const { loads } = readElf(name, bytes);
  const start = loads[0]?.paddr ?? 0n;
  const placed = loads.map((load) => ({ ...load, at: Number(load.paddr - start) }));
  const withBytes = placed.filter((load) => load.filesz > 0);
  const flat = new Uint8Array(Math.max(0, ...withBytes.map((load) => load.at + load.filesz)));
  for (const { at, offset, filesz } of withBytes) flat.set(bytes.subarray(offset, offset + filesz), at);
  return { bytes: flat, memsz: Math.max(...placed.map((load) => load.at + load.memsz)) };
}
