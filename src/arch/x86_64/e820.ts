// The firmware's memory map, as the running kernel shows it and as the next one gets it.
// Linux: Documentation/ABI/testing/sysfs-firmware-memmap, arch/x86/kernel/e820.c (e820_type_to_string).

import { Failure } from "../../failure.ts";
import { intersectSorted, type MemoryRange, mergeRanges, subtractRanges } from "../../range.ts";
import type { System } from "../../sys/system.ts";
import { type E820Entry, readE820, type SetupData } from "./boot-params.ts";

/** E820_TYPE_RAM and E820_TYPE_RESERVED. */
export const RAM = 1;
export const RESERVED = 2;
const LEGACY_PERSISTENT = 12;
const SOFT_RESERVED = 0xefff_ffff;

/** By the kernel's names. What else there is has "Unknown E820 type", which it leaves alone as it does reserved memory. */
const TYPES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "System RAM": RAM,
    Reserved: RESERVED,
    "ACPI Tables": 3,
    "ACPI Non-volatile Storage": 4,
    "Unusable memory": 5,
    "Persistent Memory": 7,
    "Persistent Memory (legacy)": LEGACY_PERSISTENT,
    "Soft Reserved": SOFT_RESERVED,
  }),
);

/** Of these two ranges stay as they are: their bounds may be those of a node or a device (e820_nomerge). */
const NOT_MERGED = [LEGACY_PERSISTENT, SOFT_RESERVED];

const FIRMWARE_MAP = "/sys/firmware/memmap";
const SETUP_DATA = "/sys/kernel/boot_params/setup_data";

export function isRam({ type }: E820Entry): boolean {
  return type === RAM;
}

/** Every kernel starts its other cpus below this; a firmware's own data lies here too. */
export const LOW_END = 0x100000n;

/** The map for a crash kernel: of all RAM only what is below 1 MiB or in `usable`. The rest is no memory to it. */
export function confineMap(map: readonly E820Entry[], usable: readonly MemoryRange[]): E820Entry[] {
  const kept = mergeRanges([{ start: 0n, end: LOW_END }, ...usable]);
  return map.flatMap((entry) =>
    isRam(entry) ? intersectSorted(entry, kept).map((range) => ({ ...range, type: RAM })) : [entry],
  );
}

/** The map without this memory: what is told of elsewhere, and must stay as it is. */
export function cutFromMap(map: readonly E820Entry[], range: MemoryRange): E820Entry[] {
  return map.flatMap((entry) =>
    isRam(entry) ? subtractRanges([entry], [range]).map((left) => ({ ...left, type: RAM })) : [entry],
  );
}

/**
 * The map that the firmware gave, sorted, with ranges of one type that touch or overlap as one; from `bootParams`, what the running kernel was given, where
 * the kernel was built without CONFIG_FIRMWARE_MEMMAP.
 * @throws Failure where neither says anything
 */
export function readMemoryMap(system: System, bootParams: Uint8Array | undefined): E820Entry[] {
  const entries =
    readFirmwareMap(system) ?? (bootParams === undefined ? [] : readE820(bootParams, readOwnSetupData(system)));
  if (entries.length === 0) throw new Failure(FIRMWARE_MAP, "no memory map there, nor in /sys/kernel/boot_params/data");
  return mergeEntries(entries);
}

/** Bytes of one of these files. */
const MOST_DATA = 64 * 1024;

/** What more the running kernel was given (Documentation/ABI/testing/sysfs-kernel-boot_params). */
function readOwnSetupData(system: System): SetupData[] {
  return listNumbers(system, SETUP_DATA).map((index) => ({
    type: Number(readNumber(system, `${SETUP_DATA}/${index}/type`)),
    data: system.mustReadFile(`${SETUP_DATA}/${index}/data`, MOST_DATA),
  }));
}

function mergeEntries(entries: readonly E820Entry[]): E820Entry[] {
  const byType = new Map<number, E820Entry[]>();
  for (const entry of entries) {
    if (entry.start >= entry.end) continue;
    const ofType = byType.get(entry.type);
    if (ofType === undefined) byType.set(entry.type, [entry]);
    else ofType.push(entry);
  }
  const merged = [...byType].flatMap(([type, ranges]) =>
    NOT_MERGED.includes(type) ? ranges : mergeRanges(ranges).map(({ start, end }) => ({ start, end, type })),
  );
  return merged.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
}

function readFirmwareMap(system: System): E820Entry[] | undefined {
  const indexes = listNumbers(system, FIRMWARE_MAP);
  if (indexes.length === 0) return undefined;
  return indexes.map((index) => ({
    start: readNumber(system, `${FIRMWARE_MAP}/${index}/start`),
    // It names the last byte.
    end: readNumber(system, `${FIRMWARE_MAP}/${index}/end`) + 1n,
    type: TYPES.get(readLine(system, `${FIRMWARE_MAP}/${index}/type`)) ?? RESERVED,
  }));
}

/** What a directory has whose entries are numbered, in the order of their numbers; none where it is not there. */
function listNumbers(system: System, path: string): number[] {
  const names = (system.mustListIfThere(path) ?? []).map(({ name }) => name);
  return names
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

function readNumber(system: System, path: string): bigint {
  const line = readLine(system, path);
  if (!/^0x[0-9a-f]+$/.test(line)) throw new Failure(path, `'${line}' is not a hexadecimal number`);
  return BigInt(line);
}

function readLine(system: System, path: string): string {
  return system.text(system.mustReadFile(path, MOST_DATA)).trimEnd();
}
