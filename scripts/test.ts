// npm test: installs what tests need, checks the types, builds every target and kernel, runs and counts the tests.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, Failure } from "../src/failure.ts";
import { build } from "./build.ts";
import { inTemporaryFolder } from "./cache.ts";
import { checkTypes } from "./check.ts";
import { endWith } from "./command.ts";
import { KERNELS, kernel } from "./kernels.ts";
import { targets } from "./machines/machines.ts";
import { EVERY_JOB, ensure } from "./setup.ts";

/** Whatever a test waits for itself ends sooner and says more. */
const SLOWEST_TEST = 10 * 60_000;

/** It spoils and rebuilds what the others run. */
const ALONE = "test/golden/build.test.ts";

/** The guests of ppc64 take as long as all of these together, so that each half has a core. */
const BESIDE = /^test\/(unit|golden|boot\/(arm64|x86_64))/;

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
    const ok = (await child.exited) === 0;
    const head = /<testsuites[^>]*>/.exec(await readFile(report, "utf8").catch(() => ""))?.[0];
    if (head === undefined) throw new Failure("bun test", "no test was run");
    const count = (name: string): number => Number(new RegExp(` ${name}="([0-9]+)"`).exec(head)?.[1] ?? 0);
    const failed = count("failures");
    return { total: count("tests"), failed: ok ? failed : Math.max(failed, 1), skipped: count("skipped") };
  });
}

/** All tests, in two processes side by side. What the second one prints is held back until the first is through. */
async function runAllTests(): Promise<Counts[]> {
  const files = [...new Bun.Glob("test/**/*.test.ts").scanSync(ROOT)].filter((file) => file !== ALONE).sort();
  const alone = await runTests([ALONE], "inherit");
  return inTemporaryFolder(async (folder) => {
    const heldBack = Bun.file(join(folder, "output"));
    const halves = await Promise.allSettled([
      runTests(
        files.filter((file) => !BESIDE.test(file)),
        "inherit",
      ),
      runTests(
        files.filter((file) => BESIDE.test(file)),
        heldBack,
      ),
    ]);
    process.stdout.write(await heldBack.text());
    return [
      alone,
      ...halves.map((half) => {
        if (half.status === "rejected") throw half.reason;
        return half.value;
      }),
    ];
  });
}

async function main(args: readonly string[]): Promise<number> {
  await ensure(...EVERY_JOB);
  await checkTypes();
  for (const target of targets) await build(target);
  for (const name of KERNELS) await kernel(name);
  const counts = args.length === 0 ? await runAllTests() : [await runTests(args, "inherit")];
  const sum = (name: keyof Counts): number => counts.reduce((total, each) => total + each[name], 0);
  const [failed, skipped] = [sum("failed"), sum("skipped")];
  const passed = sum("total") - failed - skipped;
  process.stdout.write(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return failed === 0 ? EXIT.done : EXIT.input;
}

if (import.meta.main) await endWith("test", () => main(process.argv.slice(2)));
