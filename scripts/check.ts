// npm run check: all that can be said of the sources without running them: types, lint, layers, format, documentation.

import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../src/failure.ts";
import { endWith } from "./command.ts";
import { pages, renewTables } from "./docs.ts";
import { withProgress } from "./progress.ts";
import { runTool } from "./tool.ts";

const ROOT = join(import.meta.dir, "..");
const MODULES = join(ROOT, "node_modules");

const HELP = `usage: npm run check

Check the sources. It takes half a minute at most.

  types          src as plain ES2023, then everything else (tsc)
  lint, layers   the rules of biome.json, and which folder of src may import
                 which
  format         TypeScript (biome) and C (clang-format)
  docs           the tables of options, which must be those of the program
`;

interface Check {
  readonly name: string;
  /** @throws Failure with what is wrong, on as many lines as it takes */
  run(): Promise<void>;
}

/** Runs a program of node_modules in the root folder; all that it prints is the reason if it fails. */
async function runModule(command: readonly string[]): Promise<void> {
  let output = "";
  const onFailure = (text: string): void => {
    output = text.trim();
  };
  await runTool(command, { cwd: ROOT, onFailure }).catch((error: Failure) => {
    throw output === "" ? error : new Failure(error.place, output);
  });
}

function biome(...words: readonly string[]): Promise<void> {
  return runModule([join(MODULES, ".bin/biome"), ...words, "--colors=off", "--max-diagnostics=50", "."]);
}

function types(project: string): Promise<void> {
  return runModule([join(MODULES, ".bin/tsc"), "--pretty", "false", "-p", project]);
}

async function formatOfC(): Promise<void> {
  const clangFormat = join(MODULES, `clang-format-node/bin/cfn-linux-${process.arch}/clang-format`);
  // A script of its package does this, but npm with ignore-scripts does not run that.
  await chmod(clangFormat, 0o755);
  const files = [...new Bun.Glob("{src,stub,scripts,initramfs,test}/**/*.{c,h}").scanSync(ROOT)];
  await runModule([clangFormat, "--dry-run", "--Werror", ...files.sort()]);
}

async function docs(): Promise<void> {
  for (const page of pages) {
    const text = await readFile(join(ROOT, page), "utf8");
    if (renewTables(text) !== text) throw new Failure(page, "its options are not those of the program: npm run docs");
  }
}

const checks: readonly Check[] = [
  { name: "types of src", run: () => types("src") },
  { name: "types", run: () => types(".") },
  { name: "lint and layers", run: () => biome("lint", "--error-on-warnings") },
  { name: "format", run: () => biome("check", "--linter-enabled=false") },
  { name: "format of C", run: formatOfC },
  { name: "docs", run: docs },
];

/**
 * Runs every check, and prints what each one finds.
 * @throws Failure that names the checks which found something
 */
export async function checkAll(): Promise<void> {
  const failed: string[] = [];
  for (const { name, run } of checks) {
    await withProgress(name, run).catch((error) => {
      if (!(error instanceof Failure)) throw error;
      process.stderr.write(`${name}: ${error.place}: ${error.fact}\n`);
      failed.push(name);
    });
  }
  if (failed.length > 0) throw new Failure(failed.join(", "), "not clean");
}

if (import.meta.main) await endWith("check", checkAll, HELP);
