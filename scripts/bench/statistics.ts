// What many runs of the same say together.

import { quantile } from "simple-statistics";

/** Half of all values lie from `lower` to `upper`. */
export interface Spread {
  readonly least: number;
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
  readonly most: number;
  readonly count: number;
}

/** Of at least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const [least, lower, median, upper, most] = quantile([...values], [0, 0.25, 0.5, 0.75, 1]) as [
    number,
    number,
    number,
    number,
    number,
  ];
  return { least, lower, median, upper, most, count: values.length };
}

/**
 * Round by round: what slows the whole machine down for a while is in both of a pair, and not in their ratio.
 * The lists are equally long.
 */
export function ratios(values: readonly number[], to: readonly number[]): number[] {
  return values.map((value, round) => value / (to[round] ?? NaN));
}

/** The same of what two cost together: what the first costs alone. */
export function differences(values: readonly number[], less: readonly number[]): number[] {
  return values.map((value, round) => value - (less[round] ?? NaN));
}
