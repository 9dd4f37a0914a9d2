// The calls that change something: kexec_load(2) and the reboot into what it loaded.

import { EXIT, Failure } from "../failure.ts";
import { errno } from "../sys/errno.ts";
import errnoText from "../sys/strerror.ts";
import { INTERRUPTS, REBOOT_KEXEC, type System } from "../sys/system.ts";
import { type Jump, leaveTheWay } from "./copying.ts";
import type { KexecImage, Segment } from "./image.ts";
import { type Explain, refusal } from "./refusal.ts";

/** linux/kexec.h. */
const KEXEC_ON_CRASH = 1;
const KEXEC_ARCH_SHIFT = 16n;

/** What follows the error where reboot(2) refuses to jump: what it means then. */
const jumpRefusals: Readonly<Record<number, string>> = {
  [errno.EINVAL]: ": no kernel is loaded",
  [errno.EPERM]: ": CAP_SYS_BOOT is missing",
};

/** Where the kernel says whether something is loaded that reboot(2) would jump into. */
const LOADED_FLAG = "/sys/kernel/kexec_loaded";

/**
 * Loads the image. An interrupt that comes meanwhile waits for the call and then undoes it, so that whoever pressed ^C
 * knows that nothing is loaded: 128 + the signal's number is returned, otherwise 0.
 */
export function load(system: System, image: KexecImage, explain: Explain): number {
  return holdInterrupts(system, image.crash, () => {
    const result = kexecLoad(system, image);
    if (result < 0) throw refusal(system, image, result, explain);
    return EXIT.done;
  });
}

/** Forgets what was loaded. `isForLoad` tells whether something is to be loaded after it. */
export function unload(system: System, crash: boolean, isForLoad = false): void {
  const result = system.call("kexec_load", 0, 0, null, crash ? KEXEC_ON_CRASH : 0);
  const call = { segments: [], entry: 0n, arch: 0n, crash, isForLoad };
  if (result < 0) throw refusal(system, call, result, () => undefined);
}

/** Jumps into the loaded kernel. Returns only when interrupted (having unloaded it) or refused: the exit code. */
export function jump(system: System, how: Jump): number {
  if (nothingIsLoaded(system)) throw new Failure("-k", "no kernel is loaded");
  return holdInterrupts(system, false, () => {
    // The sync may take long enough for a person to press ^C.
    system.call("sync");
    if (system.pending(INTERRUPTS) !== undefined) return EXIT.done;
    const left = leaveTheWay(system, how);
    if (left !== undefined) return left;
    const result = system.reboot(REBOOT_KEXEC);
    if (result < 0) throw new Failure("reboot", `${errnoText(result)}${jumpRefusals[-result] ?? ""}`, EXIT.refused);
    return EXIT.done;
  });
}

/**
 * The first segment with which the kernel refuses the image; undefined if it takes them all. What was loaded before is
 * unloaded first: if the kernel refuses even that, no segment is at fault. A part of an image must not stay loaded, so it
 * is unloaded at the end, and interrupts wait until then.
 */
export function findRefused(system: System, image: KexecImage): { segment: Segment; result: number } | undefined {
  unload(system, image.crash, true);
  system.hold(INTERRUPTS);
  try {
    for (const [index, segment] of image.segments.entries()) {
      const result = kexecLoad(system, { ...image, segments: image.segments.slice(0, index + 1) });
      if (result < 0) return { segment, result };
    }
    return undefined;
  } finally {
    unload(system, image.crash);
    system.release(INTERRUPTS);
  }
}

/** False where /sys is not mounted: then the kernel has to say it. */
function nothingIsLoaded(system: System): boolean {
  const flag = system.readIfThere(LOADED_FLAG);
  return flag !== undefined && system.text(flag).startsWith("0");
}

/**
 * Does `act`. An interrupt that comes meanwhile unloads the kernel again: 128 + the signal's number, otherwise the exit
 * code that `act` returns.
 */
function holdInterrupts(system: System, crash: boolean, act: () => number): number {
  system.hold(INTERRUPTS);
  try {
    const code = act();
    const signal = system.pending(INTERRUPTS);
    if (signal === undefined) return code;
    unload(system, crash);
    return 128 + signal;
  } finally {
    // What is still pending has been answered by the exit code, or by the failure under way.
    system.ignore(INTERRUPTS);
    system.release(INTERRUPTS);
  }
}

/** 0 or -errno. */
function kexecLoad(system: System, { segments, entry, arch, crash }: KexecImage): number {
  // struct kexec_segment: buf, bufsz, mem, memsz.
  const table = segments.flatMap(({ bytes, start, end }) => {
    const buffer = bytes.length === 0 ? 0n : system.engine.address(bytes);
    return [buffer, BigInt(bytes.length), start, end - start];
  });
  const flags = (arch << KEXEC_ARCH_SHIFT) | BigInt(crash ? KEXEC_ON_CRASH : 0);
  return system.call("kexec_load", entry ?? 0n, segments.length, system.longs(table), flags);
}
