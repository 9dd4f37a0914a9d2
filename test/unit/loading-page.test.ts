// docs/loading.md tells of every check that loadem makes, and of none that it does not make.

import { expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadRules } from "../../src/arch/load-rules.ts";
import { available, checks } from "../../src/kexec/checks.ts";
import { stubChecks } from "../../src/kexec/stub-checks.ts";

/** Each machine makes these in its own words. */
const IN_OWN_WORDS = ["form", "elfcorehdr"];

const everywhere = [...[...checks, ...stubChecks, available].map(({ name }) => name), ...IN_OWN_WORDS];

/** Names of the checks in the tables below a heading of the page: the first cell of each row that has a source. */
async function rowsBelow(heading: string): Promise<{ name: string; kernel: string; source: string }[]> {
  const page = await readFile(join(import.meta.dir, "../../docs/loading.md"), "utf8");
  const section = page.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? "";
  // What follows another paragraph would be shown as text.
  const table = /^\|.*\n(?:\|.*\n)*/m.exec(section)?.[0] ?? "";
  return [...table.matchAll(/^\| ([a-z][a-z-]*) \| (.+?) \| (.+?) \| (.+?) \|$/gm)].flatMap(
    ([, name, , kernel, source]) =>
      name === undefined || kernel === undefined || source === undefined || name === "check"
        ? []
        : [{ name, kernel, source }],
  );
}

test("every check that holds on all machines has its row", async () => {
  const rows = await rowsBelow("On every machine");
  expect(rows.map(({ name }) => name).sort()).toEqual([...everywhere].sort());
});

for (const [heading, machine] of [
  ["On ppc64", "ppc64le"],
  ["On ppc", "ppc"],
  ["On arm64", "aarch64"],
  ["On x86-64", "x86_64"],
] as const) {
  test(`every check of ${machine} alone has its row`, async () => {
    const own = loadRules[machine].checks.map(({ name }) => name).filter((name) => !everywhere.includes(name));
    const rows = await rowsBelow(heading);
    expect(rows.map(({ name }) => name).sort()).toEqual(own.sort());
  });
}

test("a row says what the kernel answers as the check does", async () => {
  const known = new Map(
    [...checks, available, ...Object.values(loadRules).flatMap(({ checks: own }) => own)].map(({ name, errno }) => [
      name,
      errno,
    ]),
  );
  const pages = ["On every machine", "On ppc64", "On ppc", "On arm64", "On x86-64"].map(rowsBelow);
  for (const { name, kernel } of (await Promise.all(pages)).flat()) {
    expect(`${name}: ${kernel}`).toBe(`${name}: ${known.get(name) ?? "nothing"}`);
  }
});
