// Ranges of physical memory, half-open: [start, end).

import { hex } from "./failure.ts";

export interface MemoryRange {
  readonly start: bigint;
  readonly end: bigint;
}

export function rangeOfSize(start: bigint, size: bigint): MemoryRange {
  return { start, end: start + size };
}

export function sameRange(a: MemoryRange, b: MemoryRange): boolean {
  return a.start === b.start && a.end === b.end;
}

export function overlap(a: MemoryRange, b: MemoryRange): boolean {
  return a.start < b.end && b.start < a.end;
}

export function contains(outer: MemoryRange, inner: MemoryRange): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
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

export function formatRange({ start, end }: MemoryRange): string {
  return `${hex(start)}-${hex(end)}`;
}

export function roundUp(value: bigint, to: bigint): bigint {
  return ((value + to - 1n) / to) * to;
}
