// What changed from one result to another.

import { figure, table } from "./report.ts";
import type { Row } from "./row.ts";

export type Change = "new" | "gone" | "same" | "less" | "more";

export interface Difference {
  readonly what: string;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  /** "same" where the halves of all runs overlap: such a difference may be chance. */
  readonly change: Change;
}

/** Rows of both, in the order of `after`, then those that are gone. */
export function differences(before: readonly Row[], after: readonly Row[]): Difference[] {
  const old = new Map(before.map((row) => [row.what, row]));
  const fresh = new Set(after.map(({ what }) => what));
  return [
    ...after.map((row) => difference(row.what, old.get(row.what), row)),
    ...before.filter(({ what }) => !fresh.has(what)).map((row) => difference(row.what, row, undefined)),
  ];
}

function difference(what: string, before: Row | undefined, after: Row | undefined): Difference {
  return { what, before, after, change: changeOf(before, after) };
}

function changeOf(before: Row | undefined, after: Row | undefined): Change {
  if (before === undefined) return "new";
  if (after === undefined) return "gone";
  if (after.spread.upper < before.spread.lower) return "less";
  if (after.spread.lower > before.spread.upper) return "more";
  return "same";
}

export function comparison(found: readonly Difference[]): string {
  const median = (row: Row | undefined) => (row === undefined ? "" : figure(row.spread.median, row.unit));
  const percent = ({ before, after }: Difference) => {
    if (before === undefined || after === undefined || before.spread.median === 0) return "";
    const change = (after.spread.median / before.spread.median - 1) * 100;
    return `${change < 0 ? "-" : "+"}${Math.abs(change).toFixed(1)} %`;
  };
  return table(
    ["what", "before", "after", "by", ""],
    found.map((one) => [
      one.what,
      median(one.before),
      median(one.after),
      percent(one),
      one.change === "same" ? "" : one.change,
    ]),
  );
}
