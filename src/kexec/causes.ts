// Each errno's causes, as a table: of the calls that load a kernel or jump into one. docs/refusals.md has a row for each.
// Linux: kernel/kexec.c, kexec_file.c, kexec_core.c; fs/kernel_read_file.c; security/; crypto/asymmetric_keys.

import { hex } from "../failure.ts";
import { readPe } from "../pe.ts";
import { type ErrnoName, errno } from "../sys/errno.ts";
import { lastOfLog } from "../sys/kernel-log.ts";
import type { System } from "../sys/system.ts";
import { hasCall, type LoadCall } from "./calls.ts";
import { readMemoryInfo } from "./facts.ts";
import type { KernelFiles } from "./file-checks.ts";
import type { KexecImage } from "./image.ts";
import {
  isLockedDown,
  isUsedUp,
  type Permission,
  readImaPolicy,
  tellIncapable,
  whyNoSecurityFiles,
} from "./permission.ts";
import { isLoaded } from "./status.ts";

/** What the checks have to say of the kernel's `result`. */
export type Explain = (result: number) => string | undefined;

/** What the two calls that load have alike. */
interface LoadAttempt {
  readonly explain: Explain;
  /** Whether a crash kernel was loaded, which the kernel forgets before it looks at another. */
  readonly hadCrashKernel?: boolean;
}

/** What the kernel was asked for. */
export type Attempt =
  | (LoadAttempt & {
      readonly kind: "segments";
      readonly image: Pick<KexecImage, "segments" | "entry" | "arch" | "crash">;
      /** The same kernel as a file, where there is one that kexec_file_load(2) could be given. */
      readonly asFile?: FileWay | undefined;
    })
  | (LoadAttempt & {
      readonly kind: "files";
      readonly files: KernelFiles;
      readonly checksSignature: boolean;
    })
  | {
      readonly kind: "unload";
      readonly call: LoadCall;
      readonly crash: boolean;
      /** Whether it only makes room for a load. */
      readonly isForLoad: boolean;
    }
  | { readonly kind: "jump" };

/** A kernel's file, as far as it decides whether kexec_file_load(2) would take it. */
export interface FileWay {
  readonly name: string;
  /** Its first bytes. */
  readonly head: Uint8Array;
  /** Whether that call looks at its signature under lockdown. */
  readonly checksSignature: boolean;
}

export interface Refused {
  readonly system: System;
  readonly attempt: Attempt;
  readonly permission: Permission;
  readonly result: number;
}

export type Call = LoadCall | "reboot";

export interface Cause {
  /** As docs/refusals.md has it. */
  readonly name: string;
  readonly errno: ErrnoName;
  readonly calls: readonly Call[];
  /** Undefined where this is not the cause. */
  tell(refused: Refused): string | undefined;
}

const SEGMENTS = ["kexec_load"] as const;
const FILES = ["kexec_file_load"] as const;
const LOADS = ["kexec_load", "kexec_file_load"] as const;
const ALL = [...LOADS, "reboot"] as const;

type Row = readonly [name: string, errno: ErrnoName, calls: readonly Call[], tell: Cause["tell"]];

const FIND = "--diagnose finds it";
const TORN = "part of a file is not there: it shrank meanwhile, or its file system was full when it was written";

/** Of each errno the plainest first, and last what remains. */
const rows: readonly Row[] = [
  ["capability", "EPERM", ALL, lacksCapability],
  ["user-namespace", "EPERM", ALL, isInNamespace],
  ["disabled", "EPERM", LOADS, isDisabled],
  ["limit", "EPERM", LOADS, isOverLimit],
  ["lockdown", "EPERM", SEGMENTS, isUnderLockdown],
  ["lockdown-signature", "EPERM", FILES, isUnsignedUnderLockdown],
  ["loadpin", "EPERM", LOADS, isPinned],
  ["filter", "EPERM", ALL, hasFilter],
  ["not-shown", "EPERM", LOADS, cannotTell],
  ["module", "EPERM", LOADS, (refused) => blameModule(refused, "refuses it")],
  ["other", "EPERM", ["reboot"], () => "CAP_SYS_BOOT is missing"],

  ["ima", "EACCES", LOADS, lacksImaSignature],
  ["ima-file", "EACCES", SEGMENTS, lacksFile],
  ["module", "EACCES", LOADS, (refused) => blameModule(refused, "refuses unsigned loads")],

  ["filter", "ENOSYS", LOADS, hidesCall],
  ["not-built", "ENOSYS", LOADS, isNotBuilt],

  ["stuck-cpus", "EBUSY", LOADS, hasStuckCpus],
  ["under-way", "EBUSY", ALL, () => "another load is under way"],

  ["memory", "ENOMEM", LOADS, lacksMemory],

  ["torn-file", "EFAULT", SEGMENTS, ({ system }) => system.findLoss()?.message ?? TORN],

  ["segment", "EADDRNOTAVAIL", SEGMENTS, explained],
  ["other", "EADDRNOTAVAIL", SEGMENTS, () => `a segment lies where the kernel loads none; ${FIND}`],
  ["file", "EADDRNOTAVAIL", FILES, explained],
  ["no-room", "EADDRNOTAVAIL", FILES, hasNoRoom],

  ["segment", "EINVAL", SEGMENTS, explained],
  ["other", "EINVAL", SEGMENTS, () => "the kernel does not say why; --diagnose finds the segment"],
  ["file", "EINVAL", FILES, explained],
  ["other", "EINVAL", FILES, withLog("the kernel does not say why")],
  ["not-built", "EINVAL", ["reboot"], hasNeitherCall],
  ["not-loaded", "EINVAL", ["reboot"], isNotLoaded],

  ["segment", "ETXTBSY", SEGMENTS, explained],
  ["other", "ETXTBSY", SEGMENTS, () => `a segment lies over the running kernel or a TCE table; ${FIND}`],
  ["written", "ETXTBSY", FILES, () => "a file is open for writing: the kernel takes none that may change"],

  ["file", "ENOEXEC", FILES, explained],
  ["other", "ENOEXEC", FILES, withLog("no kernel that this call takes")],
  ["file", "EFBIG", FILES, explained],
  ["other", "EFBIG", FILES, isTooLarge],
  ["unread", "EIO", FILES, () => "a file could not be read whole"],
  ["unread", "EBADF", FILES, () => "a file is not open for reading"],
  ["not-here", "EOPNOTSUPP", LOADS, withLog("the running kernel cannot do this on this machine")],

  ["unsigned", "ELIBBAD", FILES, isBadlySigned("is no EFI program, so that its signature cannot be read")],
  ["unsigned", "ENODATA", FILES, isBadlySigned("carries no signature")],
  [
    "signature",
    "EKEYREJECTED",
    FILES,
    isBadlySigned("has a signature that is not of these bytes, or of a key that may not sign kernels"),
  ],
  ["signature", "ENOKEY", FILES, isBadlySigned("is signed by a key that the running kernel does not have")],
  ["signature", "EKEYEXPIRED", FILES, isBadlySigned("is signed by a key that has expired")],
  ["signature", "EKEYREVOKED", FILES, isBadlySigned("is signed by a key that was revoked")],
  ["signature", "EBADMSG", FILES, isBadlySigned("has a broken signature")],
  ["signature", "EMSGSIZE", FILES, isBadlySigned("has a broken signature: its length is not its length")],
  [
    "signature",
    "ENOPKG",
    FILES,
    isBadlySigned("is signed by a hash or a cipher that the running kernel does not have"),
  ],
];

/** The first that tells something is the cause. */
export const causes: readonly Cause[] = rows.map(([name, errno, calls, tell]) => ({ name, errno, calls, tell }));

/** The security modules that have a say in what kernel is loaded. */
const LOADING_MODULES = ["selinux", "loadpin", "ima", "ipe", "bpf"];

export function callOf(attempt: Attempt): Call {
  if (attempt.kind === "unload") return attempt.call;
  return attempt.kind === "jump" ? "reboot" : attempt.kind === "files" ? "kexec_file_load" : "kexec_load";
}

export function isCrash(attempt: Attempt): boolean {
  if (attempt.kind === "unload") return attempt.crash;
  return attempt.kind === "jump" ? false : attempt.kind === "files" ? attempt.files.crash : attempt.image.crash;
}

/** What the checks say, which is the segment or the file and the rule that it breaks. */
function explained({ attempt, result }: Refused): string | undefined {
  return attempt.kind === "segments" || attempt.kind === "files" ? attempt.explain(result) : undefined;
}

function lacksCapability({ system, permission }: Refused): string | undefined {
  return permission.hasBootCapability ? undefined : tellIncapable(system);
}

function isInNamespace({ permission }: Refused): string | undefined {
  return permission.isInUserNamespace ? "CAP_SYS_BOOT is that of a user namespace, which does not count" : undefined;
}

function isDisabled({ permission }: Refused): string | undefined {
  return permission.isDisabled === true ? "kernel.kexec_load_disabled is 1 until the next boot" : undefined;
}

function isOverLimit({ permission, attempt }: Refused): string | undefined {
  const crash = isCrash(attempt);
  if (!isUsedUp(permission, crash)) return undefined;
  return `kernel.kexec_load_limit_${crash ? "panic" : "reboot"} is used up until the next boot`;
}

function isUnderLockdown(refused: Refused): string | undefined {
  const { lockdown } = refused.permission;
  return isLockedDown(lockdown) ? `kernel lockdown is ${lockdown.mode}${otherWay(refused)}` : undefined;
}

function isUnsignedUnderLockdown({ attempt, permission: { lockdown } }: Refused): string | undefined {
  if (attempt.kind !== "files" || !attempt.checksSignature || !isLockedDown(lockdown)) return undefined;
  const { kernel, head } = attempt.files;
  const what = carriesSignature(head)
    ? `the running kernel does not know the key that ${kernel.name} is signed by, or its signature is broken`
    : `${kernel.name} carries no signature`;
  return `kernel lockdown is ${lockdown.mode}: ${what}`;
}

function isPinned({ attempt, permission }: Refused): string | undefined {
  if (!permission.isPinned || attempt.kind === "unload") return undefined;
  const rule = "LoadPin takes a kernel from one file system alone (kernel.loadpin.enforce is 1)";
  return attempt.kind === "files" ? `${rule}: one of these files is not on it` : `${rule}, and no segments`;
}

function hasFilter({ permission }: Refused): string | undefined {
  return permission.hasFilter === true ? "a seccomp filter is set for this process, as containers do" : undefined;
}

function cannotTell(refused: Refused): string | undefined {
  const { system, permission } = refused;
  const why = permission.modules === undefined ? whyNoSecurityFiles(system) : undefined;
  if (why === undefined) return undefined;
  return `kernel lockdown or a security module refuses it: ${why}, which would tell${otherWay(refused)}`;
}

function blameModule(refused: Refused, does: string): string {
  const loaded = refused.permission.modules?.filter((name) => LOADING_MODULES.includes(name)) ?? [];
  const which = loaded.length === 0 ? "or IMA policy" : `(${loaded.join(", ")}) or IMA policy`;
  return `a security module ${which} ${does}${otherWay(refused)}`;
}

function lacksImaSignature(refused: Refused): string | undefined {
  const { system, attempt } = refused;
  const rules = readImaPolicy(system) ?? [];
  const rule = rules.find((line) => /^appraise\b.*\bfunc=KEXEC_(KERNEL|INITRAMFS)_CHECK\b/.test(line));
  if (rule === undefined) return undefined;
  const what = attempt.kind === "files" ? "a file has no signature that it accepts" : "segments have no signature";
  return `IMA's policy says "${rule}", and ${what}${otherWay(refused)}`;
}

/** security/integrity/ima/ima_main.c ima_load_data(): with UEFI Secure Boot and CONFIG_KEXEC_SIG it needs no policy. */
function lacksFile(refused: Refused): string | undefined {
  if (!/^ima: impossible to appraise a kernel image/.test(lastOfLog(refused.system))) return undefined;
  return `IMA wants the file that a kernel comes in, for its signature, as with UEFI Secure Boot${otherWay(refused)}`;
}

function hidesCall({ permission }: Refused): string | undefined {
  if (permission.hasFilter !== true) return undefined;
  return "a seccomp filter hides the call from this process, or the running kernel was built without it";
}

function isNotBuilt(refused: Refused): string {
  const { attempt } = refused;
  const call = attempt.kind === "unload" ? attempt.call : attempt.kind === "files" ? "kexec_file_load" : "kexec_load";
  return tellNotBuilt([call]) + otherWay(refused);
}

export function tellNotBuilt(calls: readonly LoadCall[]): string {
  const options = calls.map((call) => (call === "kexec_load" ? "CONFIG_KEXEC" : "CONFIG_KEXEC_FILE"));
  return `the running kernel was built without ${options.join(" and ")}`;
}

/** kernel/reboot.c: without them it does not know what it was asked for. */
function hasNeitherCall({ system, permission }: Refused): string | undefined {
  return LOADS.every((call) => hasCall(system, call, permission) === false) ? tellNotBuilt(LOADS) : undefined;
}

/** arch/arm64/kernel/machine_kexec.c. */
function hasStuckCpus({ system }: Refused): string | undefined {
  if (!/Can't kexec: CPUs are stuck in the kernel/.test(system.kernelLog())) return undefined;
  return "cpus that came up badly are stuck in the running kernel, so that it cannot be left";
}

function lacksMemory({ system, attempt }: Refused): string {
  const free = readMemoryInfo(system, "MemFree");
  const have = free === undefined ? "" : `, and ${hex(free)} are free`;
  if (attempt.kind === "files") {
    const { kernel, initrd } = attempt.files;
    const size = kernel.status.size + (initrd?.status.size ?? 0n);
    return `the kernel found no memory for the files, twice: they have ${hex(size)} bytes${have}`;
  }
  const segments = attempt.kind === "segments" ? attempt.image.segments : [];
  const size = segments.reduce((sum, { start, end }) => sum + end - start, 0n);
  return `the kernel found no memory to copy the segments into: they take ${hex(size)} bytes${have}`;
}

function hasNoRoom(refused: Refused): string {
  const where = isCrash(refused.attempt) ? "in the crash kernel's memory" : "in memory that is not in use";
  return `the kernel found no place for all of it ${where}${quoteLog(refused)}`;
}

function isTooLarge({ attempt }: Refused): string | undefined {
  if (attempt.kind !== "files") return undefined;
  const { kernel, initrd } = attempt.files;
  const largest = initrd !== undefined && initrd.status.size > kernel.status.size ? initrd : kernel;
  return `${largest.name} has ${largest.status.size} bytes: before Linux 6.0 the kernel takes no more than 2 GiB`;
}

function isNotLoaded({ system }: Refused): string {
  if (isLoaded(system, false) !== true) return "no kernel is loaded";
  return "one is loaded, but a PID namespace, as containers have, may not enter it";
}

function isBadlySigned(does: string): Cause["tell"] {
  return ({ attempt }) => {
    if (attempt.kind !== "files") return undefined;
    const { kernel, head } = attempt.files;
    return `${kernel.name} ${carriesSignature(head) ? does : "carries no signature"}, and the running kernel takes no others`;
  };
}

/**
 * The call that would work in place of the refused one, or why there is none; "" where nothing is certain. An unload by
 * kexec_file_load(2) is asked of neither lockdown, security modules nor IMA (kernel/kexec_file.c).
 */
function otherWay({ system, attempt, permission, result }: Refused): string {
  if (attempt.kind === "unload") return attempt.isForLoad ? "" : otherUnload(system, attempt, permission);
  if (attempt.kind === "jump") return "";
  const isNotBuilt = result === -errno.ENOSYS;
  if (attempt.kind === "files") return isNotBuilt ? tellSegmentsWay(system, permission) : "";
  return tellFileWay(system, permission, attempt.asFile, isNotBuilt);
}

/** In place of kexec_file_load(2), which is not built. */
function tellSegmentsWay(system: System, permission: Permission): string {
  const isThere = hasCall(system, "kexec_load", permission) === true;
  return isThere && !isLockedDown(permission.lockdown) ? "; without -s it is loaded by kexec_load" : "";
}

/** In place of kexec_load(2). @param isNotBuilt whether that is why it does not load */
function tellFileWay(system: System, permission: Permission, file: FileWay | undefined, isNotBuilt: boolean): string {
  if (file === undefined || hasCall(system, "kexec_file_load", permission) !== true) return "";
  if (!isLockedDown(permission.lockdown) && !isNotBuilt) return "; kexec -s (kexec_file_load) takes signed kernels";
  if (!isLockedDown(permission.lockdown)) return `; kexec -s loads ${file.name} by kexec_file_load`;
  if (!file.checksSignature)
    return `; kexec -s loads ${file.name} by kexec_file_load, which looks at no signature here`;
  if (!carriesSignature(file.head))
    return `, and ${file.name} carries no signature, without which kexec -s refuses it too`;
  return `; kexec -s loads ${file.name} if the running kernel knows the key that it is signed by`;
}

function otherUnload(
  system: System,
  { call, crash }: Extract<Attempt, { kind: "unload" }>,
  permission: Permission,
): string {
  if (call === "kexec_file_load" || hasCall(system, "kexec_file_load", permission) !== true) return "";
  return `; kexec -s ${crash ? "-p " : ""}-u (kexec_file_load) unloads`;
}

/** Whether the start of a kernel's file tells of a signature, as EFI programs carry one. */
function carriesSignature(head: Uint8Array): boolean {
  return readPe(head)?.signatureEnd !== undefined;
}

/** What remains, with what the kernel's log has to add. */
function withLog(fact: string): Cause["tell"] {
  return (refused) => fact + quoteLog(refused);
}

/** The last line of the kernel's log, where that is about kexec: the kernel has just written it. */
export function quoteLog({ system }: Refused): string {
  const text = lastOfLog(system);
  return /^(kexec|PEFILE|PKCS7)/.test(text) ? `; its log ends with "${text}"` : "";
}
