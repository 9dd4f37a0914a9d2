// Whether the running kernel mends a crash kernel's ELF core header itself when memory or cpus come or go.
// Linux: kernel/ksysfs.c (crash_elfcorehdr_size), kernel/crash_core.c (crash_handle_hotplug_event). crash_hotplug of
// /sys/devices/system/memory and cpu does not tell: since 6.10 it is of the crash kernel that is loaded, and 0 before.

import { Failure } from "../failure.ts";
import type { System } from "../sys/system.ts";

const SIZE = "/sys/kernel/crash_elfcorehdr_size";

/** More than a header of any machine takes: 65,534 program headers are 3.5 MiB. */
const MOST = 0x100_0000n;

export interface Hotplug {
  /** Of kexec_load(2): says that the kernel may. */
  readonly flag: number;
  /** Bytes of memory that the header has to have, for a larger one. */
  readonly least: bigint;
}

/**
 * @param flag undefined: no kernel of this machine does
 * @throws Failure where the running kernel does not
 */
export function readHotplug(system: System, flag: number | undefined): Hotplug {
  if (flag === undefined) throw new Failure("--hotplug", `no kernel of ${system.machine} mends the header itself`);
  const bytes = system.mustReadIfThere(SIZE);
  const size = bytes && system.text(bytes).trimEnd();
  if (size === undefined || !/^[0-9]{1,9}$/.test(size) || BigInt(size) > MOST) {
    throw new Failure("--hotplug", "the running kernel does not mend the header itself (CONFIG_CRASH_HOTPLUG)");
  }
  return { flag, least: BigInt(size) };
}
