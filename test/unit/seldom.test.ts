// What the small engine's program reads only when it is called has functions for the others, and nothing else.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { functionsIn, SELDOM } from "../../scripts/bundle.ts";

const SRC = join(import.meta.dir, "../../src");

/** Names of values that a file imports from modules of `SELDOM`, but for their default, where they are no functions. */
async function namesIn(path: string): Promise<string[]> {
  const imports = readFileSync(join(SRC, path), "utf8").matchAll(
    /^import (?!type )[^;]*?\{([^}]*)\} from "(\.[^"]*)";/gm,
  );
  const found = Array.from(imports, async ([, names = "", from = ""]) => {
    const module = join(dirname(path), from);
    if (!SELDOM.includes(module)) return [];
    const functions = await functionsIn(join(SRC, module));
    const values = names.split(",").map((name) => name.trim());
    return values.filter((name) => name !== "" && !name.startsWith("type ") && !functions.includes(name));
  });
  return (await Promise.all(found)).flat();
}

test("nothing but functions is imported from it", async () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  const names = await Promise.all(files.map(async (path) => [path, await namesIn(path)] as const));
  expect(files.length).toBeGreaterThan(100);
  expect(names.filter(([, found]) => found.length > 0)).toEqual([]);
});

test("all of it is there, once", () => {
  for (const path of SELDOM) expect(readFileSync(join(SRC, path), "utf8")).toMatch(/^export (default )?function /m);
  expect(new Set(SELDOM).size).toBe(SELDOM.length);
});
