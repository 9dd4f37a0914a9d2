// The small kernels, built from Debian's source out of our configurations.

import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { cacheFolder, inTemporaryFolder } from "../cache.ts";
import { type SmallName, smallKernels, toolchainOf } from "../machines/machines.ts";
import { withProgress } from "../progress.ts";
import { ensure } from "../setup.ts";
import { runTool } from "../tool.ts";
import { writeFacts } from "./facts.ts";
import { compileHeaders } from "./headers.ts";
import { linuxSource, SOURCE_PACKAGE } from "./source.ts";

/** Raise it when the way they are made changes its outcome. */
const RECIPE = "2";

/** What the fragments give with Linux 6.1; only shown, so it need not be exact. */
const USUAL_OBJECTS = 655;

/** What a kernel's fragments ask for, without their comments: rewording one must not cost a new build. */
function fragmentsOf(name: SmallName): string {
  return smallKernels[name].fragments
    .flatMap(
      (fragment) =>
        readFileSync(join(import.meta.dir, `${fragment}.config`), "utf8").match(/^(# )?CONFIG_.*\n/gm) ?? [],
    )
    .join("");
}

/** What a small kernel is made from; the version of the source is not part of it. */
export function smallInputs(name: SmallName): readonly string[] {
  return [RECIPE, SOURCE_PACKAGE, fragmentsOf(name)];
}

/** Options of the fragments that Kconfig did not take, because the source has changed under them. */
export function optionsNotTaken(fragments: string, config: string): string[] {
  const taken = new Set(config.split("\n"));
  return fragments.split("\n").filter((line) => /^CONFIG_\w+=/.test(line) && !taken.has(line));
}

/** Keeps the log of a failed build where a person can read it. */
async function keepLog(name: string, output: string): Promise<string> {
  const log = join(cacheFolder(), `${name}.log`);
  await Bun.write(log, output);
  return log;
}

/**
 * Builds a small kernel into the folder `made`.
 * @throws Failure that names the log when the build fails
 */
export async function buildSmall(name: SmallName, made: string): Promise<void> {
  const { target, linux } = smallKernels[name];
  await ensure(`kernel-${target}`);
  const source = await linuxSource();
  const { prefix } = toolchainOf(target);
  await inTemporaryFolder(async (folder) => {
    const output = join(folder, "output");
    await mkdir(output);
    const wanted = join(folder, "wanted.config");
    await writeFile(wanted, fragmentsOf(name));
    const words = [
      "make",
      "-C",
      source.tree,
      `O=${output}`,
      `ARCH=${linux}`,
      `CROSS_COMPILE=${prefix}`,
      `-j${availableParallelism()}`,
      // Nothing of this machine in the kernel: two builds of one source are the same.
      "KBUILD_BUILD_TIMESTAMP=2026-01-01",
      "KBUILD_BUILD_USER=kexecbox",
      "KBUILD_BUILD_HOST=kexecbox",
    ];
    // Interrupted compilers leave their temporary files in our folder, which is removed.
    const env = { MAKEFLAGS: "", KCONFIG_ALLCONFIG: wanted, TMPDIR: folder };
    const reason = (errors: string): string => /^.*\b(error|Error): .*$/m.exec(errors)?.[0] ?? "";
    let log = "";
    const onFailure = (text: string): void => {
      log = text;
    };
    await withProgress(`building ${name}, Linux ${source.package.version}`, async (tell) => {
      let objects = 0;
      const onLine = (line: string): void => {
        if (/^ {2}(CC|AS) /.test(line)) tell(`${++objects} of about ${USUAL_OBJECTS} objects`);
      };
      const make = (...more: string[]): Promise<string> =>
        runTool([...words, ...more], { env, onLine, reason, onFailure });
      await make("allnoconfig");
      const lost = optionsNotTaken(fragmentsOf(name), await readFile(join(output, ".config"), "utf8"));
      if (lost.length > 0) throw new Failure(name, `this source does not take ${lost.join(" ")}`);
      await make("prepare");
      await make("vmlinux", ...(await compileHeaders(output, env)));
    }).catch(async (error) => {
      if (log === "" || !(error instanceof Failure)) throw error;
      throw new Failure(error.place, `${error.fact}; the log is ${await keepLog(name, log)}`);
    });
    await runTool([`${prefix}strip`, "-o", join(made, "vmlinux"), join(output, "vmlinux")]);
    await writeFacts(made, await readFile(join(output, ".config"), "utf8"), source.package);
  });
}
