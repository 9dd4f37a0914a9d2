// A line of the results: something measured, and the goal it has, if any.

import { type Spread, spreadOf } from "./statistics.ts";

export type Unit = "ratio" | "ms" | "bytes" | "calls" | "instructions";

export interface Goal {
  readonly bound: "at most" | "at least";
  /** In the row's unit. */
  readonly value: number;
}

export interface Row {
  /** For people, and what a comparison finds the row by: it stays the same from run to run. */
  readonly what: string;
  readonly unit: Unit;
  readonly spread: Spread;
  readonly goal?: Goal;
}

export function atMost(value: number): Goal {
  return { bound: "at most", value };
}

export function atLeast(value: number): Goal {
  return { bound: "at least", value };
}

export function row(what: string, unit: Unit, values: readonly number[], goal?: Goal): Row {
  return { what, unit, spread: spreadOf(values), ...(goal === undefined ? {} : { goal }) };
}

/** By the median; undefined where there is no goal. */
export function passes({ spread: { median }, goal }: Row): boolean | undefined {
  if (goal === undefined) return undefined;
  return goal.bound === "at most" ? median <= goal.value : median >= goal.value;
}

/** Of the row of this name; undefined where there is none. */
export function spreadIn(rows: readonly Row[], name: string): Spread | undefined {
  return rows.find(({ what }) => what === name)?.spread;
}
