// ARCHITECTURE.md and CONTRIBUTING.md speak of files and folders that are there.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { machines } from "../../scripts/machines/machines.ts";
import { applets } from "../../src/applets/table.ts";

const ROOT = join(import.meta.dir, "../..");

const FOLDERS = ["src", "scripts", "stub", "initramfs", "test", "docs"];

/** Every file and folder, as a path from the root. */
const known = new Set([
  ...readdirSync(ROOT),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true }).map((path) => `${folder}/${path}`),
  ),
]);

/** What is in backticks and looks like a path: a slash that does not begin it, or a file's ending. */
function pathsIn(page: string): string[] {
  const words = [...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, word]) => word ?? []);
  return words.filter((word) => /^[\w-]+(\/|\.(ts|mjs|md|json|S|hex)$)[\w./-]*$/.test(word));
}

/** Whether such a path is there, seen from the root or from any folder. */
function isKnown(word: string): boolean {
  const path = word.replace(/\/$/, "");
  return known.has(path) || [...known].some((each) => each.endsWith(`/${path}`));
}

/** `src/arch/MACHINE/` stands for every machine's folder, `NAME.ts` for every applet's file. */
function examples(word: string): string[] {
  if (word.includes("MACHINE")) return machines.map(({ name }) => word.replace("MACHINE", name));
  if (word.includes("NAME")) return applets.map(({ name }) => word.replace("NAME", name));
  return [word];
}

test.each(["ARCHITECTURE.md", "CONTRIBUTING.md"])("every path that %s names is there", (page) => {
  const words = pathsIn(readFileSync(join(ROOT, page), "utf8"));
  expect(words.length).toBeGreaterThan(10);
  expect(words.flatMap(examples).filter((path) => !isKnown(path))).toEqual([]);
});

test("CONTRIBUTING.md names every command of npm's", () => {
  const page = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
  const named = [...page.matchAll(/\bnpm (?:run )?([a-z]+)/g)].map(([, name]) => name);
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect(Object.keys(scripts).filter((name) => !named.includes(name))).toEqual([]);
});
