// npm test: installs what the tests need, checks the types, builds every target and kernel, runs the tests, counts them.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, Failure } from "../src/failure.ts";
import { build, targets } from "./build.ts";
import { inTemporaryFolder } from "./cache.ts";
import { checkTypes } from "./check.ts";
import { endWith } from "./command.ts";
import { kernel, KERNELS } from "./kernels.ts";
import { EVERY_JOB, ensure } from "./setup.ts";

/** Whatever a test waits for itself ends sooner and says more. */
const SLOWEST_TEST = 10 * 60_000;

/** The counts in the report's outermost element, and whether Bun was content. */
async function runTests(args: readonly string[]): Promise<{ total: number; failed: number; skipped: number; ok: boolean }> {
  return inTemporaryFolder(async (folder) => {
    const report = join(folder, "report.xml");
    const child = Bun.spawn(
      [process.execPath, "test", `--timeout=${SLOWEST_TEST}`, "--reporter=junit", `--reporter-outfile=${report}`, ...args],
      { stdio: ["ignore", "inherit", "inherit"], cwd: join(import.meta.dir, "..") },
    );
    const ok = (await child.exited) === 0;
    const head = /<testsuites[^>]*>/.exec(await readFile(report, "utf8").catch(() => ""))?.[0];
    if (head === undefined) throw new Failure("bun test", "no test was run");
    const count = (name: string): number => Number(new RegExp(` ${name}="([0-9]+)"`).exec(head)?.[1] ?? 0);
    return { total: count("tests"), failed: count("failures"), skipped: count("skipped"), ok };
  });
}

async function main(args: readonly string[]): Promise<number> {
  await ensure(...EVERY_JOB);
  await checkTypes();
  for (const target of targets) await build(target);
  for (const name of KERNELS) await kernel(name);
  const { total, failed, skipped, ok } = await runTests(args);
  const counted = ok ? failed : Math.max(failed, 1);
  const passed = total - failed - skipped;
  process.stdout.write(`\n${passed} passed, ${counted} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`);
  return counted === 0 ? EXIT.done : EXIT.input;
}

if (import.meta.main) await endWith("test", () => main(process.argv.slice(2)));
