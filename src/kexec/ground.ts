// What memory is before the jump, in runs from the lowest address up. Of hundreds of ranges most are folded into few runs.

import {
  firstUpTo,
  intersectSorted,
  type MemoryRange,
  max,
  mergeRanges,
  min,
  type NamedRange,
  overlap,
  sameRange,
  subtractRanges,
} from "../range.ts";
import type { MachineFacts } from "./facts.ts";

/** What memory is before the jump. `mixed` is RAM and other things by turns, `unknown` where nothing tells of memory. */
export type Ground = "RAM" | "taken" | "kernel" | "initrd" | "crashkernel" | "mixed" | "nothing" | "unknown";

/** Between two things that a person wants to see, what else there is has at most so many bands. */
const MOST_BETWEEN = 5;

/** If it has more, so many of the largest are left, and those between them become one. */
const LEFT_OF_MORE = 2;

/** A run of memory in which nothing is loaded. */
export interface Run extends MemoryRange {
  readonly ground: Ground;
  /** Of what is taken and of what is no RAM. */
  readonly names: readonly string[];
  /** Taken ranges in it, and bytes of them. */
  readonly taken: number;
  readonly takenSize: bigint;
}

/** Of memory that is sorted, and none of it twice. */
export function groundOf({ memory }: MachineFacts, range: MemoryRange): Ground {
  if (memory.length === 0) return "unknown";
  const [first] = intersectSorted(range, memory);
  if (first === undefined) return "nothing";
  return sameRange(first, range) ? "RAM" : "mixed";
}

/** All of `span`, in order: RAM, what is taken of it, and what is neither. */
export function listRuns(
  { memory, taken, notRam = [] }: Pick<MachineFacts, "memory" | "taken" | "notRam">,
  span: MemoryRange,
): Run[] {
  if (memory.length === 0) return [{ ...span, ground: "unknown", names: [], taken: 0, takenSize: 0n }];
  const held = apart(taken.filter((range) => overlap(range, span)));
  const run = (range: MemoryRange, ground: Ground, names: readonly string[]): Run => {
    const isTaken = ground === "taken";
    return { ...range, ground, names, taken: isTaken ? 1 : 0, takenSize: isTaken ? sizeOf(range) : 0n };
  };
  const free = subtractRanges(memory, held).map((range) => run(range, "RAM", []));
  const holes = subtractRanges([span], [...mergeRanges(memory), ...held]);
  const namesIn = nameHoles(holes, notRam);
  return [
    ...free,
    ...held.map((range) => run(range, "taken", [range.name])),
    ...holes.map((hole) => run(hole, "nothing", namesIn.get(hole) ?? [])),
  ].sort(byStart);
}

/** A range names at most so many of the holes that it lies over. */
const MOST_HOLES = 64;

/**
 * What lies in each of some holes, in the order of `ranges`.
 * @param holes in order, and apart
 */
function nameHoles(holes: readonly MemoryRange[], ranges: readonly NamedRange[]): Map<MemoryRange, string[]> {
  const names = new Map<MemoryRange, string[]>();
  for (const range of ranges) {
    const first = firstUpTo(holes, range.start + 1n);
    for (const hole of holes.slice(first, first + MOST_HOLES)) {
      if (hole.start >= range.end) break;
      const known = names.get(hole);
      if (known === undefined) names.set(hole, [range.name]);
      else known.push(range.name);
    }
  }
  return names;
}

export function clipRun(run: Run, within: MemoryRange): Run {
  const range = { start: max(run.start, within.start), end: min(run.end, within.end) };
  return { ...run, ...range, takenSize: run.taken === 0 ? 0n : sizeOf(range) };
}

/** Of several ranges of one name that overlap or touch, one: the tree and its reserve map tell of the same memory. */
export function joinNamed(ranges: readonly NamedRange[]): NamedRange[] {
  const result: NamedRange[] = [];
  for (const range of [...ranges].sort(byStart)) {
    const last = result.at(-1);
    if (last === undefined || last.name !== range.name || range.start > last.end) result.push(range);
    else result[result.length - 1] = { ...last, end: max(last.end, range.end) };
  }
  return result;
}

/** The same memory without any of it twice, in order: of two that overlap, the one that begins first has it. */
function apart(ranges: readonly NamedRange[]): NamedRange[] {
  const result: NamedRange[] = [];
  let end = 0n;
  for (const range of [...ranges].sort(byStart)) {
    if (range.end <= end || !isSome(range)) continue;
    result.push({ ...range, start: max(range.start, end) });
    end = range.end;
  }
  return result;
}

/** A few of the largest as they are, and what is between them in one each. */
export function foldRuns(runs: readonly Run[]): Run[] {
  if (runs.length <= MOST_BETWEEN) return [...runs];
  const bySize = [...runs].sort((a, b) => (sizeOf(a) > sizeOf(b) ? -1 : 1));
  const kept = new Set(bySize.slice(0, LEFT_OF_MORE));
  const groups: [Run, ...Run[]][] = [];
  for (const run of runs) {
    const last = groups.at(-1);
    if (last === undefined || kept.has(run) || kept.has(last[0])) groups.push([run]);
    else last.push(run);
  }
  return groups.map(joinRuns);
}

/** Of runs in their order, one. */
function joinRuns(runs: readonly [Run, ...Run[]]): Run {
  const [first] = runs;
  if (runs.length === 1) return first;
  return {
    start: first.start,
    end: runs.at(-1)?.end ?? first.end,
    ground: runs.every(({ ground }) => ground === first.ground) ? first.ground : "mixed",
    names: runs.flatMap(({ names }) => names),
    taken: runs.reduce((sum, { taken }) => sum + taken, 0),
    takenSize: runs.reduce((sum, { takenSize }) => sum + takenSize, 0n),
  };
}

/** The first two different ones. */
export function tellNames(names: readonly string[]): string {
  const different = [...new Set(names)];
  const more = different.length > 2 ? ` and ${different.length - 2} more` : "";
  return different.slice(0, 2).join(", ") + more;
}

export function sizeOf({ start, end }: MemoryRange): bigint {
  return end - start;
}

export function isSome({ start, end }: MemoryRange): boolean {
  return start < end;
}

export function byStart(a: MemoryRange, b: MemoryRange): number {
  return a.start < b.start ? -1 : a.start > b.start ? 1 : 0;
}
