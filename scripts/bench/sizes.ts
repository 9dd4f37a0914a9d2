// What the executables weigh.

import { statSync } from "node:fs";
import { build } from "../build.ts";
import { type Target } from "../machines/machines.ts";
import type { Bench, Findings } from "./bench.ts";
import { atMost, type Goal, row } from "./row.ts";

const KB = 1000;

const GOALS: Partial<Record<Target, Goal>> = {
  ppc64: atMost(900 * KB),
  ppc64le: atMost(900 * KB),
  "x64-small": atMost(620 * KB),
};

const TARGETS: readonly Target[] = ["ppc64", "ppc64le", "arm64-small", "x64-small", "arm64", "x64"];

export async function sizesFindings({ tell }: Bench): Promise<Findings> {
  const rows = [];
  for (const target of TARGETS) {
    tell(target);
    const { size } = statSync(await build(target));
    rows.push(row(`executable for ${target}`, "bytes", [size], GOALS[target]));
  }
  return { rows, samples: new Map() };
}
