// How the running kernel puts the loaded image into its place, where it does not survive all of that.

import { attempt, Failure } from "../failure.ts";
import { formatRange, type MemoryRange, min, overlap } from "../range.ts";
import { F_SETPIPE_SZ, O_NONBLOCK, type System } from "../sys/system.ts";
import { readMemoryInfo } from "./facts.ts";

/** What the kernel still looks at while it copies, and what it copies over. The two must not meet. */
export interface Copying {
  /** Where the loaded image goes. */
  readonly segments: readonly MemoryRange[];
  /** The kernel's own record of the process that asks, its task_struct. */
  task(): MemoryRange;
}

export interface Jump {
  /** What asks for it, for messages. */
  readonly option: string;
  /** Unloads what this run has loaded, which is done where it is not entered; undefined where another run has. */
  readonly unload: (() => void) | undefined;
  /** Absent where the kernel survives it. Throws a Failure for what cannot be known: then the jump is made as it is. */
  readonly findCopying: ((system: System) => Copying) | undefined;
  /** Gets what a person may want to know. */
  say(line: string): void;
}

/**
 * That many processes are tried. With pages of 64K a slab has room for a hundred task_structs, and each cpu has a slab of its own:
 * a process that moves from cpu to cpu fills several before one comes from elsewhere.
 */
const MOST_PROCESSES = 512;

/** Bytes that have to be available for one more: with pages of 64K it takes 1.5 MiB, and Linux ends processes for what is not there. */
const LEAST_MEMORY = 16n * 1024n * 1024n;

/** How many of them take memory, each its part of as much as the image has: no more can be in the way. */
const TAKERS = 16n;

/** Bytes in a pipe: as many as the kernel allows unless it was told otherwise (fs/pipe.c, pipe_max_size). */
const PIPE_SIZE = 1 << 20;

/**
 * Where the image goes over this process's task_struct, another process goes on. Its parent waits for it, and so keeps its
 * own place taken: the next one has another.
 * @returns undefined in the process that may jump; in all others the exit code of the one that they started
 * @throws Failure where none is found
 */
export function leaveTheWay(system: System, { option, findCopying, say }: Jump): number | undefined {
  const copying = findCopying && known(() => findCopying(system), say);
  const image = copying?.segments.reduce((sum, { start, end }) => sum + end - start, 0n) ?? 0n;
  for (let processes = 1; copying !== undefined; processes += 1) {
    const task = known(() => copying.task(), say);
    if (task === undefined) break;
    const segment = copying.segments.find((each) => overlap(each, task));
    if (segment === undefined) {
      if (processes > 1) say(`it leaves that of process ${processes} whole, ${formatRange(task)}: this one jumps`);
      break;
    }
    if (processes === 1) say(`the image goes over this process's task_struct, ${formatRange(task)}`);
    const isShort = (readMemoryInfo(system, "MemAvailable") ?? LEAST_MEMORY) < LEAST_MEMORY;
    if (processes === MOST_PROCESSES || isShort) {
      const of = processes === 1 ? "this process, in" : `each of ${processes} processes, the last one in`;
      const fact = `the image goes over the task_struct of ${of}`;
      const why = isShort ? ", and there is no memory for another one" : "";
      const advice = "load it elsewhere (--no-checks jumps all the same)";
      throw new Failure(option, `${fact} ${formatRange(segment)}${why}; ${advice}`);
    }
    if (processes <= TAKERS) takeMemory(system, min(image, (readMemoryInfo(system, "MemFree") ?? 0n) / 2n) / TAKERS);
    const child = system.must(system.fork(), "fork");
    if (child !== 0) return exitCodeOf(system.must(system.wait(child), `process ${child}`));
  }
  return undefined;
}

/** What `find` gives; undefined where that cannot be known, which is said. */
function known<T>(find: () => T, say: Jump["say"]): T | undefined {
  return attempt(find, (why) => say(`whether the image goes over this process's task_struct is not checked: ${why}`));
}

/**
 * Takes some of the memory from which the kernel takes its own, so that its next records lie elsewhere: what is written into
 * a pipe is not movable, as those are not. It is given back when the processes that have the pipe end.
 */
function takeMemory(system: System, bytes: bigint): void {
  const zeros = new Uint8Array(PIPE_SIZE);
  for (let taken = 0; taken < bytes; ) {
    const pipe = new DataView(new ArrayBuffer(8));
    if (system.call("pipe2", new Uint8Array(pipe.buffer), O_NONBLOCK) < 0) return;
    const end = pipe.getInt32(4, system.littleEndian);
    system.call("fcntl", end, F_SETPIPE_SZ, PIPE_SIZE);
    const written = system.call("write", end, zeros, zeros.length);
    if (written <= 0) return;
    taken += written;
  }
}

/** Of a status of wait4(2). */
function exitCodeOf(status: number): number {
  const signal = status & 0x7f;
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}
