// npm test: checks the sources, makes what the tests need, runs and counts them: all of them, or those of some files.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, Failure } from "../src/failure.ts";
import { build } from "./build.ts";
import { inTemporaryFolder } from "./cache.ts";
import { checkAll } from "./check.ts";
import { endWith, print } from "./command.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import { kernel } from "./kernels.ts";
import { type KernelName, smallNames, stockNames, targets } from "./machines/machines.ts";
import { EVERY_JOB, ensure } from "./setup.ts";
import { readTestReport, showFailure, type TestReport } from "./test-report.ts";

const HELP = `usage: npm test [-- FILE... [OPTION...]]

Run the checks of npm run check, then all tests.

  FILE     Run only the tests with FILE in their path, and prepare only what
           they need: test/unit needs node modules, test/golden also Debian
           packages and executables, test/boot also kernels.
  OPTION   Pass this to Bun's test runner: -t PATTERN runs the tests whose name
           matches.
`;

/** Whatever a test waits for itself ends sooner and says more. */
const SLOWEST_TEST = 10 * 60_000;

/** It spoils and rebuilds what the others run. */
const ALONE = "test/golden/build.test.ts";

/** Guests that only Debian's own kernels start in. */
const STOCK_GUESTS =
  /^test\/boot\/(ages|arm64|bun|drmem|powernv|riscv64|rules-arm64|rules-riscv64|rules-x86_64|x86_64|user-mode)/;

/** Of all files these take the longest: started last, one of them would keep one core busy and leave the other idle. */
const LONG = /^test\/(boot\/(ages|kexec\.|matrix|powernv|rules|stub)|golden\/(engines|fs2dt-bad-input))/;

const ROOT = join(import.meta.dir, "..");

/** One run of Bun's test runner, and its report. A run that fails has a failed test at least. */
async function runTests(args: readonly string[], output: "inherit" | Bun.BunFile): Promise<TestReport> {
  return inTemporaryFolder(async (folder) => {
    const report = join(folder, "report.xml");
    const options = [`--timeout=${SLOWEST_TEST}`, "--reporter=junit", `--reporter-outfile=${report}`];
    const child = Bun.spawn([process.execPath, "test", ...options, ...args], {
      stdio: ["ignore", output, output],
      cwd: ROOT,
    });
    const forget = undoOnInterrupt(() => child.kill());
    const ok = (await child.exited) === 0;
    forget();
    const read = readTestReport(await readFile(report, "utf8").catch(() => ""));
    if (read === undefined) throw new Failure("bun test", `${args.join(" ")}: no test was run`);
    if (ok || read.failures.length > 0) return read;
    return { ...read, failures: [{ file: args.join(" "), name: "the run as a whole", message: "" }] };
  });
}

function testFiles(): string[] {
  return [...new Bun.Glob("test/**/*.test.ts").scanSync(ROOT)].sort();
}

/** What these test files need: nothing, the executables, or the guests' packages too. Kernels they make themselves. */
async function prepare(files: readonly string[]): Promise<void> {
  if (files.every((file) => file.startsWith("test/unit/"))) return;
  const forGuests = files.some((file) => file.startsWith("test/boot/"));
  await ensure(...(forGuests ? EVERY_JOB : (["test"] as const)));
  for (const target of targets) await build(target);
}

/** The tests that Bun chooses by these words: each is a part of a path, or an option. */
async function runSome(words: readonly string[]): Promise<TestReport[]> {
  const parts = words.map((word) => word.replace(/^\.\//, ""));
  const named = testFiles().filter((file) => parts.some((part) => file.includes(part)));
  // Options alone choose among all tests.
  await prepare(named.length === 0 ? testFiles() : named);
  return [await runTests(words, "inherit")];
}

async function makeKernels(names: readonly KernelName[]): Promise<void> {
  for (const name of names) await kernel(name);
}

/** Makes all executables, and runs the test that no other may run beside. */
async function makeExecutables(): Promise<TestReport> {
  for (const target of targets) await build(target);
  return runTests([ALONE], "inherit");
}

/** Test files for one process. */
interface Batch {
  readonly files: readonly string[];
  /** What has to be there before. */
  readonly needs: Promise<unknown>;
}

/** Batches that are taken one by one, the first that has what it needs. */
class Queue {
  readonly #waiting: Batch[];
  readonly #ready = new Set<Batch>();

  constructor(batches: readonly Batch[]) {
    this.#waiting = [...batches];
    // A need that fails is told by whoever waits for it.
    for (const batch of batches) batch.needs.then(() => this.#ready.add(batch)).catch(() => {});
  }

  /** undefined where none is left. Throws what a need failed with. */
  async take(): Promise<Batch | undefined> {
    while (this.#waiting.length > 0) {
      const index = this.#waiting.findIndex((batch) => this.#ready.has(batch));
      if (index >= 0) return this.#waiting.splice(index, 1)[0];
      await Promise.race(this.#waiting.map(({ needs }) => needs));
    }
    return undefined;
  }
}

/** Runs batches until none is left, and prints what each one printed when it is through. */
async function runBatches(queue: Queue): Promise<TestReport[]> {
  return inTemporaryFolder(async (folder) => {
    const reports: TestReport[] = [];
    for (let batch = await queue.take(); batch !== undefined; batch = await queue.take()) {
      const output = Bun.file(join(folder, String(reports.length)));
      reports.push(await runTests(batch.files, output));
      await print(await output.bytes());
    }
    return reports;
  });
}

/**
 * All tests, by two workers, so that each core has work from the beginning to the end. One makes the kernels first, the
 * other the executables; then both take from one queue, in which what takes long comes first.
 */
async function runAll(): Promise<TestReport[]> {
  await ensure(...EVERY_JOB);
  const isLong = (file: string) => Number(LONG.test(file));
  const files = testFiles()
    .filter((file) => file !== ALONE)
    .sort((a, b) => isLong(b) - isLong(a));
  const isIn = (tier: string) => (file: string) => file.startsWith(`test/${tier}/`);
  // Nothing is tested where a check finds something; kernels are worth making anyway.
  const checked = checkAll();
  const executables = checked.then(makeExecutables);
  const stock = makeKernels(stockNames);
  const kernels = stock.then(() => makeKernels(smallNames));
  const queue = new Queue([
    ...files.filter(isIn("boot")).map((file) => ({
      files: [file],
      needs: Promise.all([executables, STOCK_GUESTS.test(file) ? stock : kernels]),
    })),
    ...files.filter(isIn("golden")).map((file) => ({ files: [file], needs: executables })),
    { files: files.filter(isIn("unit")), needs: checked },
  ]);
  const workers = await Promise.allSettled([
    kernels.then(() => runBatches(queue)),
    executables.then(async (alone) => [alone, ...(await runBatches(queue))]),
  ]);
  return workers.flatMap((worker) => {
    if (worker.status === "rejected") throw worker.reason;
    return worker.value;
  });
}

async function main(words: readonly string[]): Promise<number> {
  const reports = words.length === 0 ? await runAll() : await runSome(words);
  const failures = reports.flatMap((report) => report.failures);
  const sum = (name: "total" | "skipped"): number => reports.reduce((total, each) => total + each[name], 0);
  const skipped = sum("skipped");
  const passed = sum("total") - failures.length - skipped;
  // They stood somewhere in half an hour of lines.
  await print(`\n${failures.map(showFailure).join("")}`);
  await print(`${passed} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return failures.length === 0 ? EXIT.done : EXIT.input;
}

if (import.meta.main) await endWith("test", () => main(process.argv.slice(2)), HELP);
