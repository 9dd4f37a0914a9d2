// In guests: from the jump to the second init, by the timebase, which counts through it.

import type { Findings } from "./bench.ts";
import type { Chart } from "./chart.ts";
import { COUNTING, type GuestBench, type GuestWords, runScript } from "./guest.ts";
import { loadTimeOf } from "./guest-load.ts";
import { type GuestName, goalIn } from "./guests.ts";
import { KEXECBOX, type Loader, PIPELINE, withChecks, withoutChecks } from "./loaders.ts";
import { present } from "./present.ts";
import { inTurn } from "./rounds.ts";
import { atMost, type Row, row, spreadIn } from "./row.ts";
import { ratios } from "./statistics.ts";

const CPUS = [1, 4];

export async function guestJumpFindings(bench: GuestBench): Promise<Findings> {
  const theirs = withoutChecks("stable", bench.sources);
  const loaders = [KEXECBOX, PIPELINE, withChecks("stable", bench.sources), theirs];
  const rows = [];
  for (const smp of CPUS) {
    const times = new Map(loaders.map((loader) => [loader, [] as number[]]));
    const timesOf = (loader: Loader): number[] => present(times.get(loader), loader.name);
    for (let round = 0; round < bench.rounds; round++) {
      bench.tell(`jumping, smp ${smp}, round ${round + 1} of ${bench.rounds}`);
      for (const loader of inTurn(loaders, round)) timesOf(loader).push(await jumpTime(bench, { smp }, loader));
    }
    const against = ratios(timesOf(KEXECBOX), timesOf(theirs));
    rows.push(
      ...loaders.map((loader) => row(jumpTimeOf(loader.name, smp), "ms", timesOf(loader))),
      row(`${jumpTimeOf(KEXECBOX.name, smp)} against ${theirs.name}`, "ratio", against, goalIn(bench.guest, atMost(1))),
    );
  }
  for (const loader of loaders) {
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
export function guestChart(guest: GuestName, rows: readonly Row[]): Chart {
  return {
    title: `${guest} guest, 105 MB initrd`,
    unit: "ms",
    groups: ["until loaded", ...CPUS.map((smp) => `jump to second init, smp ${smp}`)],
    series: [KEXECBOX.name, PIPELINE.name, "stable-l", "stable-l-no-checks"].map((name) => ({
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

/** From the end of the first to the begin of the second reading of timebase.c in what a guest printed. */
export function millisecondsBetween(lines: readonly string[]): number {
  const readings = lines.flatMap((line) => {
    const [, begin, end, perSecond] = /^timebase (\d+) (\d+) (\d+)$/.exec(line) ?? [];
    if (begin === undefined || end === undefined) return [];
    return [{ begin: BigInt(begin), end: BigInt(end), perSecond: Number(perSecond) }];
  });
  const [before, after] = readings;
  if (before === undefined || after === undefined || readings.length > 2) {
    throw new Error(`${readings.length} readings of the timebase in what the guest printed`);
  }
  return (Number(after.begin - before.end) / after.perSecond) * 1000;
}
