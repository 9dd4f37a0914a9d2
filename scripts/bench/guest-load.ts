// In a guest: how long it takes until a kernel is loaded, what memory that needs, how many instructions it is.

import type { ScriptNeeds } from "../boot/scene.ts";
import type { Findings } from "./bench.ts";
import { printed, type GuestBench } from "./guest.ts";
import { BY_KERNEL, KEXECBOX, WITH_CHECKS, WITHOUT_CHECKS, type Loader } from "./loaders.ts";
import { inTurn } from "./rounds.ts";
import { atMost, row, type Goal, type Row } from "./row.ts";
import { samplesIn, type Sample, type Samples } from "./sample.ts";
import { ratios } from "./statistics.ts";

const LOADERS = [KEXECBOX, WITH_CHECKS, WITHOUT_CHECKS, BY_KERNEL];

/** Programs that make a blob of the guest's own tree, by what they are called here. */
const FLATTENERS = {
  "limit": "limit /proc/device-tree/",
  "fs2dt": "fs2dt -b 0x5000100 /proc/device-tree",
  "dtc": "dtc -q -q -I fs -O dtb /proc/device-tree",
} as const;

const KIB = 1024;
const MIB = 2 ** 20;

/** One instruction takes one nanosecond of the guest's time, whatever the host does meanwhile. */
const COUNTING = ["-icount", "shift=0,sleep=off"];
const COUNTED_ROUNDS = 2;

export async function guestLoadFindings(bench: GuestBench): Promise<Findings> {
  bench.tell("loading");
  const script = (needs: ScriptNeeds) => [...timed(bench.rounds, needs), ...remembered(needs), "poweroff", ""].join("\n");
  const lines = await printed(bench, { smp: 1 }, script);
  const samples = samplesIn(lines);
  bench.tell("counting instructions");
  const counted = samplesIn(await printed(bench, { smp: 1, extra: COUNTING }, (needs) =>
    [...timed(COUNTED_ROUNDS, needs), "poweroff", ""].join("\n")));
  return { rows: [...timeRows(samples), ...memoryRows(lines), ...instructionRows(counted)], samples };
}

/** Each in turn, one round not to be counted before all others. */
function timed(rounds: number, needs: ScriptNeeds): string[] {
  const loads = LOADERS.map((loader) => [
    `measure ${loader.name} ${loader.load(needs).join(" '|' ")}`, loader.unload,
  ]);
  const others = Object.entries(FLATTENERS).map(([name, command]) => [`measure ${name} ${command}`]);
  return Array.from({ length: rounds + 1 }, (_, round) => inTurn([...loads, ...others], round)).flat(2);
}

function remembered(needs: ScriptNeeds): string[] {
  return LOADERS.flatMap((loader) => [
    loader.load(needs).map((command) => `memory ${loader.name} ${command}`).join(" | "), loader.unload,
  ]);
}

/** Milliseconds. */
function walls(samples: Samples, name: string): number[] {
  return samples.get(name)!.slice(1).map(({ wall }: Sample) => wall);
}

function timeRows(samples: Samples): Row[] {
  const loads = LOADERS.map(({ name }) =>
    row(loadTimeOf(name), "ms", walls(samples, name), ours(name, atMost(150))));
  const others = LOADERS.filter((loader) => loader !== KEXECBOX).map(({ name }) =>
    row(`guest, kexecbox: how many times faster than ${name}`, "ratio", ratios(walls(samples, name), walls(samples, KEXECBOX.name))));
  const trees = Object.keys(FLATTENERS).map((name) => row(`guest, ${name}: time for its own tree`, "ms", walls(samples, name)));
  return [...loads, ...others, ...trees];
}

export function loadTimeOf(name: Loader["name"]): string {
  return `guest, ${name}: time until loaded`;
}

function ours(name: Loader["name"], goal: Goal): Goal | undefined {
  return name === KEXECBOX.name ? goal : undefined;
}

function memoryRows(lines: readonly string[]): Row[] {
  return LOADERS.map(({ name }) => {
    const found = lines.flatMap((line) => memoryIn(line, name) ?? []);
    const own = found.reduce((sum, { peak, mapped }) => sum + peak - mapped, 0);
    return row(`guest, ${name}: peak memory beyond the files it maps`, "bytes", [own], ours(name, atMost(8 * MIB)));
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
  return names.map((name) => row(`guest, ${name}: instructions`, "instructions", nanoseconds(name)));
}
