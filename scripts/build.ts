// Builds dist/kexecbox-TARGET: puts the program into the engine of the target, small or Bun.

import { createHash } from "node:crypto";
import { existsSync, rmSync, statSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, usage } from "../src/failure.ts";
import { bunEngine } from "./bun.ts";
import { bundle, fromRoot, splitModules } from "./bundle.ts";
import { inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { smallEngine } from "./engine.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import { type BunTarget, isBunTarget, machineOf, type SmallTarget, type Target, targets } from "./machines/machines.ts";
import { ensure } from "./setup.ts";

const ROOT = join(import.meta.dir, "..");
const ENTRY = join(ROOT, "src/main.ts");
const DIST = join(ROOT, "dist");

/** The most an executable of the small engine may weigh: it is copied into initramfs images. Bytes. */
const SIZE_LIMIT = 1_048_576;

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

/** What an executable is made from, and how. */
interface Recipe {
  /** Changes when the executable would. */
  readonly inputs: readonly string[];
  make(output: string): Promise<void>;
  /** The most it may weigh, in bytes. */
  readonly limit: number;
}

async function recipeFor(target: Target, entry: string): Promise<Recipe> {
  return isBunTarget(target) ? bunRecipe(target, entry) : smallRecipe(target, entry);
}

async function smallRecipe(target: SmallTarget, entry: string): Promise<Recipe> {
  const modules = await bundle(entry);
  const { atHand, packed } = splitModules(modules, machineOf(target).name);
  const engine = await smallEngine(target);
  return {
    inputs: [engine.key, ...atHand, "", ...packed, ...modules.flatMap(({ name, text }) => [name, text])],
    limit: SIZE_LIMIT,
    make: (output) =>
      inTemporaryFolder(async (folder) => {
        for (const { name, text } of modules) {
          await mkdir(dirname(join(folder, name)), { recursive: true });
          await writeFile(join(folder, name), text);
        }
        await engine.compileModules({ name: fromRoot(entry), folder, atHand, packed });
        await engine.link("program", folder);
        await copyFile(join(folder, "program"), output);
      }),
  };
}

async function bunRecipe(target: BunTarget, entry: string): Promise<Recipe> {
  const engine = await bunEngine(target);
  const program = await engine.bundle(entry);
  return { inputs: [engine.key, program], limit: Infinity, make: (output) => engine.make(program, output) };
}

async function makeExecutable({ make }: Recipe, outFile: string): Promise<void> {
  await replaceFile(outFile, async (temporary) => {
    await make(temporary);
    await chmod(temporary, 0o755);
  });
}

/**
 * Builds an executable for `target` from any entry file.
 * @throws Failure when the program asks for something that the engine does not have
 */
export async function buildFrom(target: Target, entry: string, outFile: string): Promise<void> {
  await makeExecutable(await recipeFor(target, entry), outFile);
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  return existsSync(path) ? readFile(path) : undefined;
}

function sha256(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** Where `npm run build` puts the executable for `target`. */
export function executableFor(target: Target): string {
  return join(DIST, `kexecbox-${target}`);
}

/**
 * Brings dist/kexecbox-TARGET up to date, installing what that needs, and returns its path. Beside it lies a
 * note of what it was made from and of its own hash; while both still hold, nothing is done.
 * @throws Failure when the result is larger than an executable may be
 */
export async function build(target: Target): Promise<string> {
  await ensure(`engine-${target}`);
  const outFile = executableFor(target);
  const noteFile = join(DIST, `.kexecbox-${target}.made-from`);
  const recipe = await recipeFor(target, ENTRY);
  const noteOf = (executable: Uint8Array): string => `${sha256(...recipe.inputs)} ${sha256(executable)}\n`;
  const [present, note] = await Promise.all([readIfThere(outFile), readIfThere(noteFile)]);
  if (present !== undefined && note?.toString() === noteOf(present)) return outFile;

  await makeExecutable(recipe, outFile);
  const executable = await readFile(outFile);
  if (executable.length > recipe.limit) {
    await rm(outFile);
    throw new Failure(fromRoot(outFile), `${executable.length} bytes, more than ${recipe.limit}; not kept`);
  }
  await replaceFile(noteFile, (temporary) => writeFile(temporary, noteOf(executable)));
  return outFile;
}

function targetNamed(name: string): Target {
  const target = targets.find((known) => known === name);
  if (target === undefined) throw usage(name, `no such target; there are: ${targets.join(" ")}`);
  return target;
}

async function buildAll(names: readonly string[]): Promise<void> {
  const wanted = names.length === 0 ? targets : names.map(targetNamed);
  await ensure(...wanted.map((target) => `engine-${target}` as const));
  for (const target of wanted) {
    const path = await build(target);
    process.stdout.write(`${fromRoot(path)}: ${statSync(path).size} bytes\n`);
  }
}

const HELP = `usage: npm run build [-- TARGET...]

Build dist/kexecbox-TARGET unless it is up to date, and print its size.
Without TARGET, build all of them.

Targets: ${targets.join(" ")}
`;

if (import.meta.main) await endWith("build", () => buildAll(process.argv.slice(2)), HELP);
