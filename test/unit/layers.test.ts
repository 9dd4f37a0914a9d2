// The rules of biome.json that are our own: an import may go down or stay in its room, no circle is made, and no list is
// spread into a call.

import { describe, expect, test } from "bun:test";
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";

const ROOT = join(import.meta.dir, "../..");
const folder = temporaryFolder({ lasts: "file" });

const MODEL = ["number.ts", "json.ts", "range.ts", "elf.ts", "pe.ts", "forms.ts", "sys", "failure.ts"];

/** What each room may import besides itself, from the top down. */
const MAY_IMPORT: ReadonlyMap<string, readonly string[]> = new Map([
  [
    "main.ts",
    [
      "kexecbox.ts",
      "applets",
      "options",
      "cli",
      "recipes",
      "kernels",
      "arch",
      "kexec",
      "devicetree",
      "dump",
      "script",
      ...MODEL,
    ],
  ],
  [
    "kexecbox.ts",
    [
      "main.ts",
      "applets",
      "options",
      "cli",
      "recipes",
      "kernels",
      "arch",
      "kexec",
      "devicetree",
      "dump",
      "script",
      ...MODEL,
    ],
  ],
  ["applets", ["options", "cli", "recipes", "kernels", "arch", "kexec", "devicetree", "dump", "script", ...MODEL]],
  ["options", ["cli", "recipes", "kernels", "arch", "kexec", "devicetree", "dump", "script", ...MODEL]],
  ["recipes", ["kernels", "arch", "kexec", "devicetree", "dump", "script", ...MODEL]],
  ["kernels", ["arch", "kexec", "devicetree", "dump", "script", ...MODEL]],
  ["arch", ["kexec", "devicetree", "dump", "script", ...MODEL]],
  ["kexec", ["devicetree", "dump", "script", ...MODEL]],
  ["devicetree", MODEL],
  ["dump", MODEL],
  ["script", MODEL],
  ["cli", MODEL],
  ["elf.ts", MODEL],
  ["pe.ts", MODEL],
  ["forms.ts", MODEL],
  ["range.ts", MODEL],
  ["number.ts", MODEL],
  ["json.ts", MODEL],
  ["sys", ["failure.ts"]],
  ["failure.ts", []],
]);

const ROOMS = [...MAY_IMPORT.keys()];
/** No room: nothing of src may import it. */
const OUTSIDE = ["scripts", "test"];

/** A room's file, as a path in src. */
function fileIn(room: string): string {
  return room.endsWith(".ts") ? room : `${room}/any.ts`;
}

/** A file in `from` with a line for every other room, which imports it. */
function importsOf(from: string): { others: string[]; text: string } {
  const others = [...ROOMS, ...OUTSIDE].filter((to) => to !== from);
  const up = from.endsWith(".ts") ? "./" : "../";
  const lines = others.map((to, index) => {
    const path = OUTSIDE.includes(to) ? `../${up}${to}/any.ts` : `${up}${fileIn(to)}`;
    return `export { any as any${index} } from "${path}";\n`;
  });
  return { others, text: lines.join("") };
}

interface Finding {
  /** From src. */
  readonly path: string;
  readonly line: number;
}

/** What one rule of biome.json finds in a folder with these files, named as paths from src. */
function findIn(name: string, files: ReadonlyMap<string, string>, rule: string): Finding[] {
  const root = folder.in(name);
  for (const [path, text] of files) {
    const file = join(root, "src", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  copyFileSync(join(ROOT, "biome.json"), join(root, "biome.json"));
  cpSync(join(ROOT, "scripts/lint"), join(root, "scripts/lint"), { recursive: true });
  const biome = join(ROOT, "node_modules/.bin/biome");
  const options = ["--vcs-enabled=false", "--reporter=github", "--max-diagnostics=none", `--only=${rule}`];
  const { stdout, exitCode } = Bun.spawnSync([biome, "lint", ...options, "."], { cwd: root });
  const findings = [
    ...stdout.toString().matchAll(/^::error title=(?:lint|plugin).*?,file=.*?\bsrc\/(.*?),line=(\d+),/gm),
  ];
  expect(exitCode).toBe(findings.length === 0 ? 0 : 1);
  return findings.map(([, path = "", line]) => ({ path, line: Number(line) }));
}

describe("an import", () => {
  const files = new Map(ROOMS.map((room) => [fileIn(room), importsOf(room).text]));
  let findings: Finding[] | undefined;

  test.each(ROOMS)("from %s is refused to every room above, and to none below", (from) => {
    findings ??= findIn("layers", files, "style/noRestrictedImports");
    const lines = findings.filter(({ path }) => path === fileIn(from)).map(({ line }) => line);
    const { others } = importsOf(from);
    const refused = others.filter((_, index) => lines.includes(index + 1));
    expect(refused).toEqual(others.filter((to) => !MAY_IMPORT.get(from)?.includes(to)));
  });

  test("that closes a circle is refused, and the same without the last line is not", () => {
    const line = 'import { any as sys } from "../sys/any.ts";\nexport const any = sys;\n';
    const circle = new Map([
      ["kexec/any.ts", line.replace("sys/any", "kexec/other")],
      ["kexec/other.ts", line.replace("sys/any", "kexec/any")],
      ["sys/any.ts", "export const any = 1;\n"],
    ]);
    expect(findIn("circle", circle, "suspicious/noImportCycles").length).toBeGreaterThan(0);
    expect(findIn("line", new Map([...circle, ["kexec/other.ts", line]]), "suspicious/noImportCycles")).toEqual([]);
  });
});

test("a list that is spread into a call is refused, into an array or an object it is not", () => {
  const lines = [
    "const many: number[] = [];",
    "export const largest = Math.max(...many);",
    "many.push(1, ...many);",
    "export const made = new Array(...many);",
    "export const list = [...many, ...many];",
    "export const nested = String([...many]);",
    "export const table = Object.freeze({ ...many });",
    "export const rest = (...given: number[]) => given.length;",
  ];
  const files = new Map([["any.ts", lines.join("\n")]]);
  expect(findIn("spread", files, "plugin").map(({ line }) => line)).toEqual([2, 3, 4]);
});
