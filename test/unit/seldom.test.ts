// What the small engine's program reads only when it is called has one function for the others, and nothing else.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { SELDOM } from "../../scripts/build.ts";

const SRC = join(import.meta.dir, "../../src");

/** Names of values that a file imports from modules of `SELDOM`, but for their default. */
function namesIn(path: string): string[] {
  const imports = readFileSync(join(SRC, path), "utf8").matchAll(
    /^import (?!type )[^;]*?\{([^}]*)\} from "(\.[^"]*)";/gm,
  );
  return [...imports].flatMap(([, names = "", from = ""]) => {
    if (!SELDOM.includes(join(dirname(path), from))) return [];
    const values = names.split(",").map((name) => name.trim());
    return values.filter((name) => name !== "" && !name.startsWith("type "));
  });
}

test("no name is imported from it", () => {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  const found = files.map((path) => [path, namesIn(path)] as const).filter(([, names]) => names.length > 0);
  expect(files.length).toBeGreaterThan(100);
  expect(found).toEqual([]);
});
