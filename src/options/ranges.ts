// Ranges of memory as options have them.

import { pairOf } from "../cli/values.ts";
import { hex, usage } from "../failure.ts";
import { checkedRange, type MemoryRange } from "../range.ts";

/** What the help calls the value of an option that takes several. */
export const RANGES = "START,SIZE[,START,SIZE]...";

/** Throws Failure, a usage error, for what is no such text, and for memory that nothing has. */
export function rangesOf(place: string, text: string): MemoryRange[] {
  const numbers = text.split(",");
  return numbers.flatMap((_, index) =>
    index % 2 === 0 ? [rangeOf(place, numbers.slice(index, index + 2).join(","))] : [],
  );
}

export function rangeOf(place: string, text: string): MemoryRange {
  const [start, size] = pairOf(place, text, "START,SIZE");
  const refuse = () => usage(place, `no memory has ${hex(size)} bytes at ${hex(start)}`);
  if (size === 0n) throw refuse();
  return checkedRange(start, start + size, refuse);
}
