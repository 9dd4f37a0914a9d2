// The program as ES modules for the small engine: what each command reads, and what only few of them do.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { basename, dirname, join, relative } from "node:path";
import type { BunPlugin } from "bun";
import { Failure } from "../src/failure.ts";
import { defineCommit } from "./commit.ts";

const ROOT = join(import.meta.dir, "..");

/** A path as a person types it here. */
export function fromRoot(path: string): string {
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
  ...["arch/chosen-memory.ts", "arch/arm64/load-rules.ts", "arch/arm64/lpi-tables.ts", "arch/arm64/placement.ts"],
  ...["arch/ppc64/copying.ts", "arch/ppc64/load-rules.ts", "arch/ppc64/placement.ts"],
  ...["arch/riscv64/load-rules.ts", "arch/riscv64/placement.ts"],
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

/** One ES module: its name inside an executable, and its text. */
export interface Module {
  readonly name: string;
  readonly text: string;
}

/** The program as ES modules, its entry first, in which besides each other only qjs:sys is still imported. */
export async function bundle(entry: string): Promise<Module[]> {
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

/** What loading and a jump go through, and what answers at once. An executable has the rest packed, to be unpacked as a whole. */
export const AT_HAND = [
  ...["applets/fs2dt", "applets/kexec", "applets/loadem", "applets/v2wrap", "applets/zeropage"],
  ...["applets/cat", "applets/echo", "applets/init", "applets/insmod", "applets/ls", "applets/poweroff"],
  ...["cli/version", "devicetree/from/blob", "dump/other-formats", "forms"],
  ...["kernels/unpack", "kexec/iomem"],
  ...["kexec/copying", "kexec/status", "kexec/unload", "recipes/load-file"],
  ...["recipes/next-boot-params", "recipes/reserve-map", "sys/strerror"],
];

/**
 * The names of the modules that are read where they lie, the first one first, and of those that are packed.
 * @param machine the name of its folder in src/arch, which is at hand
 */
export function splitModules(modules: readonly Module[], machine: string): { atHand: string[]; packed: string[] } {
  const own = modules.filter(({ name }) => AT_HAND.includes(name) || name.startsWith(`arch/${machine}/`));
  const reached = new Set([...modules.slice(0, 1), ...own].map(({ name }) => name));
  const imports = new Map(modules.map(({ name, text }) => [name, importsOf(text)]));
  for (const name of reached) for (const imported of imports.get(name) ?? []) reached.add(imported);
  const names = modules.map(({ name }) => name);
  return { atHand: names.filter((name) => reached.has(name)), packed: names.filter((name) => !reached.has(name)) };
}

/** The modules that are read before this one runs. */
function importsOf(text: string): string[] {
  return new Bun.Transpiler({ loader: "js" })
    .scanImports(text)
    .map(({ path }) => path)
    .filter((path) => !path.startsWith("qjs:"));
}
