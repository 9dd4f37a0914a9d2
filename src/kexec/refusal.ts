// Why the kernel refused: each errno of kexec_load(2) in the words of somebody who has to mend it.
// kernel/kexec.c, kernel/kexec_core.c, security/; the files below tell the causes of one errno apart.

import { EXIT, Failure, hex } from "../failure.ts";
import { errno } from "../sys/errno.ts";
import errnoText from "../sys/strerror.ts";
import type { System } from "../sys/system.ts";
import type { KexecImage } from "./image.ts";

const CAP_SYS_BOOT = 22n;

/** What the checks have to say of the kernel's `result`. */
export type Explain = (result: number) => string | undefined;

/** Without segments it is an unload. */
type Refused = Pick<KexecImage, "segments" | "entry" | "arch" | "crash"> & {
  /** Whether the user wants to load a kernel, also where the call is an unload. */
  readonly isForLoad?: boolean;
};

/** The whole refused call, the errno and its cause. */
export function refusal(system: System, image: Refused, result: number, explain: Explain): Failure {
  const { segments, entry, arch, crash } = image;
  const count = segments.length === 1 ? "1 segment" : `${segments.length} segments`;
  const what = segments.length === 0 ? "unload" : `entry ${hex(entry ?? 0n)}, ${count}, arch ${arch}`;
  const call = `kexec_load(${what}${crash ? ", on crash" : ""})`;
  return new Failure(call, `${errnoText(result)}: ${cause(system, image, result, explain)}`, EXIT.refused);
}

function cause(system: System, image: Refused, result: number, explain: Explain): string {
  switch (-result) {
    case errno.EPERM:
      return explainEperm(system, image);
    case errno.EACCES:
      return `a security module or IMA policy refuses unsigned loads; ${otherWay(image)}`;
    case errno.ENOSYS:
      return "the running kernel was built without CONFIG_KEXEC";
    case errno.EBUSY:
      return "another load is under way";
    case errno.ENOMEM:
      return "the kernel found no memory to copy the segments into";
    case errno.EFAULT:
      return "part of a file is not there: it shrank meanwhile, or its file system was full when it was written";
    default:
      return explain(result) ?? otherCauses[-result] ?? "the kernel does not say why";
  }
}

/** What remains where no check of ours explains it. */
const otherCauses: Readonly<Record<number, string>> = {
  [errno.EADDRNOTAVAIL]: "a segment lies where the kernel loads none; --diagnose finds it",
  [errno.EINVAL]: "the kernel does not say why; --diagnose finds the segment",
  [errno.ETXTBSY]: "a segment lies over the running kernel or a TCE table; --diagnose finds it",
};

/** The causes of EPERM, the plainest first. */
function explainEperm(system: System, image: Refused): string {
  if (!hasBootCapability(system)) return `CAP_SYS_BOOT is missing (user id ${system.call("geteuid")})`;
  if (firstWord(system, "/proc/sys/kernel/kexec_load_disabled") === "1") {
    return "kernel.kexec_load_disabled is 1 until the next boot";
  }
  const limit = image.crash ? "kexec_load_limit_panic" : "kexec_load_limit_reboot";
  if (firstWord(system, `/proc/sys/kernel/${limit}`) === "0") return `kernel.${limit} is used up until the next boot`;
  const lockdown = /\[(integrity|confidentiality)\]/.exec(firstLine(system, "/sys/kernel/security/lockdown"))?.[1];
  if (lockdown !== undefined) return `kernel lockdown is ${lockdown}; ${otherWay(image)}`;
  return `a security module or IMA policy refuses it; ${otherWay(image)}`;
}

/** Lockdown, security modules and IMA are not asked where kexec_file_load(2) unloads (kernel/kexec_file.c). */
function otherWay({ segments, crash, isForLoad = segments.length > 0 }: Refused): string {
  if (isForLoad) return "kexec -s (kexec_file_load) takes signed kernels";
  return `kexec -s ${crash ? "-p " : ""}-u (kexec_file_load) unloads`;
}

function hasBootCapability(system: System): boolean {
  const status = system.readIfThere("/proc/self/status");
  const effective = status && /^CapEff:\s*([0-9a-f]+)$/m.exec(system.text(status))?.[1];
  if (effective === undefined) return system.call("geteuid") === 0;
  return ((BigInt(`0x${effective}`) >> CAP_SYS_BOOT) & 1n) === 1n;
}

function firstLine(system: System, path: string): string {
  const bytes = system.readIfThere(path);
  return bytes === undefined ? "" : system.text(bytes).replace(/\n.*/s, "");
}

function firstWord(system: System, path: string): string {
  return firstLine(system, path).trim();
}
