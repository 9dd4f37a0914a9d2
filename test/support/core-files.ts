// What a running kernel shows of a crash that it is ready for: its notes, and /proc/kcore, by which its memory is mapped.

import { abis } from "../../src/sys/abi.ts";
import type { Machine } from "../../src/sys/engine.ts";

export const NOTES_SIZE = 0x178;

/** The notes of cpus by their numbers: each has its own page from here on. */
export const NOTES_START = 0x300_0000;

export const VMCOREINFO = { start: 0x380_0000, size: 0x1024 } as const;

/** /sys of a kernel with so many cpus. */
export function crashFiles(cpus: number): Record<string, string> {
  const notes = Array.from({ length: cpus }, (_, cpu) => [
    [`/sys/devices/system/cpu/cpu${cpu}/crash_notes`, `${(NOTES_START + 0x1000 * cpu).toString(16)}\n`],
    [`/sys/devices/system/cpu/cpu${cpu}/crash_notes_size`, `${NOTES_SIZE}\n`],
  ]).flat();
  return {
    ...Object.fromEntries(notes),
    "/sys/kernel/vmcoreinfo": `0x${VMCOREINFO.start.toString(16)} ${VMCOREINFO.size.toString(16)}\n`,
  };
}

interface Mapped {
  readonly address: bigint;
  /** Physical; all ones for what is no memory. */
  readonly physical: bigint;
  readonly size: bigint;
  /** Its first bytes. */
  readonly bytes?: Uint8Array;
}

export const NO_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** A /proc/kcore. Each mapped piece has 1 MiB of the file, whatever its size says. */
export function coreFile(machine: Machine, mapped: readonly Mapped[]): Buffer {
  const little = abis[machine].endian === "little";
  const file = Buffer.alloc(0x10_0000 * (1 + mapped.length));
  const view = new DataView(file.buffer, file.byteOffset);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, little ? 1 : 2, 1]);
  view.setUint16(16, 4, little);
  view.setUint16(18, abis[machine].elfMachine, little);
  view.setBigUint64(32, 64n, little);
  view.setUint16(54, 56, little);
  view.setUint16(56, mapped.length, little);
  for (const [index, { address, physical, size, bytes }] of mapped.entries()) {
    const at = 64 + 56 * index;
    const offset = 0x10_0000 * (index + 1);
    view.setUint32(at, 1, little);
    view.setUint32(at + 4, 7, little);
    for (const [field, value] of [BigInt(offset), address, physical, size, size].entries()) {
      view.setBigUint64(at + 8 + 8 * field, value, little);
    }
    if (bytes !== undefined) file.set(bytes, offset);
  }
  return file;
}
