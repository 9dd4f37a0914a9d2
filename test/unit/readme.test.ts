// What the README says of options and commands is what the program takes.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HELP } from "../../scripts/boot/choices.ts";
import { findOptions, findTables, pages, renewTables } from "../../scripts/docs.ts";
import dtcheck from "../../src/applets/dtcheck.ts";
import dtdiff from "../../src/applets/dtdiff.ts";
import dtdump from "../../src/applets/dtdump.ts";
import dtedit from "../../src/applets/dtedit.ts";
import fs2dt from "../../src/applets/fs2dt.ts";
import loadem from "../../src/applets/loadem.ts";
import { applets } from "../../src/applets/table.ts";
import zeropage from "../../src/applets/zeropage.ts";
import type { Option } from "../../src/cli/applet.ts";
import { parse, parseInOrder } from "../../src/cli/options.ts";
import { faults } from "../../src/devicetree/from/blob.ts";
import { parseScript } from "../../src/script/parse.ts";
import { commands, documents, firstColumns } from "../support/readme.ts";

function row({ short, long, value }: Option): string {
  return `${short === undefined ? "" : `-${short}, `}--${long}${value === undefined ? "" : ` ${value}`}`;
}

function sorted(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].sort();
}

const described = [fs2dt, dtdump, dtedit, dtdiff, dtcheck, zeropage, loadem];

test.each(pages)("the tables of options in %s are those of the program (npm run docs)", (page) => {
  const text = readFileSync(join(import.meta.dir, "../..", page), "utf8");
  expect(findTables(text).length).toBeGreaterThan(4);
  expect(renewTables(text)).toBe(text);
});

test("every applet has its place in the documents, and each of its options is in a table there", () => {
  const titles = findTables(documents);
  const tables = titles.map((title) => ({ title, options: findOptions(title) }));
  for (const { name, options, summary } of applets) {
    const own = tables.filter(({ title }) => title.split(" ")[0] === name);
    expect([name, own.length]).toEqual([name, 1]);
    expect(documents).toContain(`: ${summary}.\n`);
    const left = new Set(own.flatMap((table) => table.options));
    const elsewhere = tables.filter(({ title }) => title === "edits" || title === "reading");
    const told = new Set([...left, ...elsewhere.flatMap((table) => table.options)]);
    expect(options.filter((option) => !told.has(option))).toEqual([]);
  }
});

test("the tables have every option of the commands and of npm run boot, and no other", () => {
  const ofBoot = [...HELP.matchAll(/^ {2}(--\S+(?: \S+)?) {2}/gm)].flatMap(([, text]) => text ?? []);
  // Two long options may share a row; a short one and its long name are one.
  const told = firstColumns.filter((text) => text.startsWith("-")).flatMap((text) => text.split(/(?<!^-\w), (?=--)/));
  expect(sorted(told)).toEqual(sorted(applets.flatMap(({ options }) => options).map(row), ofBoot));
});

test("the table of what is wrong with a blob has every name, with its meaning", () => {
  for (const [name, meaning] of Object.entries(faults)) expect(documents).toContain(`\n| ${name} | ${meaning} |\n`);
});

const operandsOf = new Map<string, readonly number[]>([
  ["fs2dt", [1]],
  ["zeropage", [1]],
  ["dtdump", [1, 2]],
  ["dtedit", [2]],
  ["dtdiff", [2]],
  ["dtcheck", [1]],
]);

test("every command of ours in the examples is a line that init runs, with options that there are", () => {
  const lines = commands.filter((command) => described.some(({ name }) => new RegExp(`^\\S*${name} `).test(command)));
  expect(lines.length).toBeGreaterThanOrEqual(9);
  for (const line of lines) {
    for (const { commands: parts } of parseScript("README", line)) {
      for (const [program, ...args] of parts) {
        const applet = described.find(({ name }) => program.endsWith(name));
        if (applet === loadem) expect(parseInOrder(loadem.options, args).length).toBeGreaterThan(0);
        else if (applet !== undefined)
          expect(operandsOf.get(applet.name)).toContain(parse(applet.options, args).operands.length);
      }
    }
  }
});
