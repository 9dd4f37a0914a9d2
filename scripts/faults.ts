// npm run faults: lets each call of the kernel of a job of every applet fail in each way that it can, and looks at what becomes of it.

import { availableParallelism } from "node:os";
import minimist from "minimist";
import { EXIT, usage } from "../src/failure.ts";
import { build } from "./build.ts";
import { endWith, print } from "./command.ts";
import { faultsFor, memoryFaultsFor, sampleOf } from "./faults/faults.ts";
import { buildInjector, type Call } from "./faults/injector.ts";
import { insideJobs, runJobsInside } from "./faults/inside.ts";
import { jobs } from "./faults/jobs.ts";
import { type Counts, describeFinding, type Finding } from "./faults/report.ts";
import { runJobs, type Wishes } from "./faults/run.ts";
import { withProgress } from "./progress.ts";
import { ensure } from "./setup.ts";

const HELP = `usage: npm run faults -- [OPTION]... [PART]...

Run each command on a pretended machine while one call of the kernel fails, is
short, or is preceded by a signal: every call but those for the engine's own
memory, every error that it may give, lengths 0, 1, half and all but one, and
HUP INT QUIT TERM PIPE. The work has to be done all the same, or to be refused
in a line with a documented exit code; nothing half done may be left. No call
that changes the machine reaches its kernel. x86-64 only.

  PART            Do only the jobs with PART in their command line.
  --engine NAME   Do it to the executable x64-small (the default) or x64
                  (Bun's), or inside this process (inside: no signals, and
                  other machines too).
  --memory        Let the calls fail that ask for memory, and no others.
  --sample N      Do N faults of each job, drawn by the seed.
  --seed N        Set the seed (default: 1).
  --list          Print the jobs and do nothing.
  --all           Print also what became of the faults that were borne.

The exit code is 1 if something is wrong.
`;

const ENGINES = ["x64-small", "x64", "inside"] as const;

async function main(words: readonly string[]): Promise<number> {
  const options = { string: ["engine", "sample", "seed"], boolean: ["memory", "list", "all"] };
  const given = minimist([...words], { ...options, unknown: (word) => !word.startsWith("-") || refuse(word) });
  const engine = ENGINES.find((name) => name === (given.engine ?? "x64-small"));
  if (engine === undefined) throw usage("--engine", `is none of ${ENGINES.join(" ")}`);
  const isWanted = ({ line }: { readonly line: string }) =>
    given._.length === 0 || given._.some((part) => line.includes(part));
  if (given.list === true) {
    await print(
      (engine === "inside" ? insideJobs : jobs)
        .filter(isWanted)
        .map(({ line }) => `${line}\n`)
        .join(""),
    );
    return EXIT.done;
  }
  const sample = numberOf("--sample", given.sample);
  const seed = numberOf("--seed", given.seed) ?? 1;
  const choose = (calls: readonly Call[]) => {
    const faults = given.memory === true ? memoryFaultsFor(calls) : faultsFor(calls);
    return sample === undefined ? faults : sampleOf(faults, sample, seed);
  };
  const tell = (finding: Finding) => {
    if (given.all === true || finding.wrong.length > 0) process.stdout.write(describeFinding(finding));
  };
  const counts =
    engine === "inside"
      ? await runJobsInside(insideJobs.filter(isWanted), choose, tell)
      : await runOn(engine, { jobs: jobs.filter(isWanted), choose, tell });
  await print(`${counts}\n`);
  return counts.wrong === 0 ? EXIT.done : EXIT.input;
}

async function runOn(engine: "x64-small" | "x64", wishes: Pick<Wishes, "jobs" | "choose" | "tell">): Promise<Counts> {
  await ensure("faults");
  const executable = await build(engine);
  const injector = await buildInjector();
  return withProgress("faults", (progress) =>
    runJobs({
      ...{ injector, executable, isBun: engine === "x64", workers: availableParallelism(), twice: true },
      begin: ({ line }) => progress(line),
      ...wishes,
    }),
  );
}

function refuse(word: string): never {
  throw usage(word, "no such option");
}

function numberOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]*$/.test(text)) throw usage(option, `'${text}' is no number`);
  return Number(text);
}

await endWith("faults", () => main(process.argv.slice(2)), HELP);
