// npm run bench: how close each command is to what the machine can do, and to what a person would use instead.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { EXIT } from "../src/failure.ts";
import { enginesHere, type Bench, type Findings } from "./bench/bench.ts";
import { callsFindings } from "./bench/calls.ts";
import { drawn } from "./bench/chart.ts";
import { chosen, HELP, type Choices } from "./bench/choices.ts";
import { comparison, differences } from "./bench/compare.ts";
import { functionsFindings } from "./bench/functions.ts";
import { loadFindings } from "./bench/load.ts";
import { origin } from "./bench/machine.ts";
import { withPrograms } from "./bench/programs.ts";
import { report } from "./bench/report.ts";
import { keep, resultIn, type Result } from "./bench/result.ts";
import { sizesFindings } from "./bench/sizes.ts";
import { startFindings } from "./bench/start.ts";
import { treesChart, treesFindings } from "./bench/trees.ts";
import { endWith } from "./command.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import { withProgress } from "./progress.ts";
import { ensure } from "./setup.ts";

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<Findings>>> = {
  trees: treesFindings,
  start: startFindings,
  load: loadFindings,
  calls: callsFindings,
  functions: functionsFindings,
  sizes: sizesFindings,
};

/** Files there are in memory: what is measured waits for no disk. */
const MEMORY = "/dev/shm";

/** An empty folder in memory for the time that `work` takes. */
async function inMemory<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(MEMORY, "kexecbox-bench-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const forget = undoOnInterrupt(remove);
  try {
    return await work(folder);
  } finally {
    remove();
    forget();
  }
}

async function measured({ rounds, only }: Choices): Promise<Result> {
  await ensure("bench");
  const engines = await enginesHere();
  const parts = Object.entries(PARTS).filter(([name]) => only?.includes(name) ?? true);
  const found = await withPrograms("gcc", (programs) => inMemory(async (memory) => {
    const all: Findings[] = [];
    for (const [name, part] of parts) {
      const folder = join(memory, name);
      mkdirSync(folder);
      all.push(await withProgress(`measuring ${name}`, (tell) => part({ rounds, programs, engines, folder, tell })));
      rmSync(folder, { recursive: true });
    }
    return all;
  }));
  return {
    where: "host",
    origin: await origin(),
    rounds,
    rows: found.flatMap(({ rows }) => rows),
    samples: Object.fromEntries(found.flatMap(({ samples }) => [...samples])),
  };
}

function say(text: string): void {
  process.stdout.write(text);
}

function headline({ origin, rounds }: Result): string {
  const { commit, cpu, cpus, kernel, bun, peers } = origin;
  const others = Object.entries(peers).map(([name, version]) => `${name}: ${version}`).join(", ");
  return `kexecbox ${commit}, ${rounds} rounds; ${cpus} × ${cpu}, Linux ${kernel}, Bun ${bun}; ${others}\n\n`;
}

async function main(args: readonly string[]): Promise<number> {
  const choices = chosen(args, Object.keys(PARTS));
  if (choices === undefined) {
    say(HELP.replace("PARTS", Object.keys(PARTS).join(", ")));
    return EXIT.done;
  }
  // A file that cannot be read is better told before everything is measured.
  const before = choices.compare === undefined ? undefined : await resultIn(choices.compare);
  const after = choices.with === undefined ? await measured(choices) : await resultIn(choices.with);
  if (choices.with === undefined) {
    say(headline(after) + report(after.rows));
    for (const path of await keep(after, drawn(treesChart(after)))) say(`\n${relative(".", path)}`);
    say("\n");
  }
  if (before !== undefined) say(`\n${comparison(differences(before.rows, after.rows))}`);
  return EXIT.done;
}

if (import.meta.main) await endWith("bench", () => main(process.argv.slice(2)));
