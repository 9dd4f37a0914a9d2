// What the README says of options and commands is what the program takes.

import { expect, test } from "bun:test";
import { HELP } from "../../scripts/boot/choices.ts";
import dtcheck from "../../src/applets/dtcheck.ts";
import dtdiff from "../../src/applets/dtdiff.ts";
import dtdump from "../../src/applets/dtdump.ts";
import dtedit from "../../src/applets/dtedit.ts";
import fs2dt from "../../src/applets/fs2dt.ts";
import loadem from "../../src/applets/loadem.ts";
import zeropage from "../../src/applets/zeropage.ts";
import { type Option } from "../../src/cli/applet.ts";
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

test("the tables have every option of the commands and of npm run boot, and no other", () => {
  const ofBoot = [...HELP.matchAll(/^ {2}(--\S+(?: \S+)?) {2}/gm)].map(([, text]) => text!);
  // Two long options may share a row; a short one and its long name are one.
  const told = firstColumns.filter((text) => text.startsWith("-")).flatMap((text) => text.split(/(?<!^-\w), (?=--)/));
  expect(sorted(told)).toEqual(sorted(described.flatMap(({ options }) => options).map(row), ofBoot));
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
