// What `kexec -S` prints: what is loaded, what may be loaded, and by which calls. One fact a line, `name: value`.
// Linux: Documentation/ABI/testing/sysfs-kernel-kexec-kdump, Documentation/admin-guide/sysctl/kernel.rst and mm/kho.rst.

import { errno } from "../sys/errno.ts";
import errnoText from "../sys/strerror.ts";
import { CWD, type System } from "../sys/system.ts";
import { hasCall, type LoadCall, whyNotAsked } from "./calls.ts";
import { wordsOfLine } from "./parameters.ts";
import { type Limit, type Lockdown, readFlag, readPermission, readText, whyNoSecurityFiles } from "./permission.ts";

const SYS = "/sys/kernel";

/** Of each value, where new kernels tell it (Linux 7.3 does, and 6.12 not), and where all others do. */
const FILES = {
  loaded: [`${SYS}/kexec/loaded`, `${SYS}/kexec_loaded`],
  crashLoaded: [`${SYS}/kexec/crash_loaded`, `${SYS}/kexec_crash_loaded`],
  crashSize: [`${SYS}/kexec/crash_size`, `${SYS}/kexec_crash_size`],
} as const;

const DEBUG = `${SYS}/debug`;
const HANDOVER = `${DEBUG}/kho`;

/** Whether a kernel is loaded that reboot(2), or a panic, would enter; undefined where the kernel does not tell. */
export function isLoaded(system: System, crash: boolean): boolean | undefined {
  return FILES[crash ? "crashLoaded" : "loaded"]
    .map((path) => readFlag(system, path))
    .find((flag) => flag !== undefined);
}

/** What there is to do where memory is too short for a load; "" where nothing is loaded, and where that is not known. */
export function tellHeldMemory(system: System): string {
  return isLoaded(system, false) === true ? "; what is loaded already has its own, which -u gives back" : "";
}

/** Bytes that crashkernel= has reserved; undefined where the kernel does not tell. */
export function readCrashSize(system: System): bigint | undefined {
  const text = FILES.crashSize.map((path) => readText(system, path)).find((found) => found !== undefined);
  return text !== undefined && /^[0-9]+$/.test(text) ? BigInt(text) : undefined;
}

/** Lines, each ended by a newline. Every line is always there: what cannot be found out is "unknown", and why. */
export function describeStatus(system: System): string {
  const permission = readPermission(system);
  const { hasBootCapability, isInUserNamespace, isDisabled, limits, lockdown, modules } = permission;
  const nothing = system.isMissing(SYS) ? "/sys is not mounted" : "the kernel does not tell";
  const hasProc = !system.isMissing("/proc/self");
  const noProc = hasProc ? "the kernel does not tell" : "/proc is not mounted";
  const crashSize = readCrashSize(system);
  const call = (name: LoadCall) =>
    yesNo(hasCall(system, name, permission), hasProc ? whyNotAsked(name, permission) : noProc);
  const lines: readonly (readonly [name: string, value: string])[] = [
    ["loaded", yesNo(isLoaded(system, false), nothing)],
    ["crash-loaded", yesNo(isLoaded(system, true), nothing)],
    ["crash-size", crashSize === undefined ? unknown(nothing) : String(crashSize)],
    ["kexec_load", call("kexec_load")],
    ["kexec_file_load", call("kexec_file_load")],
    ["cap-sys-boot", isInUserNamespace ? "no (of a user namespace)" : yesNo(hasBootCapability)],
    ["load-disabled", yesNo(isDisabled, `no ${"kernel.kexec_load_disabled"}`)],
    ["load-limit-reboot", formatLimit(limits.reboot, noProc)],
    ["load-limit-panic", formatLimit(limits.panic, noProc)],
    ["lockdown", formatLockdown(lockdown)],
    ["security-modules", modules?.join(",") ?? unknown(whyNoSecurityFiles(system) ?? nothing)],
    ["handover", describeHandover(system)],
  ];
  return lines.map(([name, value]) => `${name}: ${value}\n`).join("");
}

function unknown(why: string): string {
  return `unknown (${why})`;
}

function yesNo(value: boolean | undefined, why = ""): string {
  return value === undefined ? unknown(why) : value ? "yes" : "no";
}

function formatLimit(limit: Limit, why: string): string {
  return limit === undefined ? unknown(why) : String(limit);
}

function formatLockdown({ mode, note }: Lockdown): string {
  if (mode === undefined) return unknown(note ?? "");
  return note === undefined ? mode : `${mode} (${note})`;
}

/** Kexec handover (Linux 6.16): its files are there where it is on, and where the kernel was built to show them. */
function describeHandover(system: System): string {
  const asked = wordsOfLine(readText(system, "/proc/cmdline") ?? "").findLast(({ name }) => name === "kho")?.value;
  const said = asked === undefined ? "" : `kho=${asked} is on the command line, but `;
  const status = system.statusOf(CWD, HANDOVER);
  if (typeof status === "number") {
    if (status !== -errno.ENOENT) return unknown(`${said}${HANDOVER}: ${errnoText(status)}`);
    if ((system.listIfThere(DEBUG)?.length ?? 0) === 0) return unknown(`${said}debugfs is not mounted on ${DEBUG}`);
    return asked === undefined ? `off (no ${HANDOVER})` : unknown(`${said}there is no ${HANDOVER}`);
  }
  // The first kernels that had it handed over only what was finalized before the load.
  return readFlag(system, `${HANDOVER}/out/finalize`) === false ? "on (not finalized)" : "on";
}
