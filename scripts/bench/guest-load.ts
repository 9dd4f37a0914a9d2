// In a guest: how long it takes until a kernel is loaded, what memory that needs, how many instructions it is.

import type { ScriptNeeds } from "../boot/scene.ts";
import type { Findings } from "./bench.ts";
import { COUNTING, type GuestBench, runScript } from "./guest.ts";
import { BY_KERNEL, KEXECBOX, type Loader, WITH_CHECKS, WITHOUT_CHECKS } from "./loaders.ts";
import { inTurn } from "./rounds.ts";
import { atMost, type Goal, type Row, row } from "./row.ts";
import { type Sample, type Samples, samplesIn, samplesOf } from "./sample.ts";
import { ratios } from "./statistics.ts";

const LOADERS = [KEXECBOX, WITH_CHECKS, WITHOUT_CHECKS, BY_KERNEL];

/** Programs that make a blob of the guest's own tree, by what they are called here. */
const FLATTENERS = {
  limit: "limit /proc/device-tree/",
  fs2dt: "fs2dt -b 0x5000100 /proc/device-tree",
  dtc: "dtc -q -q -I fs -O dtb /proc/device-tree",
} as const;

const KIB = 1024;
const MB = 1e6;

const COUNTED_ROUNDS = 2;

export async function guestLoadFindings(bench: GuestBench): Promise<Findings> {
  bench.tell("loading");
  const lines = await runScript(bench, { smp: 1 }, (needs) =>
    script([...timeLines(bench.rounds, needs), ...memoryLines(needs)]),
  );
  const samples = samplesIn(lines);
  bench.tell("counting instructions");
  const counted = await runScript(bench, { smp: 1, extra: COUNTING }, (needs) =>
    script(timeLines(COUNTED_ROUNDS, needs)),
  );
  return { rows: [...timeRows(samples), ...memoryRows(lines), ...instructionRows(samplesIn(counted))], samples };
}

function script(lines: readonly string[]): string {
  return [...lines, "poweroff", ""].join("\n");
}

/** Each in turn, one round not to be counted before all others. */
function timeLines(rounds: number, needs: ScriptNeeds): string[] {
  const loads = LOADERS.map((loader) => [`measure ${loader.name} ${loader.load(needs).join(" '|' ")}`, loader.unload]);
  const others = Object.entries(FLATTENERS).map(([name, command]) => [`measure ${name} ${command}`]);
  return Array.from({ length: rounds + 1 }, (_, round) => inTurn([...loads, ...others], round)).flat(2);
}

function memoryLines(needs: ScriptNeeds): string[] {
  return LOADERS.flatMap((loader) => [
    loader
      .load(needs)
      .map((command) => `memory ${loader.name} ${command}`)
      .join(" | "),
    loader.unload,
  ]);
}

/** Milliseconds. */
function walls(samples: Samples, name: string): number[] {
  return samplesOf(samples, name)
    .slice(1)
    .map(({ wall }: Sample) => wall);
}

function timeRows(samples: Samples): Row[] {
  const times = (name: string) => walls(samples, name);
  const loads = LOADERS.map(({ name }) => row(loadTimeOf(name), "ms", times(name), ours(name, atMost(150))));
  const others = LOADERS.filter((loader) => loader !== KEXECBOX).map(({ name }) =>
    row(`${loadTimeOf(name)} against ${KEXECBOX.name}`, "ratio", ratios(times(name), times(KEXECBOX.name))),
  );
  const trees = Object.keys(FLATTENERS).map((name) => row(`guest, its own tree as a blob: ${name}`, "ms", times(name)));
  return [...loads, ...others, ...trees];
}

export function loadTimeOf(name: Loader["name"]): string {
  return `guest, until loaded: ${name}`;
}

function ours(name: Loader["name"], goal: Goal): Goal | undefined {
  return name === KEXECBOX.name ? goal : undefined;
}

function memoryRows(lines: readonly string[]): Row[] {
  return LOADERS.map(({ name }) => {
    const found = lines.flatMap((line) => memoryIn(line, name) ?? []);
    const own = found.reduce((sum, { peak, mapped }) => sum + peak - mapped, 0);
    return row(`guest, peak memory beyond mapped files: ${name}`, "bytes", [own], ours(name, atMost(8 * MB)));
  });
}

/** Bytes, out of what memory.c says. */
export function memoryIn(line: string, name: string): { peak: number; mapped: number } | undefined {
  const found = /^memory (\S+) peak=(\d+) mapped=(\d+)$/.exec(line);
  if (found?.[1] !== name) return undefined;
  return { peak: Number(found[2]) * KIB, mapped: Number(found[3]) * KIB };
}

function instructionRows(samples: Samples): Row[] {
  const names = [...LOADERS.map(({ name }) => name), ...Object.keys(FLATTENERS)];
  const nanoseconds = (name: string) => walls(samples, name).map((wall) => wall * 1e6);
  return names.map((name) => row(`guest, instructions: ${name}`, "instructions", nanoseconds(name)));
}
