// In guests: from the jump to the second init, by the timebase, which counts through it.

import type { Findings } from "./bench.ts";
import type { Chart } from "./chart.ts";
import { COUNTING, type GuestBench, type GuestWords, runScript } from "./guest.ts";
import { loadTimeOf } from "./guest-load.ts";
import { KEXECBOX, type Loader, WITH_CHECKS, WITHOUT_CHECKS } from "./loaders.ts";
import { present } from "./present.ts";
import { inTurn } from "./rounds.ts";
import { atMost, type Row, row, spreadIn } from "./row.ts";
import { ratios } from "./statistics.ts";

const CPUS = [1, 4];
const LOADERS = [KEXECBOX, WITH_CHECKS, WITHOUT_CHECKS];

export async function guestJumpFindings(bench: GuestBench): Promise<Findings> {
  const rows = [];
  for (const smp of CPUS) {
    const times = new Map(LOADERS.map((loader) => [loader, [] as number[]]));
    const timesOf = (loader: Loader): number[] => present(times.get(loader), loader.name);
    for (let round = 0; round < bench.rounds; round++) {
      bench.tell(`jumping, smp ${smp}, round ${round + 1} of ${bench.rounds}`);
      for (const loader of inTurn(LOADERS, round)) timesOf(loader).push(await jumpTime(bench, { smp }, loader));
    }
    const against = ratios(timesOf(KEXECBOX), timesOf(WITHOUT_CHECKS));
    rows.push(
      ...LOADERS.map((loader) => row(jumpTimeOf(loader.name, smp), "ms", timesOf(loader))),
      row(`${jumpTimeOf(KEXECBOX.name, smp)} against ${WITHOUT_CHECKS.name}`, "ratio", against, atMost(1)),
    );
  }
  for (const loader of LOADERS) {
    bench.tell(`counting the instructions of a jump by ${loader.name}`);
    const nanoseconds = 1e6 * (await jumpTime(bench, { smp: 1, extra: COUNTING }, loader));
    rows.push(row(`guest, jump to second init, instructions: ${loader.name}`, "instructions", [nanoseconds]));
  }
  return { rows, samples: new Map() };
}

function jumpTimeOf(name: Loader["name"], smp: number): string {
  return `guest, jump to second init, smp ${smp}: ${name}`;
}

/** Until loaded and from the jump, of each way to do both. */
export function guestChart(rows: readonly Row[]): Chart {
  return {
    title: "ppc64le guest, 5 MB kernel and 105 MB initrd",
    unit: "ms",
    groups: ["until loaded", ...CPUS.map((smp) => `jump to second init, smp ${smp}`)],
    series: LOADERS.map(({ name }) => ({
      name,
      spreads: [loadTimeOf(name), ...CPUS.map((smp) => jumpTimeOf(name, smp))].map((what) => spreadIn(rows, what)),
    })),
  };
}

/** Milliseconds. */
async function jumpTime(bench: GuestBench, words: GuestWords, { load, jump }: Loader): Promise<number> {
  const lines = await runScript(bench, words, (needs) => [load(needs).join(" | "), "timebase", jump, ""].join("\n"));
  return millisecondsBetween(lines);
}

/** Between the two readings of timebase.c in what a guest printed. */
export function millisecondsBetween(lines: readonly string[]): number {
  const readings = lines.flatMap((line) => {
    const [, ticks, perSecond] = /^timebase (\d+) (\d+)$/.exec(line) ?? [];
    return ticks === undefined ? [] : [{ ticks: BigInt(ticks), perSecond: Number(perSecond) }];
  });
  const [before, after] = readings;
  if (before === undefined || after === undefined || readings.length > 2) {
    throw new Error(`${readings.length} readings of the timebase in what the guest printed`);
  }
  return (Number(after.ticks - before.ticks) / after.perSecond) * 1000;
}
