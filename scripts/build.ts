// Builds dist/kexecbox-TARGET: bundles the program, compiles it to bytecode and links it with the small
// engine.

import { createHash } from "node:crypto";
import { existsSync, rmSync, statSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import type { BunPlugin } from "bun";
import { Failure, usage } from "../src/failure.ts";
import { inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { smallEngine, smallTargets, type SmallEngine, type SmallTarget } from "./engine.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import { ensure } from "./setup.ts";

const ROOT = join(import.meta.dir, "..");
const ENTRY = join(ROOT, "src/main.ts");

/** The most an executable may weigh: it is copied into initramfs images. Bytes. */
const SIZE_LIMIT = 1_048_576;

function fromRoot(path: string): string {
  const short = relative(ROOT, path);
  return short.startsWith("..") ? path : short;
}

function isHostModule(name: string): boolean {
  return /^(bun|node):/.test(name) || name === "bun" || builtinModules.includes(name);
}

/**
 * Notes every import of a module that only Bun and Node have. Left to itself, the bundler puts `{}` in place
 * of node:fs.
 */
function watchImports(refused: Failure[]): BunPlugin {
  return {
    name: "refuse modules of Bun and Node",
    setup(build) {
      build.onResolve({ filter: /.*/ }, ({ path, importer }) => {
        if (!isHostModule(path)) return undefined;
        const fact = `imports "${path}", which the small engine does not have`;
        refused.push(new Failure(fromRoot(importer), fact));
        return { path, external: true };
      });
    },
  };
}

/** The program as one ES module in which only qjs:sys is still imported. */
async function bundle(entry: string): Promise<string> {
  const refused: Failure[] = [];
  const result = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    conditions: ["quickjs"],
    external: ["qjs:*"],
    format: "esm",
    minify: true,
    plugins: [watchImports(refused)],
    throw: false,
  });
  if (refused[0] !== undefined) throw refused[0];
  if (!result.success) {
    const [log] = result.logs;
    throw new Failure(fromRoot(log?.position?.file ?? entry), log?.message ?? "cannot be bundled");
  }
  return result.outputs[0]!.text();
}

/** Makes `path` in one step: a reader sees the old file or the new one, never a part. */
export async function replaceFile(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  const forget = undoOnInterrupt(() => rmSync(temporary, { force: true }));
  try {
    await make(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
    forget();
  }
}

async function make(engine: SmallEngine, program: string, name: string, outFile: string): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    await writeFile(join(folder, "program.js"), program);
    await engine.compileModule("program.js", "program.bc", { name, folder });
    await engine.link("program.bc", "program", folder);
    await replaceFile(outFile, async (temporary) => {
      await copyFile(join(folder, "program"), temporary);
      await chmod(temporary, 0o755);
    });
  });
}

/**
 * Builds an executable of the small engine from any entry file.
 * @throws Failure when the program asks for something that engine does not have
 */
export async function buildSmall(target: SmallTarget, entry: string, outFile: string): Promise<void> {
  const program = await bundle(entry);
  await make(await smallEngine(target), program, fromRoot(entry), outFile);
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  return existsSync(path) ? readFile(path) : undefined;
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  parts.forEach((part) => hash.update(part));
  return hash.digest("hex");
}

/** Where `npm run build` puts the executable for `target`. */
export function executableFor(target: SmallTarget): string {
  return join(ROOT, "dist", `kexecbox-${target}`);
}

/**
 * Brings dist/kexecbox-TARGET up to date, installing what that needs, and returns its path. Beside it lies a
 * note of what it was made from and of its own hash; while both still hold, nothing is done.
 * @throws Failure when the result is larger than an executable may be
 */
export async function build(target: SmallTarget): Promise<string> {
  await ensure(`engine-${target}`);
  const outFile = executableFor(target);
  const noteFile = join(ROOT, "dist", `.kexecbox-${target}.made-from`);
  const program = await bundle(ENTRY);
  const engine = await smallEngine(target);
  const noteOf = (executable: Uint8Array): string => `${sha256(engine.key, program)} ${sha256(executable)}\n`;
  const [present, note] = await Promise.all([readIfThere(outFile), readIfThere(noteFile)]);
  if (present !== undefined && note?.toString() === noteOf(present)) return outFile;

  await make(engine, program, fromRoot(ENTRY), outFile);
  const executable = await readFile(outFile);
  if (executable.length > SIZE_LIMIT) {
    await rm(outFile);
    throw new Failure(fromRoot(outFile), `${executable.length} bytes, more than ${SIZE_LIMIT}; not kept`);
  }
  await replaceFile(noteFile, (temporary) => writeFile(temporary, noteOf(executable)));
  return outFile;
}

function targetNamed(name: string): SmallTarget {
  const target = smallTargets.find((known) => known === name);
  if (target === undefined) throw usage(name, `no such target; there are: ${smallTargets.join(" ")}`);
  return target;
}

async function buildAll(names: readonly string[]): Promise<void> {
  const targets = names.length === 0 ? smallTargets : names.map(targetNamed);
  await ensure(...targets.map((target) => `engine-${target}` as const));
  for (const target of targets) {
    const path = await build(target);
    process.stdout.write(`${fromRoot(path)}: ${statSync(path).size} bytes\n`);
  }
}

if (import.meta.main) await endWith("build", () => buildAll(process.argv.slice(2)));
