// The firmware's memory map, as the running kernel shows it and as the next one gets it.
// Linux: Documentation/ABI/testing/sysfs-firmware-memmap, arch/x86/kernel/e820.c (e820_type_to_string).

import { Failure } from "../../failure.ts";
import type { System } from "../../sys/system.ts";
import { type E820Entry, readE820 } from "./boot-params.ts";

const RAM = 1;
const RESERVED = 2;

const TYPES: Readonly<Record<string, number>> = {
  "System RAM": RAM,
  Reserved: RESERVED,
  "ACPI Tables": 3,
  "ACPI Non-volatile Storage": 4,
  "Unusable memory": 5,
  "Persistent Memory": 7,
  "Persistent Memory (legacy)": 12,
};

export function isRam({ type }: E820Entry): boolean {
  return type === RAM;
}

const FIRMWARE_MAP = "/sys/firmware/memmap";

/**
 * The map that the firmware gave, in its order; from `bootParams`, what the running kernel was given, where
 * the kernel was built without CONFIG_FIRMWARE_MEMMAP.
 * @throws Failure where neither says anything
 */
export function readMemoryMap(system: System, bootParams: Uint8Array | undefined): E820Entry[] {
  const entries = readFirmwareMap(system) ?? (bootParams === undefined ? [] : readE820(bootParams));
  if (entries.length === 0) throw new Failure(FIRMWARE_MAP, "no memory map there, nor in /sys/kernel/boot_params/data");
  return entries;
}

function readFirmwareMap(system: System): E820Entry[] | undefined {
  return system
    .listIfThere(FIRMWARE_MAP)
    ?.map(({ name }) => Number(name))
    .sort((a, b) => a - b)
    .map((index) => ({
      start: readNumber(system, `${FIRMWARE_MAP}/${index}/start`),
      // It names the last byte.
      end: readNumber(system, `${FIRMWARE_MAP}/${index}/end`) + 1n,
      type: TYPES[readLine(system, `${FIRMWARE_MAP}/${index}/type`)] ?? RESERVED,
    }));
}

function readNumber(system: System, path: string): bigint {
  const line = readLine(system, path);
  if (!/^0x[0-9a-f]+$/.test(line)) throw new Failure(path, `'${line}' is not a hexadecimal number`);
  return BigInt(line);
}

function readLine(system: System, path: string): string {
  const bytes = system.readIfThere(path);
  if (bytes === undefined) throw new Failure(path, "cannot be read");
  return system.text(bytes).trimEnd();
}
