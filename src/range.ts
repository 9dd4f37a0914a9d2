// Ranges of physical memory, half-open: [start, end).

import { type Failure, hex } from "./failure.ts";

export interface MemoryRange {
  readonly start: bigint;
  readonly end: bigint;
}

/** A range and what has it, in words. */
export interface NamedRange extends MemoryRange {
  readonly name: string;
}

/** The end of a range that has none: above every address. */
export const NO_END = 1n << 64n;

export function rangeOfSize(start: bigint, size: bigint): MemoryRange {
  return { start, end: start + size };
}

/**
 * A range by numbers that somebody gave: a command line, a tree, a kernel. Past 2^64 they would be written as small ones.
 * @param refuse makes the Failure of what no memory can be
 */
export function checkedRange(start: bigint, end: bigint, refuse: (range: MemoryRange) => Failure): MemoryRange {
  const range = { start, end };
  if (end < start || end > NO_END) throw refuse(range);
  return range;
}

export function sameRange(a: MemoryRange, b: MemoryRange): boolean {
  return a.start === b.start && a.end === b.end;
}

/** Whether they share a byte. */
export function overlap(a: MemoryRange, b: MemoryRange): boolean {
  return a.start < b.end && b.start < a.end;
}

/** Whether all of `inner` lies in `outer`. */
export function contains(outer: MemoryRange, inner: MemoryRange): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

/** Bytes of a page, of kernels of any machine. */
const PAGES = [0x1000n, 0x4000n, 0x10000n] as const;

/** The range, and what it may become where it is rounded to whole pages of any kernel, each once. */
export function inPages({ start, end }: MemoryRange): MemoryRange[] {
  const starts = new Set([start, ...PAGES.map((page) => roundDown(start, page))]);
  const ends = new Set([end, ...PAGES.map((page) => roundUp(end, page))]);
  return [...starts].flatMap((start) => [...ends].map((end) => ({ start, end })));
}

/** Whether `outer` is `inner`, rounded to whole pages of any kernel. */
export function isInPagesOf(inner: MemoryRange, outer: MemoryRange): boolean {
  return contains(outer, inner) && inPages(inner).some((pages) => sameRange(pages, outer));
}

/** The same memory in order, with ranges that overlap or touch merged: two banks side by side are one range. */
export function mergeRanges(ranges: readonly MemoryRange[]): MemoryRange[] {
  const result: MemoryRange[] = [];
  for (const range of [...ranges].sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))) {
    const last = result.at(-1);
    if (last === undefined || range.start > last.end) result.push(range);
    else if (range.end > last.end) result[result.length - 1] = { start: last.start, end: range.end };
  }
  return result;
}

/** Bytes of all of them. */
export function sizeOfRanges(ranges: readonly MemoryRange[]): bigint {
  return ranges.reduce((sum, { start, end }) => sum + end - start, 0n);
}

/** `0x1fff0000-0x20000000`. */
export function formatRange({ start, end }: MemoryRange): string {
  return `${hex(start)}-${hex(end)}`;
}

/** Ranges that a message names. A partition that gained and lost memory for a year has it in hundreds. */
const MOST_SHOWN = 8;

/** One after the other. */
export function formatRanges(ranges: readonly MemoryRange[]): string {
  const more = ranges.length > MOST_SHOWN ? ` and ${ranges.length - MOST_SHOWN} ranges more` : "";
  return `${ranges.slice(0, MOST_SHOWN).map(formatRange).join(" ")}${more}`;
}

/** The next multiple of `to`, or `value` itself. */
export function roundUp(value: bigint, to: bigint): bigint {
  return ((value + to - 1n) / to) * to;
}

/** @param to a positive number */
export function roundDown(value: bigint, to: bigint): bigint {
  return (value / to) * to;
}

export function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

export function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** From the lowest start to the highest end; undefined where there is none. */
export function hullOf(ranges: readonly MemoryRange[]): MemoryRange | undefined {
  const [first] = ranges;
  return first && ranges.reduce((hull, { start, end }) => ({ start: min(hull.start, start), end: max(hull.end, end) }));
}

/** What of `range` is in one of `ranges`, in their order. */
export function intersectRanges(range: MemoryRange, ranges: readonly MemoryRange[]): MemoryRange[] {
  return ranges
    .filter((each) => overlap(each, range))
    .map(({ start, end }) => ({ start: max(start, range.start), end: min(end, range.end) }));
}

/** What of `ranges` is in none of `holes`, sorted and merged. */
export function subtractRanges(ranges: readonly MemoryRange[], holes: readonly MemoryRange[]): MemoryRange[] {
  const cuts = mergeRanges(holes.filter(isSome));
  const left: MemoryRange[] = [];
  let first = 0;
  for (const { start, end } of mergeRanges(ranges.filter(isSome))) {
    let from = start;
    for (let cut = cuts[first]; cut !== undefined && cut.end <= from; cut = cuts[first]) first++;
    for (let at = first, cut = cuts[at]; cut !== undefined && cut.start < end; cut = cuts[++at]) {
      if (from < cut.start) left.push({ start: from, end: cut.start });
      from = cut.end;
    }
    if (from < end) left.push({ start: from, end });
  }
  return left;
}

/** The index of the first of ranges that are sorted and share nothing, as mergeRanges() makes them, that ends at `address` or above. */
export function firstUpTo(sorted: readonly MemoryRange[], address: bigint): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.end ?? NO_END) < address) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether it shares a byte with one of such ranges, or lies side by side with it. */
export function touchesOne(range: MemoryRange, sorted: readonly MemoryRange[]): boolean {
  const first = sorted[firstUpTo(sorted, range.start)];
  return first !== undefined && first.start <= range.end;
}

/** Whether one of such ranges has all of it. */
export function isWithinSorted(range: MemoryRange, sorted: readonly MemoryRange[]): boolean {
  const first = sorted[firstUpTo(sorted, range.end)];
  return first !== undefined && contains(first, range);
}

/** What of `range` is in such ranges. */
export function intersectSorted(range: MemoryRange, sorted: readonly MemoryRange[]): MemoryRange[] {
  const found: MemoryRange[] = [];
  for (let at = firstUpTo(sorted, range.start); at < sorted.length; at++) {
    const { start, end } = sorted[at] ?? range;
    if (start >= range.end) break;
    if (end > range.start) found.push({ start: max(start, range.start), end: min(end, range.end) });
  }
  return found;
}

function isSome({ start, end }: MemoryRange): boolean {
  return start < end;
}
