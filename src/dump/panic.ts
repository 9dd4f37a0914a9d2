// Why a kernel crashed, and on which cpu, by the lines of its log.

import type { ByteString } from "../sys/engine.ts";
import type { CoreFile } from "./core.ts";
import { readLog } from "./log.ts";
import type { Cpu } from "./registers.ts";

const PANIC = /\] Kernel panic - not syncing/;
/** What else is printed before the crash kernel is started: with panic_on_oops no line says that there is a panic. */
const OOPS =
  /\] (BUG: |Oops: |Unable to handle |Internal error: |kernel BUG at |general protection fault|sysrq: Trigger a crash)/;
/** dump_stack_print_info() of lib/dump_stack.c, since Linux 3.11. */
const WHERE =
  /\] CPU: (\d{1,7}) (?:UID: \d+ )?PID: (\d{1,7}) Comm: (.{0,64}?) (?:Kdump: loaded )?(?:Not tainted|Tainted)/;

/** What is printed on the way to the crash kernel, where neither tells: on ppc64 a system reset gets there with no word. */
const LEAVING = /\] (Sending IPI to other CPUs|Starting crashdump kernel)/;

/** Since Linux 5.10 each record has who wrote it: a process, or with this bit a cpu that was in an interrupt. */
const IS_CPU = 0x8000_0000;

/** Where the kernel crashed. What is not told is undefined. */
export interface CrashPlace {
  /** The kernel's number of the cpu. */
  readonly cpu: number | undefined;
  readonly pid: number | undefined;
  /** The process' name. */
  readonly command: ByteString | undefined;
}

export interface Panic {
  /** The line that tells of it, without a newline; undefined where none does. */
  readonly line: ByteString | undefined;
  /**
   * By the first line behind that of a panic that tells; where none does, by the last one behind an oops; where none does either,
   * by who wrote of the panic or the oops.
   */
  readonly at: CrashPlace | undefined;
}

/** @throws Failure where the log cannot be found */
export function findPanic(core: CoreFile): Panic {
  let oops: ByteString | undefined;
  let panic: ByteString | undefined;
  let told: CrashPlace | undefined;
  let writer: CrashPlace | undefined;
  for (const part of readLog(core)) {
    if (!("lines" in part)) continue;
    for (const line of part.lines.split("\n")) {
      if (panic === undefined && PANIC.test(line)) {
        panic = line;
        writer = placeOf(part.caller);
      } else if (panic === undefined && OOPS.test(line)) {
        oops ??= line;
        writer = placeOf(part.caller);
      } else if (panic !== undefined || oops !== undefined) {
        const place = readPlace(line);
        if (place !== undefined && panic !== undefined) return { line: panic, at: place };
        told = place ?? told;
      } else if (LEAVING.test(line)) writer = placeOf(part.caller);
    }
  }
  return { line: panic ?? oops, at: told ?? writer };
}

function readPlace(line: ByteString): CrashPlace | undefined {
  const [, cpu, pid, command] = WHERE.exec(line) ?? [];
  return command === undefined ? undefined : { cpu: Number(cpu), pid: Number(pid), command };
}

function placeOf(caller: number | undefined): CrashPlace | undefined {
  if (caller === undefined) return undefined;
  const isCpu = caller >= IS_CPU;
  return { cpu: isCpu ? caller - IS_CPU : undefined, pid: isCpu ? undefined : caller, command: undefined };
}

/** A cpu by the index of its note. */
export interface CrashedCpu {
  readonly note: number;
  /** Whether nothing else is possible: no other cpu had that process. */
  readonly isSure: boolean;
}

/**
 * The cpu that crashed; undefined where its note is not there. Its process tells, unless several cpus had that one, as idle
 * cpus have none; then its number does, if no cpu was off: those have no note.
 */
export function findCrashed(cpus: readonly Cpu[], { cpu, pid }: CrashPlace): CrashedCpu | undefined {
  const those = cpus.flatMap((each, index) => (pid === undefined || each.pid === pid ? [index] : []));
  const [only] = those;
  if (those.length === 1 && only !== undefined) return { note: only, isSure: pid !== undefined || cpus.length === 1 };
  return cpu !== undefined && those.includes(cpu) ? { note: cpu, isSure: false } : undefined;
}
