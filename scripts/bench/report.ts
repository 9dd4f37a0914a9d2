// The results as text: one line each, goals beside them.

import type { Result } from "./result.ts";
import { type Goal, passes, type Row, type Unit } from "./row.ts";

/** A figure in the words of its unit. */
export function figure(value: number, unit: Unit): string {
  switch (unit) {
    case "ratio":
      return `${value.toFixed(2)} ×`;
    case "ms":
      return value < 10 ? `${value.toFixed(2)} ms` : `${value.toFixed(1)} ms`;
    case "bytes":
      return Math.abs(value) < 1e6 ? `${(value / 1e3).toFixed(0)} KB` : `${(value / 1e6).toFixed(1)} MB`;
    case "calls":
      return value.toFixed(2);
    case "instructions":
      return `${(value / 1e6).toFixed(1)} million`;
  }
}

function bound({ bound, value }: Goal, unit: Unit): string {
  return `${bound === "at most" ? "≤" : "≥"} ${figure(value, unit)}`;
}

/** Columns of Markdown: what, goal, median, lower to upper quartile, verdict. */
function cells(row: Row): string[] {
  const { what, unit, spread, goal } = row;
  const verdict = passes(row);
  return [
    what,
    goal === undefined ? "" : bound(goal, unit),
    figure(spread.median, unit),
    spread.count === 1 ? "" : `${figure(spread.lower, unit)} – ${figure(spread.upper, unit)}`,
    verdict === undefined ? "" : verdict ? "pass" : "MISS",
  ];
}

/** A table in Markdown whose columns are aligned, so that it can be read as it is. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((word, column) => Math.max(word.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const padded = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
  const line = (row: readonly string[]) => `| ${padded(row).join(" | ")} |\n`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("");
}

export function report(rows: readonly Row[]): string {
  return table(["what", "goal", "median", "half of all runs", ""], rows.map(cells));
}

/** What was measured where, in one line. */
export function headline({ origin, rounds }: Result): string {
  const { commit, cpu, cpus, kernel, bun, peers } = origin;
  const others = Object.entries(peers)
    .map(([name, version]) => `, ${name} ${version}`)
    .join("");
  return `kexecbox ${commit}, ${rounds} rounds, on ${cpus} × ${cpu}, Linux ${kernel}; Bun ${bun}${others}\n`;
}
