// Whether work grows as an input does, or as its square: told function by function, since one that is called seldom hides in
// the work of all.

import { growthOf, MOST_GROWTH } from "../scale/growth.ts";
import type { Stretch } from "./stretch.ts";

/** Work by the name of what does it. */
export type Counts = ReadonlyMap<string, number>;

/** Numbers of copies. */
const FEW = [64, 128, 256];
/** Where the few grow as a suspect does. More than three, since from some length on a list may be treated otherwise. */
const MANY = [256, 512, 1024, 2048];
/** A sort's own growth is 2.3. */
const SUSPECT = 2.4;
/** Bytes of the longest input. */
const LONGEST = 512 << 10;
/** Of what one function does with the largest: less takes no time, however it grows. */
const LEAST = 1 << 11;

/** What grows too fast, and how often it ran for each size. */
export interface Steep {
  readonly name: string;
  readonly counts: readonly number[];
  /** The longest of the inputs. */
  readonly input: Uint8Array;
}

export function findSteep(stretch: Stretch, countsFor: (input: Uint8Array) => Counts): Steep | undefined {
  const longest = stretch(MANY.at(-1) ?? 0);
  if (longest.length > LONGEST) return undefined;
  const measure = (sizes: readonly number[]) => sizes.map((copies) => countsFor(stretch(copies)));
  if (steepestOf(measure(FEW), SUSPECT) === undefined) return undefined;
  const found = steepestOf(measure(MANY), MOST_GROWTH);
  return found === undefined ? undefined : { ...found, input: longest };
}

function steepestOf(sizes: readonly Counts[], most: number): Omit<Steep, "input"> | undefined {
  const names = [...(sizes.at(-1)?.keys() ?? [])];
  const all = names.map((name) => ({ name, counts: sizes.map((counts) => counts.get(name) ?? 0) }));
  const lastOf = (counts: readonly number[]): number => counts.at(-1) ?? 0;
  const steep = all.filter(({ counts }) => {
    const growths = counts.slice(2).map((_, at) => growthOf(counts.slice(at, at + 3)) ?? 0);
    return lastOf(counts) > LEAST && growths.every((growth) => growth > most);
  });
  return steep.sort((one, other) => lastOf(other.counts) - lastOf(one.counts))[0];
}
