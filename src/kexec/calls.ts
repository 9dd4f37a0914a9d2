// The two system calls that load a kernel: their flags, and which of them the running kernel has.

import { errno } from "../sys/errno.ts";
import type { System } from "../sys/system.ts";
import { isLockedDown, type Permission, STATUS } from "./permission.ts";

export type LoadCall = "kexec_load" | "kexec_file_load";

/** To kexec_load(2), linux/kexec.h. */
const KEXEC_ON_CRASH = 1;
export const KEXEC_UPDATE_ELFCOREHDR = 4;
export const KEXEC_CRASH_HOTPLUG_SUPPORT = 8;
const KEXEC_ARCH_SHIFT = 16n;
/** KEXEC_SEGMENT_MAX. */
export const MOST_SEGMENTS = 16;

/**
 * What kexec_load(2) is told of the running kernel's architecture: 0 is the kernel's own. It says EINVAL to a program of fewer
 * bits that does not name it, whatever is asked for (kernel/kexec.c, compat_sys_kexec_load).
 */
export function ownArch({ abi, elfMachine }: System): bigint {
  return abi.elfMachine === elfMachine ? 0n : BigInt(elfMachine);
}

/** The last argument of kexec_load(2). */
export function loadFlags(arch: bigint, crash: boolean, flags = 0): bigint {
  return (arch << KEXEC_ARCH_SHIFT) | BigInt(flags | (crash ? KEXEC_ON_CRASH : 0));
}

/** To kexec_file_load(2). */
export const KEXEC_FILE_UNLOAD = 1;
export const KEXEC_FILE_ON_CRASH = 2;
export const KEXEC_FILE_NO_INITRAMFS = 4;

/** Flags that neither call has. Nothing is below them that unloads, and no kernel looks at more before it says EINVAL. */
const NO_SUCH_FLAGS = 0x8000;

/** Why somebody asks kexec_file_load(2) in place of the other. */
export const NO_KEXEC_LOAD = "the running kernel has no kexec_load";

/** In place of a descriptor. */
export const NO_FILE = -1;

/**
 * Whether the running kernel has the call. It is asked for something that no kernel does: more segments than there may be,
 * flags that there are not. A kernel that has the call answers EINVAL, or EPERM to those who may not load; one that has it
 * not answers ENOSYS to everybody. No kernel is loaded by that, and none unloaded.
 * @returns undefined where asking could do something: use up a load that is counted (Linux 6.3), end a process that has a
 *   seccomp filter, put a line about a load that lockdown forbids into the kernel's log. IMA under UEFI Secure Boot without
 *   lockdown, and SELinux where its policy forbids loads, may leave such a line all the same
 */
export function hasCall(system: System, call: LoadCall, permission: Permission): boolean | undefined {
  if (whyNotAsked(call, permission) !== undefined) return undefined;
  const result =
    call === "kexec_load"
      ? system.call(call, 0, MOST_SEGMENTS + 1, null, NO_SUCH_FLAGS)
      : system.call(call, NO_FILE, NO_FILE, 0, null, NO_SUCH_FLAGS);
  return result !== -errno.ENOSYS;
}

/** Why hasCall() does not ask; undefined where it does. */
export function whyNotAsked(call: LoadCall, permission: Permission): string | undefined {
  if (permission.hasFilter === undefined) return `${STATUS} cannot be read`;
  if (permission.hasFilter) return "a seccomp filter is set";
  if (countsLoads(permission)) return "asking would use up a load";
  return call === "kexec_load" && isLockedDown(permission.lockdown) ? "under lockdown it loads nothing" : undefined;
}

/** A load counts where it is permitted, before anything else is looked at: kexec_load_permitted() in kernel/kexec_core.c. */
function countsLoads({ hasBootCapability, isDisabled, limits }: Permission): boolean {
  return hasBootCapability && isDisabled !== true && limits.reboot !== "none" && limits.reboot !== 0;
}
