// In a guest: how long it takes until a kernel is loaded, what memory that needs, how many instructions it is.

import type { ScriptNeeds } from "../boot/scene.ts";
import { RELEASES } from "../peers/releases.ts";
import type { Findings } from "./bench.ts";
import { COUNTING, type GuestBench, runScript } from "./guest.ts";
import { goalIn } from "./guests.ts";
import {
  KEXECBOX,
  LIMIT,
  type Loader,
  loadersOf,
  PIPELINE,
  preparation,
  withChecks,
  withoutChecks,
} from "./loaders.ts";
import { inTurn } from "./rounds.ts";
import { atMost, type Goal, type Row, row, type Unit } from "./row.ts";
import { type Sample, type Samples, samplesIn, samplesOf } from "./sample.ts";
import { ratios } from "./statistics.ts";

const KIB = 1024;
const MB = 1e6;

/** What is slow is counted once. */
const COUNTED_ROUNDS = 4;

/** What runs only so that the next run of it finds all as every later one does. */
const UNCOUNTED = "uncounted";

/** Of a machine that has nothing else to do. */
export async function guestLoadFindings(bench: GuestBench): Promise<Findings> {
  bench.tell("loading");
  const lines = await runScript(bench, { smp: 1 }, (needs) => {
    const all = contestants(bench, needs);
    return script(needs, [...warmUp(all), ...timeLines(bench.rounds, all)]);
  });
  const samples = samplesIn(lines);
  return { rows: costRows(bench, TIME, samples), samples };
}

/** What does not depend on how busy the machine is. */
export async function guestCountFindings(bench: GuestBench): Promise<Findings> {
  const loaders = loadersOf(bench.guest, bench.sources).filter(({ isSlow }) => isSlow !== true);
  bench.tell("counting instructions");
  const lines = await runScript(bench, { smp: 1, extra: COUNTING }, (needs) => {
    const all = contestants(bench, needs);
    const quick = all.filter(({ isSlow }) => !isSlow);
    return script(needs, [
      ...warmUp(quick),
      ...timeLines(COUNTED_ROUNDS, quick),
      ...memoryLines(loaders, needs),
      ...timeLines(
        1,
        all.filter(({ isSlow }) => isSlow),
      ),
    ]);
  });
  // Nanoseconds there are instructions: kept as samples they would be taken for time.
  return {
    rows: [...costRows(bench, INSTRUCTIONS, samplesIn(lines)), ...memoryRows(loaders, lines)],
    samples: new Map(),
  };
}

function script(needs: ScriptNeeds, lines: readonly string[]): string {
  return [...preparation(needs), ...lines, "poweroff", ""].join("\n");
}

interface Contestant {
  readonly name: string;
  readonly commands: readonly string[];
  /** Lines to run afterwards. */
  readonly after: readonly string[];
  readonly isSlow: boolean;
}

/** Programs that make a blob of the guest's own tree, by what they are called here. */
const FLATTENERS = ["limit-tree", "fs2dt", "dtc"] as const;

function contestants({ guest, sources }: GuestBench, needs: ScriptNeeds): Contestant[] {
  const commands: Readonly<Record<(typeof FLATTENERS)[number], string>> = {
    "limit-tree": "limit /proc/device-tree/",
    fs2dt: "fs2dt -b 0x5000100 /proc/device-tree",
    dtc: `${sources.stable.command("dtc")} -q -q -I fs -O dtb /proc/device-tree`,
  };
  const hasTree = needs.argument !== "zero page";
  return [
    ...loadersOf(guest, sources).map(({ name, load, unload, isSlow = false }) => ({
      name,
      commands: load(needs),
      after: [unload],
      isSlow,
    })),
    ...(hasTree ? FLATTENERS : []).map((name) => ({ name, commands: [commands[name]], after: [], isSlow: false })),
  ];
}

function linesOf({ name, commands, after }: Contestant): string[] {
  return [`measure ${name} ${commands.join(" '|' ")}`, ...after];
}

function warmUp(all: readonly Contestant[]): string[] {
  return all.flatMap((one) => linesOf({ ...one, name: UNCOUNTED }));
}

/** Each in turn. */
function timeLines(rounds: number, all: readonly Contestant[]): string[] {
  return Array.from({ length: rounds }, (_, round) => inTurn(all, round).flatMap(linesOf)).flat();
}

function memoryLines(loaders: readonly Loader[], needs: ScriptNeeds): string[] {
  return loaders.flatMap((loader) => [
    loader
      .load(needs)
      .map((command) => `memory ${loader.name} ${command}`)
      .join(" | "),
    loader.unload,
  ]);
}

/** What is measured, and in what words the rows have it. */
interface Cost {
  readonly unit: Unit;
  /** Behind the name of what is done. */
  readonly words: string;
  of(sample: Sample): number;
  readonly pipelineGoal?: Goal;
}

export const TIME: Cost = { unit: "ms", words: "", of: ({ wall }) => wall, pipelineGoal: atMost(150) };

/** A nanosecond each. */
const INSTRUCTIONS: Cost = { unit: "instructions", words: ", instructions", of: ({ wall }) => wall * 1e6 };

export function loadTimeOf(name: string): string {
  return costOfLoad(TIME, name);
}

function costOfLoad({ words }: Cost, name: string): string {
  return `guest, until loaded${words}: ${name}`;
}

/** What each costs, and ours against the others. */
export function costRows(
  { guest, sources }: Pick<GuestBench, "guest" | "sources">,
  cost: Cost,
  samples: Samples,
): Row[] {
  const costs = (name: string) => samplesOf(samples, name).map(cost.of);
  const against = ({ name }: Loader, goal?: Goal) => {
    const theirs = costs(name);
    const values = ratios(costs(KEXECBOX.name).slice(0, theirs.length), theirs);
    return row(`${costOfLoad(cost, KEXECBOX.name)} against ${name}`, "ratio", values, goal && goalIn(guest, goal));
  };
  return [
    ...loadersOf(guest, sources).map(({ name }) => {
      const goal = name === PIPELINE.name ? cost.pipelineGoal : undefined;
      return row(costOfLoad(cost, name), cost.unit, costs(name), goal && goalIn(guest, goal));
    }),
    ...RELEASES.flatMap((release) => [
      against(withChecks(release, sources), atMost(0.15)),
      against(withoutChecks(release, sources), atMost(0.7)),
    ]),
    against(LIMIT),
    ...FLATTENERS.filter((name) => samples.has(name)).map((name) =>
      row(`guest, its own tree as a blob${cost.words}: ${name}`, cost.unit, costs(name)),
    ),
  ];
}

function memoryRows(loaders: readonly Loader[], lines: readonly string[]): Row[] {
  return loaders.map((loader) => {
    const found = lines.flatMap((line) => memoryIn(line, loader.name) ?? []);
    const own = found.reduce((sum, { peak, mapped }) => sum + peak - mapped, 0);
    const goal = loader === KEXECBOX || loader === PIPELINE ? atMost(8 * MB) : undefined;
    return row(`guest, peak memory beyond mapped files: ${loader.name}`, "bytes", [own], goal);
  });
}

/** Bytes, out of what memory.c says. */
export function memoryIn(line: string, name: string): { peak: number; mapped: number } | undefined {
  const found = /^memory (\S+) peak=(\d+) mapped=(\d+)$/.exec(line);
  if (found?.[1] !== name) return undefined;
  return { peak: Number(found[2]) * KIB, mapped: Number(found[3]) * KIB };
}
