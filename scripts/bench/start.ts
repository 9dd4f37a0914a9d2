// What the start of kexecbox costs: two applets that do next to nothing, beside a program that does nothing.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Findings } from "./bench.ts";
import { cpuOf, inRounds } from "./rounds.ts";
import { atMost, row, type Goal } from "./row.ts";

const COMMANDS = ["v2wrap", "--list"];

export async function startFindings(bench: Bench): Promise<Findings> {
  const empty = join(bench.folder, "empty");
  mkdirSync(empty);
  const ours = bench.engines.flatMap(({ name, command }) =>
    COMMANDS.map((word) => ({ name: `${name}, ${word}`, command: [...command, word] })));
  const contestants = [{ name: "limit, an empty directory", command: [bench.programs.limit, empty] }, ...ours];
  const samples = await inRounds(bench.rounds, contestants, bench.programs.measure, bench.tell);
  const rows = contestants.map(({ name }) => row(`${name}: CPU time`, "ms", cpuOf(samples, name), goalOf(name)));
  return { rows, samples };
}

function goalOf(name: string): Goal | undefined {
  if (name.startsWith("limit")) return undefined;
  return atMost(name.startsWith("Bun") ? 10 : 1);
}
