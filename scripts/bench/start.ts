// What the start of kexecbox costs: two applets that do next to nothing, beside a program that does nothing.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Findings } from "./bench.ts";
import { cpuOf, inRounds } from "./rounds.ts";
import { atMost, row } from "./row.ts";
import { samplesOf } from "./sample.ts";
import { differences } from "./statistics.ts";

const COMMANDS = ["v2wrap", "--list"];

export async function startFindings(bench: Bench): Promise<Findings> {
  const empty = join(bench.folder, "empty");
  mkdirSync(empty);
  const ours = bench.engines.flatMap(({ name, command }) =>
    COMMANDS.map((word) => ({ name: `${word}: ${name}`, command: [...command, word] })),
  );
  const nothing = { name: "limit, an empty directory", command: [bench.programs.limit, empty] };
  const samples = await inRounds(bench.rounds, [nothing, ...ours], bench.programs.measure, bench.tell);
  const leastOf = cpuOf(samples, nothing.name);
  const rows = ours.flatMap(({ name }) => {
    const whole = cpuOf(samples, name);
    return [
      row(name, "ms", whole, atMost(name.endsWith("Bun") ? 10 : 1)),
      row(
        `${name}, peak memory`,
        "bytes",
        samplesOf(samples, name).map(({ peak }) => peak),
      ),
      row(`${name}, beyond a program that does nothing`, "ms", differences(whole, leastOf)),
    ];
  });
  return { rows: [row("a program that does nothing", "ms", leastOf), ...rows], samples };
}
