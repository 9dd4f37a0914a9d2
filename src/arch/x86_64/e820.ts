// The firmware's memory map, as the running kernel shows it and as the next one is told it.
// Linux: Documentation/ABI/testing/sysfs-firmware-memmap, arch/x86/kernel/e820.c (e820_type_to_string).

import { Failure } from "../../failure.ts";
import { type MemoryRange, rangeOfSize } from "../../range.ts";
import type { System } from "../../sys/system.ts";

export interface E820Entry extends MemoryRange {
  /** E820_TYPE_RAM, 1, and its like (arch/x86/include/asm/e820/types.h). */
  readonly type: number;
}

/** boot_params.e820_table has so many (E820_MAX_ENTRIES_ZEROPAGE). */
export const MOST_ENTRIES = 128;

/** struct boot_e820_entry: u64 address, u64 size, u32 type, packed. */
export const ENTRY_SIZE = 20;

/** Offsets in the zero page. */
export const ENTRY_COUNT = 0x1e8;
export const ENTRY_TABLE = 0x2d0;

const RESERVED = 2;

const types: Readonly<Record<string, number>> = {
  "System RAM": 1,
  Reserved: RESERVED,
  "ACPI Tables": 3,
  "ACPI Non-volatile Storage": 4,
  "Unusable memory": 5,
  "Persistent Memory": 7,
  "Persistent Memory (legacy)": 12,
};

const FIRMWARE_MAP = "/sys/firmware/memmap";

/**
 * The map that the firmware gave, in its order; from `bootParams`, the zero page that the running kernel was given, where
 * the kernel was built without CONFIG_FIRMWARE_MEMMAP.
 * @throws Failure where neither says anything
 */
export function memoryMap(system: System, bootParams: Uint8Array | undefined): E820Entry[] {
  const entries = fromSysfs(system) ?? (bootParams === undefined ? [] : entriesIn(bootParams));
  if (entries.length === 0) throw new Failure(FIRMWARE_MAP, "no memory map there, nor in /sys/kernel/boot_params/data");
  return entries;
}

function fromSysfs(system: System): E820Entry[] | undefined {
  return system
    .listIfThere(FIRMWARE_MAP)
    ?.map(({ name }) => Number(name))
    .sort((a, b) => a - b)
    .map((index) => ({
      start: numberIn(system, `${FIRMWARE_MAP}/${index}/start`),
      // It names the last byte.
      end: numberIn(system, `${FIRMWARE_MAP}/${index}/end`) + 1n,
      type: types[lineIn(system, `${FIRMWARE_MAP}/${index}/type`)] ?? RESERVED,
    }));
}

function numberIn(system: System, path: string): bigint {
  const line = lineIn(system, path);
  if (!/^0x[0-9a-f]+$/.test(line)) throw new Failure(path, `'${line}' is not a hexadecimal number`);
  return BigInt(line);
}

function lineIn(system: System, path: string): string {
  const bytes = system.readIfThere(path);
  if (bytes === undefined) throw new Failure(path, "cannot be read");
  return system.text(bytes).trimEnd();
}

/** The entries in a zero page. */
export function entriesIn(zeroPage: Uint8Array): E820Entry[] {
  const view = new DataView(zeroPage.buffer, zeroPage.byteOffset, zeroPage.length);
  return Array.from({ length: Math.min(zeroPage[ENTRY_COUNT]!, MOST_ENTRIES) }, (_, index) => {
    const at = ENTRY_TABLE + ENTRY_SIZE * index;
    const range = rangeOfSize(view.getBigUint64(at, true), view.getBigUint64(at + 8, true));
    return { ...range, type: view.getUint32(at + 16, true) };
  });
}
