// What the running system says of who may load a kernel, and of which kernels it takes.
// kernel/kexec_core.c, kernel/kexec_internal.h; security/lockdown, security/loadpin, Documentation/admin-guide/LSM.

import { EXIT, Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import errnoText from "../sys/strerror.ts";
import { CWD, type System } from "../sys/system.ts";
import type { LoadCall } from "./calls.ts";
import { wordsOfLine } from "./parameters.ts";

const CAP_SYS_BOOT = 22n;

export const STATUS = "/proc/self/status";

export const SYSCTL = "/proc/sys/kernel";
export const SECURITY = "/sys/kernel/security";

/** The whole of an identity map: of the first user namespace, whose capabilities count everywhere. */
const ALL_IDS = /^\s*0\s+0\s+4294967295\s*$/;

/** Loads that are left until the next boot; "none": they are not counted; undefined: that cannot be read. */
export type Limit = number | "none" | undefined;

export interface Permission {
  /** Effective; without /proc it is root's alone. */
  readonly hasBootCapability: boolean;
  /** Whether capabilities are those of a user namespace, which count in it alone. */
  readonly isInUserNamespace: boolean;
  /** Whether a seccomp filter looks at this process's calls; undefined where that cannot be read. */
  readonly hasFilter: boolean | undefined;
  /** kernel.kexec_load_disabled; undefined where that cannot be read. */
  readonly isDisabled: boolean | undefined;
  /** kernel.kexec_load_limit_reboot and kernel.kexec_load_limit_panic. */
  readonly limits: { readonly reboot: Limit; readonly panic: Limit };
  readonly lockdown: Lockdown;
  /** The security modules that are loaded; undefined where that cannot be read. */
  readonly modules: readonly string[] | undefined;
  /** kernel.loadpin.enforce: only files of one file system are read. */
  readonly isPinned: boolean;
}

export interface Lockdown {
  /** "on" where it is known that there is one, and not which; "none" also for a kernel that knows no lockdown. */
  readonly mode: "none" | "integrity" | "confidentiality" | "on" | undefined;
  /** Why it is not known which; how it is known, where it is not from securityfs. */
  readonly note: string | undefined;
}

/**
 * For before anything else is asked: whoever may not load a kernel may not read much of what loading one has to know.
 * @throws Failure where no kernel can be loaded by this process
 */
export function refuseIncapable(system: System, call: LoadCall): void {
  if (hasBootCapability(system, readText(system, STATUS))) return;
  throw new Failure(call, tellIncapable(system), EXIT.refused);
}

export function tellIncapable(system: System): string {
  return `CAP_SYS_BOOT is missing (user id ${system.call("geteuid")})`;
}

function hasBootCapability(system: System, status: ByteString | undefined): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  if (effective === undefined) return system.call("geteuid") === 0;
  return ((BigInt(`0x${effective}`) >> CAP_SYS_BOOT) & 1n) === 1n;
}

export function readPermission(system: System): Permission {
  const status = readText(system, STATUS);
  const filter = /^Seccomp:\s*([0-9])$/m.exec(status ?? "")?.[1];
  const ids = readText(system, "/proc/self/uid_map");
  return {
    hasBootCapability: hasBootCapability(system, status),
    isInUserNamespace: ids !== undefined && !ALL_IDS.test(ids),
    hasFilter: status === undefined ? undefined : filter !== undefined && filter !== "0",
    isDisabled: readFlag(system, `${SYSCTL}/kexec_load_disabled`),
    limits: { reboot: readLimit(system, "reboot"), panic: readLimit(system, "panic") },
    lockdown: readLockdown(system),
    modules: readText(system, `${SECURITY}/lsm`)?.split(","),
    isPinned: readFlag(system, `${SYSCTL}/loadpin/enforce`) === true,
  };
}

/** Whether a limit is used up for a kernel of this kind. */
export function isUsedUp({ limits }: Permission, crash: boolean): boolean {
  return (crash ? limits.panic : limits.reboot) === 0;
}

export function isLockedDown({ mode }: Lockdown): boolean {
  return mode !== undefined && mode !== "none";
}

/** Why what securityfs would tell is out of reach; undefined where it is not, and where the kernel was built without it. */
export function whyNoSecurityFiles(system: System): string | undefined {
  if (system.isMissing("/sys/kernel")) return "/sys is not mounted";
  const status = system.statusOf(CWD, SECURITY);
  if (status === -errno.ENOENT) return undefined;
  if (typeof status === "number") return `${SECURITY}: ${errnoText(status)}`;
  const entries = system.listIfThere(SECURITY);
  if (entries === undefined) return `${SECURITY} cannot be read`;
  return entries.length === 0 ? `securityfs is not mounted on ${SECURITY}` : undefined;
}

/** The lines of IMA's policy; undefined where they cannot be read: not every kernel shows them. */
export function readImaPolicy(system: System): readonly ByteString[] | undefined {
  return readText(system, `${SECURITY}/ima/policy`, 1024 * 1024)?.split("\n");
}

/** A small file, without blanks at either end. */
export function readText(system: System, path: string, limit?: number): ByteString | undefined {
  const bytes = system.readIfThere(path, limit);
  return bytes && system.text(bytes).trim();
}

/** A file of 0 or 1, where the kernel has one of a number. */
export function readFlag(system: System, path: string): boolean | undefined {
  const text = readText(system, path);
  return text === "0" ? false : text === "1" ? true : undefined;
}

/** Kernels before Linux 6.3 count nothing, and have no such file. */
function readLimit(system: System, kind: "reboot" | "panic"): Limit {
  const path = `${SYSCTL}/kexec_load_limit_${kind}`;
  const text = readText(system, path);
  if (text === undefined) {
    const isCounting = !system.isMissing(path);
    return isCounting || typeof system.statusOf(CWD, SYSCTL) === "number" ? undefined : "none";
  }
  if (!/^(-1|[0-9]+)$/.test(text)) return undefined;
  return text === "-1" ? "none" : Number(text);
}

function readLockdown(system: System): Lockdown {
  const text = readText(system, `${SECURITY}/lockdown`);
  const mode = /\[(none|integrity|confidentiality)\]/.exec(text ?? "")?.[1];
  if (mode === "none" || mode === "integrity" || mode === "confidentiality") return { mode, note: undefined };
  if (text !== undefined) return { mode: undefined, note: `${SECURITY}/lockdown cannot be understood` };
  const file = `${SECURITY}/lockdown`;
  const why = whyNoSecurityFiles(system) ?? (system.isMissing(file) ? undefined : `${file} cannot be read`);
  // Since Linux 5.4 a lockdown is never lifted, so that a line of the log tells of it for good. Kernels that distributions patched for
  // it before tell of it nowhere else, and may tell there that it was lifted.
  if (!/Kernel is locked down from (?!.*Lifting lockdown)/s.test(system.kernelLog()))
    return why === undefined
      ? { mode: "none", note: "the running kernel knows no lockdown" }
      : { mode: undefined, note: why };
  const asked = wordsOfLine(readText(system, "/proc/cmdline") ?? "").findLast(({ name }) => name === "lockdown")?.value;
  if (asked === "integrity" || asked === "confidentiality") return { mode: asked, note: "by the command line" };
  return { mode: "on", note: "by the kernel's log" };
}
