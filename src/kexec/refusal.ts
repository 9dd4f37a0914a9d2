// Why the kernel refused a call, for somebody who has to mend it: the whole call, its errno, and the cause.

import { EXIT, Failure, hex } from "../failure.ts";
import { errno } from "../sys/errno.ts";
import errnoText from "../sys/strerror.ts";
import type { System } from "../sys/system.ts";
import { hasCall, type LoadCall, NO_KEXEC_LOAD } from "./calls.ts";
import { type Attempt, callOf, causes, type FileWay, isCrash, quoteLog, type Refused, tellNotBuilt } from "./causes.ts";
import { isLockedDown, isUsedUp, type Permission, readPermission } from "./permission.ts";
import { isLoaded } from "./status.ts";

/** The whole refused call, the errno and its cause. */
export function refusal(system: System, attempt: Attempt, result: number): Failure {
  const call = callOf(attempt);
  const refused = { system, attempt, result, permission: readPermission(system) };
  const words = describeAttempt(attempt);
  const place = words === "" ? call : `${call}(${words})`;
  for (const { errno: name, calls, tell } of causes) {
    if (errno[name] !== -result || !calls.includes(call)) continue;
    const cause = tell(refused);
    if (cause !== undefined)
      return new Failure(place, `${errnoText(result)}: ${cause}${tellLoss(refused)}`, EXIT.refused);
  }
  const cause = attempt.kind === "jump" ? "" : `: the kernel does not say why${quoteLog(refused)}${tellLoss(refused)}`;
  return new Failure(place, errnoText(result) + cause, EXIT.refused);
}

/** What else there is where kexec_load(2) fails. */
export interface OtherWays {
  /** The same kernel as a file; undefined where kexec_file_load(2) would take none. */
  readonly asFile?: (() => FileWay | undefined) | undefined;
  /** Loads it by kexec_file_load(2), for a reason that it is told: the exit code. */
  readonly otherCall?: ((why: string) => number) | undefined;
}

/** Told in place of any other failure where the kernel has none of the calls that would load; undefined where it has one. */
export function segmentsNotBuilt(system: System, { asFile, otherCall }: OtherWays): Failure | undefined {
  if (otherCall !== undefined) return notBuilt(system, ["kexec_load", "kexec_file_load"]);
  return notBuilt(system, ["kexec_load"], asFile?.() === undefined ? undefined : ["kexec_file_load", "kexec -s asks"]);
}

/** The same for those who load by kexec_file_load(2). */
export function filesNotBuilt(system: System): Failure | undefined {
  return notBuilt(system, ["kexec_file_load"], ["kexec_load", "without -s kexec asks"]);
}

/** @param other another call, and who asks it: whether it would load is not known, since something else is wrong as well */
function notBuilt(
  system: System,
  calls: readonly LoadCall[],
  other?: readonly [call: LoadCall, who: string],
): Failure | undefined {
  const permission = readPermission(system);
  if (calls.some((call) => hasCall(system, call, permission) !== false)) return undefined;
  const isOther = other !== undefined && hasCall(system, other[0], permission) === true;
  const way = isOther ? `; ${other[1]} ${other[0]}, which is there` : "";
  return new Failure(calls.join(", "), tellNotBuilt(calls) + way, EXIT.refused);
}

/**
 * Why `kexec -a` goes on to kexec_file_load(2) after kexec_load(2) gave `result`: it is not there, or lockdown is all that
 * forbids it. undefined: it does not go on. With UEFI Secure Boot IMA is asked before lockdown, and says EACCES.
 */
export function whyOtherCall(result: number, permission: Permission, crash: boolean): string | undefined {
  if (result === -errno.ENOSYS) return NO_KEXEC_LOAD;
  const { hasBootCapability, isInUserNamespace, lockdown } = permission;
  const isForbidden =
    !hasBootCapability || isInUserNamespace || permission.isDisabled === true || isUsedUp(permission, crash);
  const isRefused = result === -errno.EPERM || result === -errno.EACCES;
  if (!isRefused || isForbidden || !isLockedDown(lockdown)) return undefined;
  return `kernel lockdown is ${lockdown.mode}`;
}

function describeAttempt(attempt: Attempt): string {
  if (attempt.kind === "jump") return "";
  const onCrash = isCrash(attempt) ? ", on crash" : "";
  if (attempt.kind === "unload") return `unload${onCrash}`;
  if (attempt.kind === "files") {
    const { kernel, initrd } = attempt.files;
    return `kernel ${kernel.name}${initrd === undefined ? "" : `, initrd ${initrd.name}`}${onCrash}`;
  }
  const { entry, segments, arch } = attempt.image;
  const count = segments.length === 1 ? "1 segment" : `${segments.length} segments`;
  return `entry ${hex(entry ?? 0n)}, ${count}, arch ${arch}${onCrash}`;
}

/** The kernel forgets a crash kernel before it looks at the next one. */
function tellLoss({ system, attempt }: Refused): string {
  const had = (attempt.kind === "segments" || attempt.kind === "files") && attempt.hadCrashKernel === true;
  return had && isLoaded(system, true) === false ? "; the crash kernel that was loaded before is lost" : "";
}
