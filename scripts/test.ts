// npm test: checks the sources, makes what the tests need, runs and counts them: all of them, or those of some files.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, Failure } from "../src/failure.ts";
import { build } from "./build.ts";
import { inTemporaryFolder } from "./cache.ts";
import { checkAll } from "./check.ts";
import { endWith } from "./command.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import { kernel } from "./kernels.ts";
import { type KernelName, smallNames, stockNames, targets } from "./machines/machines.ts";
import { EVERY_JOB, ensure } from "./setup.ts";

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

/** The guests of ppc64 take as long as all other tests together. */
const OTHER_GUESTS = /^test\/boot\/(arm64|x86_64)/;

const ROOT = join(import.meta.dir, "..");

interface Counts {
  readonly total: number;
  readonly failed: number;
  readonly skipped: number;
}

/** One run of Bun's test runner, and the counts in its report's outermost element. */
async function runTests(args: readonly string[], output: "inherit" | Bun.BunFile): Promise<Counts> {
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
    const head = /<testsuites[^>]*>/.exec(await readFile(report, "utf8").catch(() => ""))?.[0];
    if (head === undefined) throw new Failure("bun test", "no test was run");
    const count = (name: string): number => Number(new RegExp(` ${name}="([0-9]+)"`).exec(head)?.[1] ?? 0);
    const failed = count("failures");
    return { total: count("tests"), failed: ok ? failed : Math.max(failed, 1), skipped: count("skipped") };
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
async function runSome(words: readonly string[]): Promise<Counts[]> {
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
async function makeExecutables(): Promise<Counts> {
  for (const target of targets) await build(target);
  return runTests([ALONE], "inherit");
}

/**
 * All tests, on two tracks, so that each core has work from the beginning: kernels and the guests of ppc64 on one,
 * executables and everything else on the other. What the second one prints is held back until the first is through.
 */
async function runAll(): Promise<Counts[]> {
  await ensure(...EVERY_JOB);
  await checkAll();
  const files = testFiles().filter((file) => file !== ALONE);
  const guests = files.filter((file) => file.startsWith("test/boot/"));
  const otherGuests = guests.filter((file) => OTHER_GUESTS.test(file));
  return inTemporaryFolder(async (folder) => {
    const heldBack = [Bun.file(join(folder, "programs")), Bun.file(join(folder, "guests"))] as const;
    const executables = makeExecutables();
    const stock = makeKernels(stockNames);
    const tracks = await Promise.allSettled([
      stock.then(async () => {
        await makeKernels(smallNames);
        await executables;
        const own = guests.filter((file) => !otherGuests.includes(file));
        return [await runTests(own, "inherit")];
      }),
      executables.then(async (alone) => {
        const programs = files.filter((file) => !guests.includes(file));
        const counts = [alone, await runTests(programs, heldBack[0])];
        await stock;
        return [...counts, await runTests(otherGuests, heldBack[1])];
      }),
    ]);
    for (const file of heldBack) if (await file.exists()) process.stdout.write(await file.text());
    return tracks.flatMap((track) => {
      if (track.status === "rejected") throw track.reason;
      return track.value;
    });
  });
}

async function main(words: readonly string[]): Promise<number> {
  const counts = words.length === 0 ? await runAll() : await runSome(words);
  const sum = (name: keyof Counts): number => counts.reduce((total, each) => total + each[name], 0);
  const [failed, skipped] = [sum("failed"), sum("skipped")];
  const passed = sum("total") - failed - skipped;
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return failed === 0 ? EXIT.done : EXIT.input;
}

if (import.meta.main) await endWith("test", () => main(process.argv.slice(2)), HELP);
