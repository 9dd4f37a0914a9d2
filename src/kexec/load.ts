// The calls that change something: kexec_load(2) and the reboot into what it loaded.

import { EXIT, Failure, hex } from "../failure.ts";
import { errno } from "../sys/errno.ts";
import { endOfNumbers } from "../sys/native.ts";
import { INTERRUPTS, REBOOT_KEXEC, type System } from "../sys/system.ts";
import { loadFlags } from "./calls.ts";
import type { Explain } from "./causes.ts";
import { nameSegmentAndArgument } from "./check.ts";
import { type Jump, leaveTheWay } from "./copying.ts";
import type { KexecImage, Segment } from "./image.ts";
import { readPermission } from "./permission.ts";
import { type OtherWays, refusal, whyOtherCall } from "./refusal.ts";
import { isLoaded } from "./status.ts";
import { unload, unloadByEither } from "./unload.ts";

/** What there is to say and to do where the kernel refuses segments. */
export interface LoadHelp extends OtherWays {
  readonly explain: Explain;
  /** Whether a jump follows at once. */
  readonly goesOn?: boolean | undefined;
  /** Throws where the files are not what they were before the kernel copied them: what is loaded is torn then. */
  readonly refuseTorn?: (() => void) | undefined;
}

/**
 * Loads the image. An interrupt that comes meanwhile waits for the call and then undoes it, so that whoever pressed ^C
 * knows that nothing is loaded: 128 + the signal's number is returned, otherwise 0, or what the other call comes to.
 */
export function load(system: System, image: KexecImage, help: LoadHelp): number {
  const { explain, asFile, otherCall, refuseTorn, goesOn } = help;
  const { crash } = image;
  const hadCrashKernel = crash && isLoaded(system, true) === true;
  let why: string | undefined;
  const act = () => {
    const result = kexecLoad(system, image);
    if (result >= 0) {
      undoUnless(
        () => refuseTorn?.(),
        () => tellingWhatStays("the image", () => unload(system, crash)),
      );
      return EXIT.done;
    }
    if (otherCall !== undefined) why = whyOtherCall(result, readPermission(system), crash);
    if (why !== undefined) return EXIT.done;
    throw refusal(system, { kind: "segments", image, explain, asFile: asFile?.(), hadCrashKernel }, result);
  };
  const undo = () => {
    if (why === undefined) tellingWhatStays("the image", () => unload(system, crash));
  };
  const code = holdInterrupts(system, act, undo, goesOn);
  return why === undefined || otherCall === undefined || code !== EXIT.done ? code : otherCall(why);
}

/**
 * Jumps into the loaded kernel. Returns only when interrupted (having unloaded it), or from a process whose child went on: the
 * exit code.
 * @throws Failure where the kernel refuses
 */
export function jump(system: System, how: Jump): number {
  const { unload: unloadOwn } = how;
  const unloads = unloadOwn ?? (() => unloadByEither(system, false, how.say));
  const undo = () => tellingWhatStays("the kernel", unloads);
  const attempt = () => {
    if (isLoaded(system, false) === false) throw new Failure(how.option, "no kernel is loaded");
    // The sync may take long enough for a person to press ^C.
    system.call("sync");
    if (system.pending(INTERRUPTS) !== undefined) return EXIT.done;
    const left = leaveTheWay(system, how);
    if (left !== undefined) return left;
    const result = system.reboot(REBOOT_KEXEC);
    if (result < 0) throw refusal(system, { kind: "jump" }, result);
    return EXIT.done;
  };
  const enterOwn = () => {
    const code = undoUnless(attempt, undo);
    // The process that went on has undone it, unless it was killed. To unload nothing is no harm.
    if (code !== EXIT.done && isLoaded(system, false) !== false) undo();
    return code;
  };
  return holdInterrupts(system, unloadOwn === undefined ? attempt : enterOwn, undo);
}

/** Unloads what nobody asked for any more. @throws Failure for a refusal, which says that it is loaded all the same */
export function tellingWhatStays(what: string, unloads: () => void): void {
  try {
    unloads();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.place, `${error.fact}; ${what} stays loaded`, error.exitCode);
  }
}

/** @throws Failure for an address that a program of 32 bits cannot tell the kernel: another one would be told in its place */
export function refuseUntold({ abi }: System, image: KexecImage): void {
  const end = endOfNumbers(abi);
  const fact = `a ${8 * abi.word}-bit program cannot tell the kernel an address from ${hex(end)} on`;
  const { entry = 0n, segments } = image;
  const untold = segments.find((segment) => segment.start >= end || segment.end - segment.start >= end);
  if (untold !== undefined) throw new Failure(nameSegmentAndArgument(image, untold), fact);
  if (entry >= end) throw new Failure(`entry ${hex(entry)}`, fact);
}

/** Errors that are not the fault of one segment: the next kernel, the caller or the moment is to blame. */
const NOT_OF_SEGMENTS: readonly number[] = [errno.EPERM, errno.EACCES, errno.ENOSYS, errno.EBUSY, errno.EOPNOTSUPP];

/**
 * The first segment with which the kernel refuses the image; undefined if it takes them all. What was loaded before is
 * unloaded first: if the kernel refuses even that, no segment is at fault. Each part that it takes is unloaded before the next,
 * which would have memory of its own beside it; interrupts wait until then.
 * @param refuseShortage throws where there is too little memory for the image, now that nothing else is loaded
 * @throws Failure for a refusal of which no segment is the cause
 */
export function findRefused(
  system: System,
  image: KexecImage,
  { explain, refuseShortage }: { readonly explain: Explain; refuseShortage(): void },
): { segment: Segment; result: number } | undefined {
  refuseTooFewLoads(system, image);
  unload(system, image.crash, true);
  refuseShortage();
  const held = system.hold(INTERRUPTS);
  try {
    for (const [index, segment] of image.segments.entries()) {
      const part = { ...image, segments: image.segments.slice(0, index + 1) };
      const result = kexecLoad(system, part);
      if (NOT_OF_SEGMENTS.includes(-result)) throw refusal(system, { kind: "segments", image: part, explain }, result);
      if (result < 0) return { segment, result };
      tellingWhatStays("a part of the image", () => unload(system, image.crash));
    }
    return undefined;
  } finally {
    system.release(held);
  }
}

/** Every call counts, an unload too. */
function refuseTooFewLoads(system: System, { segments, crash }: KexecImage): void {
  const { limits } = readPermission(system);
  const left = crash ? limits.panic : limits.reboot;
  const needed = 2 * segments.length + 1;
  if (typeof left !== "number" || left === 0 || left >= needed) return;
  const name = `kernel.kexec_load_limit_${crash ? "panic" : "reboot"}`;
  throw new Failure("--diagnose", `${needed} calls of kexec_load are needed, and ${name} leaves ${left}`);
}

/**
 * Does `act`. An interrupt that comes meanwhile is answered by `undo`, and by 128 + the signal's number; otherwise the exit
 * code that `act` returns.
 * @param goesOn a jump follows where all is well: an interrupt that comes before that waits for it, which answers it
 */
export function holdInterrupts(system: System, act: () => number, undo: () => void, goesOn = false): number {
  const held = system.hold(INTERRUPTS);
  let isDone = false;
  try {
    const code = act();
    const signal = undoUnless(() => system.pending(INTERRUPTS), undo);
    if (signal === undefined) {
      isDone = code === EXIT.done;
      return code;
    }
    undo();
    return 128 + signal;
  } finally {
    if (!goesOn || !isDone) {
      // What is still pending has been answered by the exit code, or by the failure under way.
      system.ignore(held);
      system.release(held);
    }
  }
}

/** What `work` gives; where it throws, `undo` is done. Where that throws too, both are told. */
function undoUnless<T>(work: () => T, undo: () => void): T {
  try {
    return work();
  } catch (error) {
    try {
      undo();
    } catch (another) {
      if (!(error instanceof Failure && another instanceof Failure)) throw another;
      throw new Failure(error.place, `${error.fact}; ${another.place}: ${another.fact}`, error.exitCode);
    }
    throw error;
  }
}

/** 0 or -errno. @throws Failure where a file of the image is no longer what it was */
function kexecLoad(system: System, image: KexecImage): number {
  const { segments, entry, arch, crash, flags } = image;
  system.refuseLoss();
  for (const { bytes } of segments) if (bytes.length > 0) system.populate(bytes);
  // struct kexec_segment: buf, bufsz, mem, memsz.
  const table = segments.flatMap(({ bytes, start, end }) => {
    const buffer = bytes.length === 0 ? 0n : system.engine.address(bytes);
    return [buffer, BigInt(bytes.length), start, end - start];
  });
  return system.call("kexec_load", entry ?? 0n, segments.length, system.longs(table), loadFlags(arch, crash, flags));
}
