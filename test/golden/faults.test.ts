// A sample of npm run faults, drawn by a seed: whole processes of both engines, and the program inside this process.

import { beforeAll, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { build } from "../../scripts/build.ts";
import { faultsFor, sampleOf } from "../../scripts/faults/faults.ts";
import { buildInjector, type Call } from "../../scripts/faults/injector.ts";
import { insideJobs, runJobsInside } from "../../scripts/faults/inside.ts";
import { type Job, jobs } from "../../scripts/faults/jobs.ts";
import { type Counts, describeFinding, type Finding } from "../../scripts/faults/report.ts";
import { runJobs } from "../../scripts/faults/run.ts";
import { applets } from "../../src/applets/table.ts";
import { present } from "../support/present.ts";
import { fused, type Runner, x64 } from "../support/run.ts";

const SEED = 13;

/** It takes seconds of a cpu, of which a busy machine gives few. */
const LONGEST = 590_000;

const LOADED = "/sys/kernel/kexec_loaded";

beforeAll(async () => {
  await build("x64");
  await build("x64-small");
}, 600_000);

interface Sampled {
  readonly counts: Counts;
  /** In words. */
  readonly wrong: readonly string[];
}

const draw = (count: number) => (calls: readonly Call[]) => sampleOf(faultsFor(calls), count, SEED);

async function sampled(runner: Runner, wanted: readonly Job[], count: number): Promise<Sampled> {
  const wrong: string[] = [];
  const program = { executable: present(runner.executable), isBun: runner === fused };
  const tell = (finding: Finding) => {
    if (finding.wrong.length > 0) wrong.push(describeFinding(finding));
  };
  const injector = await buildInjector();
  return {
    counts: await runJobs({ injector, ...program, jobs: wanted, workers: 2, twice: false, choose: draw(count), tell }),
    wrong,
  };
}

/** The injector is for x86-64. */
const ifHere = test.skipIf(process.arch !== "x64");

test("there is a job for each applet", () => {
  expect(applets.map(({ name }) => name).filter((name) => !jobs.some(({ line }) => line.startsWith(name)))).toEqual([]);
});

ifHere(
  "the small engine bears faults of each job",
  async () => {
    const { counts, wrong } = await sampled(x64, jobs, 2);
    expect(wrong).toEqual([]);
    expect(counts.faults).toBeGreaterThan(jobs.length);
    expect(counts.outcomes.get("refused")).toBeGreaterThan(0);
    expect(counts.outcomes.get("interrupted")).toBeGreaterThan(0);
  },
  LONGEST,
);

ifHere(
  "Bun bears faults of some jobs",
  async () => {
    const some = jobs.filter(({ line }) =>
      /^(fs2dt -b|dtedit -O dir|vmcore --copy copy|kexec -l|loadem -k)/.test(line),
    );
    const { counts, wrong } = await sampled(fused, some, 4);
    expect(wrong).toEqual([]);
    expect(counts.faults).toBe(4 * some.length);
  },
  LONGEST,
);

test(
  "the program bears faults on the machines that are pretended",
  async () => {
    const wrong: string[] = [];
    const counts = await runJobsInside(insideJobs, draw(3), (finding) => {
      if (finding.wrong.length > 0) wrong.push(describeFinding(finding));
    });
    expect(wrong).toEqual([]);
    expect(counts.jobs).toBe(insideJobs.length);
  },
  LONGEST,
);

ifHere("a load and a reboot are told, and do not reach the kernel", async () => {
  const isLoaded = () => (existsSync(LOADED) ? readFileSync(LOADED, "utf8") : "");
  const before = isLoaded();
  const acts: (readonly string[])[] = [];
  const injector = await buildInjector();
  const wanted = jobs.filter(({ line }) => line.startsWith("kexec -a -f"));
  await runJobs({
    ...{ injector, executable: present(x64.executable), isBun: false, workers: 1, twice: false },
    jobs: wanted,
    choose: (calls) => [{ at: calls.findIndex(({ name }) => name === "kexec_load") + 1, kind: "signal", value: 17 }],
    tell: ({ ran }) => acts.push(ran.acts),
  });
  expect(acts).toEqual([[expect.stringMatching(/^load \d segments/), "reboot 0x45584543"]]);
  expect(isLoaded()).toBe(before);
});
