// What the executables weigh.

import { statSync } from "node:fs";
import { build } from "../build.ts";
import { type Target, targets } from "../machines/machines.ts";
import type { Bench, Findings } from "./bench.ts";
import { atMost, type Goal, row } from "./row.ts";

const KB = 1000;

/** Where there may be nothing but a small initramfs. The others are smaller, or for those who have room. */
const GOALS: Partial<Record<Target, Goal>> = {
  ppc64: atMost(900 * KB),
  ppc64le: atMost(900 * KB),
};

export async function sizesFindings({ tell }: Bench): Promise<Findings> {
  const rows = [];
  for (const target of targets) {
    tell(target);
    const { size } = statSync(await build(target));
    rows.push(row(`executable for ${target}`, "bytes", [size], GOALS[target]));
  }
  return { rows, samples: new Map() };
}
