// What the next kernel has to be told of this machine, and only the running kernel still knows.

import { attempt, Failure } from "../../failure.ts";
import type { System } from "../../sys/system.ts";
import { BOOT_PARAMS_SIZE, type E820Entry, readRsdp } from "./boot-params.ts";
import { readMemoryMap } from "./e820.ts";

export interface Running {
  readonly memoryMap: readonly E820Entry[];
  /** Physical address of the ACPI root pointer; 0n where the next kernel will find it by itself, or there is none. */
  readonly rsdp: bigint;
  /** What the running kernel was given. */
  readonly bootParams: Uint8Array | undefined;
}

const EFI = "/sys/firmware/efi";

/** @param rsdp the address that the user gave, if any */
export function readRunning(system: System, rsdp: bigint | undefined): Running {
  const bootParams = readOwnBootParams(system);
  const memoryMap = readMemoryMap(system, bootParams);
  return { memoryMap, rsdp: rsdp ?? findRsdp(system, bootParams), bootParams };
}

/**
 * /sys/kernel/boot_params/data (Documentation/ABI/testing/sysfs-kernel-boot_params); undefined where it is not there.
 * @throws Failure where it cannot be read, or not all of it
 */
export function readOwnBootParams(system: System): Uint8Array | undefined {
  const path = "/sys/kernel/boot_params/data";
  if (system.isMissing(path)) return undefined;
  const bytes = system.mustReadFile(path, BOOT_PARAMS_SIZE);
  if (bytes.length !== BOOT_PARAMS_SIZE) throw new Failure(path, `${bytes.length} bytes, not ${BOOT_PARAMS_SIZE}`);
  return bytes;
}

/**
 * On a machine that EFI has started, EFI's system table has it; its loader need not have told the kernel. A kernel that
 * was itself started by kexec knows no EFI, but has it in boot_params. A BIOS leaves it where every kernel looks.
 * @throws Failure on an EFI machine where it is not found: the next kernel would have one cpu and no ACPI
 */
function findRsdp(system: System, bootParams: Uint8Array | undefined): bigint {
  let why = "no ACPI20= there";
  const systab = attempt(
    () => system.mustReadIfThere(`${EFI}/systab`),
    () => (why = "it cannot be read"),
  );
  const lines = systab === undefined ? "" : system.text(systab);
  const inTable = /^ACPI20=(0x[0-9a-f]+)$/m.exec(lines) ?? /^ACPI=(0x[0-9a-f]+)$/m.exec(lines);
  if (inTable?.[1] !== undefined) return BigInt(inTable[1]);
  const told = bootParams && readRsdp(bootParams);
  if (told !== undefined && told !== 0n) return told;
  if (system.isMissing(EFI)) return 0n;
  const fact = `${why}, and the running kernel was told none: the next one would have one cpu and no ACPI`;
  throw new Failure(`${EFI}/systab`, `${fact}; --rsdp ADDR tells it`);
}
