// The memory map of qemu's machines for x86-64, as SeaBIOS tells it: made for a size of memory, and recognized.
// qemu: hw/i386/pc_q35.c, pc_piix.c (max-ram-below-4g), pc.c (HyperTransport's hole); SeaBIOS: src/fw/paravirt.c.

import { roundUp } from "../../range.ts";
import type { E820Entry } from "./boot-params.ts";
import { isRam, RAM, RESERVED } from "./e820.ts";
import { FOUR_GIB } from "./setup-header.ts";

export const MIB = 1n << 20n;

/** The upper end of the memory below 4 GiB in which SeaBIOS puts ACPI's tables: as a rule it takes 128 KiB. */
export const ACPI_ROOM = MIB;

/** A machine's memory below 4 GiB: all where there is less than `split`, else `low`. */
interface Machine {
  /** As -M has it. */
  readonly name: "q35" | "pc";
  readonly split: bigint;
  readonly low: bigint;
}

const machines: readonly Machine[] = [
  { name: "q35", split: 0xb000_0000n, low: 0x8000_0000n },
  { name: "pc", split: 0xe000_0000n, low: 0xc000_0000n },
];

/** Beyond it qemu puts memory elsewhere on some cpus, for HyperTransport is there. */
const HIGHEST = 0xfd_0000_0000n;

/** Bytes: what is below 1 MiB, and the room for ACPI's tables. */
export const LEAST_MEMORY = MIB + ACPI_ROOM + MIB;

/** The most that has one place on all cpus. */
export const MOST_MEMORY = HIGHEST - FOUR_GIB;

/** The usual machine's. @param memory bytes, of LEAST_MEMORY to MOST_MEMORY */
export function qemuMemoryMap(memory: bigint): E820Entry[] {
  const low = memory < 0xb000_0000n ? memory : 0x8000_0000n;
  const ranges: readonly (readonly [bigint, bigint, number])[] = [
    [0n, 0x9_fc00n, RAM],
    [0x9_fc00n, 0xa_0000n, RESERVED],
    [0xf_0000n, 0x10_0000n, RESERVED],
    [0x10_0000n, low - ACPI_ROOM, RAM],
    [low - ACPI_ROOM, low, RESERVED],
    // PCI Express's configuration space, and the chipset's registers.
    [0xb000_0000n, 0xc000_0000n, RESERVED],
    [0xfed1_c000n, 0xfed2_0000n, RESERVED],
    [0xfffc_0000n, FOUR_GIB, RESERVED],
    [FOUR_GIB, FOUR_GIB + memory - low, RAM],
    [HIGHEST, HIGHEST + 3n * FOUR_GIB, RESERVED],
  ];
  return ranges.filter(([start, end]) => start < end).map(([start, end, type]) => ({ start, end, type }));
}

export interface QemuMemory {
  /** Bytes of all RAM. */
  readonly size: bigint;
  /** Where that below 4 GiB ends. */
  readonly low: bigint;
  /** The machine that has it so; undefined where none of qemu's does. */
  readonly machine: "q35" | "pc" | undefined;
}

/** What has such a map. */
export function memoryOfMap(map: readonly E820Entry[]): QemuMemory {
  const ram = map.filter(isRam);
  let low = ram.reduce((end, range) => (range.end <= FOUR_GIB && range.end > end ? range.end : end), 0n);
  // What firmware keeps at the end of it is memory as well.
  for (const range of map) if (range.start === low && range.end <= FOUR_GIB) low = range.end;
  low = roundUp(low, MIB);
  const high = ram.reduce((sum, { start, end }) => (start >= FOUR_GIB ? sum + end - start : sum), 0n);
  const machine = machines.find((each) => (high === 0n ? low < each.split : low === each.low));
  return { size: low + high, low, machine: machine?.name };
}
