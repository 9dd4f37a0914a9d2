// loadem with an initrd of 200 MB, up to the call that would load it: what it reads into its own memory.

import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench, Findings } from "./bench.ts";
import { inRounds } from "./rounds.ts";
import { atMost, row } from "./row.ts";
import { samplesOf } from "./sample.ts";
import { spreadOf } from "./statistics.ts";

const MB = 1e6;
const INITRD = 200 * MB;

export async function loadFindings(bench: Bench): Promise<Findings> {
  const [large, small] = ["initrd", "small-initrd"].map((name) => join(bench.folder, name)) as [string, string];
  writeFileSync(small, new Uint8Array(4096));
  writeFileSync(large, "");
  truncateSync(large, INITRD);
  const contestants = bench.engines.flatMap(({ name, command }) =>
    [large, small].map((file) => ({
      name: nameOf(name, file === large),
      command: [...command, "loadem", "-n", "-r", "0x1000", "-a", "0x10000000", "-e", "-f", file],
    })),
  );
  const samples = await inRounds(bench.rounds, contestants, bench.programs.measure, bench.tell);
  const rows = bench.engines.flatMap(({ name }) => {
    const with200 = samplesOf(samples, nameOf(name, true));
    const without = samplesOf(samples, nameOf(name, false));
    // What the engine itself takes is measured too, and is no part of what the initrd costs.
    const usual = spreadOf(without.map(({ peak }) => peak)).median;
    const more = with200.map(({ peak }) => peak - usual);
    return [
      row(`loadem, 200 MB against 4 KB, more memory: ${name}`, "bytes", more, atMost(2 * MB)),
      row(
        `loadem, 200 MB, time in user space: ${name}`,
        "ms",
        with200.map(({ user }) => user),
        atMost(10),
      ),
    ];
  });
  return { rows, samples };
}

function nameOf(engine: string, isLarge: boolean): string {
  return `loadem -n, an initrd of ${isLarge ? "200 MB" : "4 KB"}: ${engine}`;
}
