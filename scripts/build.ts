// Builds dist/kexecbox-TARGET: bundles the program and puts it into the engine of the target, small or Bun.

import { createHash } from "node:crypto";
import { existsSync, rmSync, statSync } from "node:fs";
import { chmod, copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import type { BunPlugin } from "bun";
import { Failure, usage } from "../src/failure.ts";
import { bunEngine } from "./bun.ts";
import { inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { defineCommit } from "./commit.ts";
import { smallEngine } from "./engine.ts";
import { undoOnInterrupt } from "./interrupt.ts";
import { writeLicenses } from "./licenses.ts";
import { type BunTarget, isBunTarget, type SmallTarget, type Target, targets } from "./machines/machines.ts";
import { ensure } from "./setup.ts";

const ROOT = join(import.meta.dir, "..");
const ENTRY = join(ROOT, "src/main.ts");
const DIST = join(ROOT, "dist");

/** The most an executable of the small engine may weigh: it is copied into initramfs images. Bytes. */
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

/** What is asked for seldom. Of each only functions can be imported. */
export const SELDOM = [
  ...["arch/arm64/confine.ts", "arch/arm64/load-rules.ts", "arch/arm64/lpi-tables.ts", "arch/arm64/placement.ts"],
  ...["arch/ppc64/copying.ts", "arch/ppc64/load-rules.ts", "arch/ppc64/placement.ts"],
  ...["arch/x86_64/load-rules.ts", "arch/x86_64/placement.ts", "arch/refuse-errors.ts"],
  ...["cli/answers.ts", "cli/nearest.ts", "cli/version.ts"],
  ...[
    "devicetree/edit/usable-memory.ts",
    "devicetree/from/blob.ts",
    "devicetree/value-text.ts",
    "devicetree/values.ts",
  ],
  ...["dump/other-formats.ts"],
  ...["kernels/unified.ts", "kernels/unpack.ts"],
  ...["kexec/copying.ts", "kexec/draw-svg.ts", "kexec/draw-text.ts", "kexec/iomem.ts", "kexec/plan-json.ts"],
  ...["kexec/refusal.ts", "kexec/status.ts", "kexec/told-header.ts", "kexec/unload.ts", "options/kexec-tools.ts"],
  ...[
    "recipes/core-header.ts",
    "recipes/extract-kernel.ts",
    "recipes/free-place.ts",
    "recipes/load-file.ts",
    "recipes/next-boot-params.ts",
  ],
  ...["recipes/raw-lines.ts", "recipes/reserve-map.ts", "recipes/to-qemu.ts", "forms.ts", "sys/strerror.ts"],
];

/** The applets of the program in `folder`, as their table imports them; none where there is no table. */
async function appletsIn(folder: string): Promise<string[]> {
  const table = join(folder, "applets/table.ts");
  if (!existsSync(table)) return [];
  const imports = new Bun.Transpiler({ loader: "ts" }).scanImports(await readFile(table, "utf8"));
  return imports.map(({ path }) => join(dirname(table), path));
}

/** What a module that is loaded later is called inside an executable: arch/arm64/checks. */
function nameOf(folder: string, path: string): string {
  return relative(folder, path).replace(/\.\w+$/, "");
}

/**
 * Replaces applets, and modules that are seldom needed, by modules that load them when they are called: an executable
 * reads only as much of itself as the command needs.
 */
function loadLater(folder: string, applets: readonly string[], seldom: readonly string[]): BunPlugin {
  return {
    name: "load later",
    setup(build) {
      build.onResolve({ filter: /^\.\.?\// }, ({ path, importer }) => {
        const found = join(dirname(importer), path);
        const namespace = applets.includes(found) ? "applet" : seldom.includes(found) ? "function" : undefined;
        // Not by its path: the bundler takes the same path in two namespaces for one module.
        return namespace && { path: nameOf(folder, found), namespace };
      });
      build.onLoad({ filter: /.*/, namespace: "applet" }, ({ path: name }) => ({
        loader: "js",
        contents: `import { load } from "qjs:sys";
          import { LaterApplet } from ${JSON.stringify(join(folder, "cli/applet.ts"))};
          export default new LaterApplet("${basename(name)}", () => load("${name}").default);`,
      }));
      build.onLoad({ filter: /.*/, namespace: "function" }, async ({ path: name }) => ({
        loader: "js",
        contents: laterFunctions(name, await functionsIn(join(folder, `${name}.ts`))),
      }));
    },
  };
}

/** The names of the functions that a module exports. What else it exports, only modules loaded with it can have. */
export async function functionsIn(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8");
  return Array.from(text.matchAll(/^export (default )?function (\w*)/gm), ([, isDefault, name = ""]) =>
    isDefault === undefined ? name : "default",
  );
}

/** Functions of those names, which load the module when the first of them is called. */
function laterFunctions(module: string, names: readonly string[]): string {
  const exports = names.map((name) => {
    const form = name === "default" ? "export default" : `export const ${name} =`;
    return `${form} (...args) => later().${name}(...args);`;
  });
  return `import { load } from "qjs:sys"; let loaded; const later = () => (loaded ??= load("${module}")); ${exports.join(" ")}`;
}

interface Module {
  readonly name: string;
  readonly text: string;
}

/** The program as ES modules, its entry first, in which besides each other only qjs:sys is still imported. */
async function bundle(entry: string): Promise<Module[]> {
  const refused: Failure[] = [];
  const folder = dirname(entry);
  const applets = await appletsIn(folder);
  const seldom = SELDOM.map((path) => join(folder, path)).filter((path) => existsSync(path));
  const apart = [...applets, ...seldom];
  const result = await Bun.build({
    entrypoints: [entry, ...apart],
    splitting: true,
    root: folder,
    naming: { entry: "[dir]/[name].js", chunk: "[hash].js" },
    target: "browser",
    conditions: ["quickjs"],
    define: defineCommit(),
    external: ["qjs:*"],
    format: "esm",
    minify: true,
    plugins: [watchImports(refused), loadLater(folder, applets, seldom)],
    throw: false,
  });
  if (refused[0] !== undefined) throw refused[0];
  if (!result.success) {
    const [log] = result.logs;
    throw new Failure(fromRoot(log?.position?.file ?? entry), log?.message ?? "cannot be bundled");
  }
  const modules = await Promise.all(
    result.outputs.map(async (output) => ({ name: join(output.path), text: await output.text() })),
  );
  return renumber(
    modules,
    [entry, ...apart].map((path) => nameOf(folder, path)),
  );
}

/** `entries`, then what they share, by numbers: the bundler calls that by where the sources lie. */
function renumber(modules: readonly Module[], entries: readonly string[]): Module[] {
  const texts = new Map(modules.map(({ name, text }) => [name, text]));
  const names = new Map(entries.map((name) => [`${name}.js`, name]));
  const importIn = /"(\.[\w./-]*\.js)"/g;
  const textOf = (name: string): string => {
    const text = texts.get(name);
    if (text === undefined) throw new Failure(name, "the bundler has made no such module");
    return text;
  };
  for (const name of names.keys()) {
    for (const [, path = ""] of textOf(name).matchAll(importIn)) {
      const imported = join(dirname(name), path);
      if (texts.has(imported) && !names.has(imported)) names.set(imported, `${names.size - entries.length}`);
    }
  }
  return [...names].map(([old, name]) => ({
    name,
    text: textOf(old).replace(importIn, (whole, path) => {
      const imported = names.get(join(dirname(old), path));
      return imported === undefined ? whole : `"${imported}"`;
    }),
  }));
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
  const engine = await smallEngine(target);
  return {
    inputs: [engine.key, ...modules.flatMap(({ name, text }) => [name, text])],
    limit: SIZE_LIMIT,
    make: (output) =>
      inTemporaryFolder(async (folder) => {
        for (const { name, text } of modules) {
          await mkdir(dirname(join(folder, name)), { recursive: true });
          await writeFile(join(folder, name), text);
        }
        const names = modules.map(({ name }) => name);
        await engine.compileModules(names, "program.bc", { name: fromRoot(entry), folder });
        await engine.link("program.bc", "program", folder);
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

/** Hashes as `sha256sum -c` reads them, of everything in dist that is ours. */
async function writeSums(): Promise<void> {
  const present = targets.map(executableFor).filter((path) => existsSync(path));
  const lines = await Promise.all(
    present.sort().map(async (path) => `${sha256(await readFile(path))}  ${basename(path)}\n`),
  );
  await replaceFile(join(DIST, "SHA256SUMS"), (temporary) => writeFile(temporary, lines.join("")));
}

async function buildAll(names: readonly string[]): Promise<void> {
  const wanted = names.length === 0 ? targets : names.map(targetNamed);
  await ensure(...wanted.map((target) => `engine-${target}` as const));
  for (const target of wanted) {
    const path = await build(target);
    process.stdout.write(`${fromRoot(path)}: ${statSync(path).size} bytes\n`);
  }
  await writeSums();
  if (names.length === 0) await replaceFile(join(DIST, "LICENSES"), writeLicenses);
}

const HELP = `usage: npm run build [-- TARGET...]

Build dist/kexecbox-TARGET unless it is up to date, and print its size.
Without TARGET, build all of them.

Targets: ${targets.join(" ")}
`;

if (import.meta.main) await endWith("build", () => buildAll(process.argv.slice(2)), HELP);
