// How many system calls fs2dt makes for a property, as strace counts them.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runTool } from "../tool.ts";
import type { Bench, Findings } from "./bench.ts";
import { atMost, row } from "./row.ts";
import { makeTree } from "./tree.ts";
import { brief, flatteners, SIZES, START, treeOf } from "./trees.ts";

/** Of a node: openat, getdents64 for its entries and for their end, close. */
const CALLS_PER_NODE = 4;

export async function callsFindings(bench: Bench): Promise<Findings> {
  const { nodes, properties } = SIZES.large;
  const [large, small] = ["large", "small"].map((name) => join(bench.folder, name)) as [string, string];
  makeTree(large, treeOf(SIZES.large));
  makeTree(small, treeOf(START));
  const count = (command: readonly string[]) => countCalls(command, join(bench.folder, "counts"));
  const rows = [];
  for (const { name, command } of flatteners(bench)) {
    bench.tell(name);
    const calls = (await count(command(large))) - (await count(command(small)));
    const each = (calls - CALLS_PER_NODE * (nodes - START.nodes)) / (properties - START.properties);
    const what = `fs2dt, ${brief(SIZES.large)}, system calls for a property: ${name}`;
    const ours = bench.engines.some((engine) => engine.name === name);
    // Rounded, since the few that are longer than a page need more than one read.
    rows.push(row(what, "calls", [Math.round(100 * each) / 100], ours ? atMost(3) : undefined));
  }
  return { rows, samples: new Map() };
}

async function countCalls(command: readonly string[], counts: string): Promise<number> {
  await runTool(["strace", "-f", "-c", "-o", counts, ...command]);
  return totalCalls(readFileSync(counts, "utf8"));
}

/** The calls that the last line of strace's table counts: share, seconds, microseconds each, calls, errors. */
export function totalCalls(table: string): number {
  const total = (table.trimEnd().split("\n").at(-1) ?? "").trim().split(/\s+/);
  return Number(total[3]);
}
