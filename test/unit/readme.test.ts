// What the README says of options and commands is what the program takes.

import { expect, test } from "bun:test";
import { HELP } from "../../scripts/boot/choices.ts";
import { parse, parseInOrder, type Option } from "../../src/applet.ts";
import { fs2dt } from "../../src/applets/fs2dt.ts";
import { loadem } from "../../src/applets/loadem.ts";
import { zeropage } from "../../src/applets/zeropage.ts";
import { parseScript } from "../../src/script/parse.ts";
import { commands, firstColumns } from "../support/readme.ts";

function row({ short, long, value }: Option): string {
  return `${short === undefined ? "" : `-${short}, `}--${long}${value === undefined ? "" : ` ${value}`}`;
}

function sorted(...lists: readonly (readonly string[])[]): string[] {
  return [...new Set(lists.flat())].sort();
}

test("the tables have every option of fs2dt, zeropage, loadem and npm run boot, and no other", () => {
  const ofBoot = [...HELP.matchAll(/^ {2}(--\S+(?: \S+)?) {2}/gm)].map(([, text]) => text!);
  // Two long options may share a row; a short one and its long name are one.
  const told = firstColumns.filter((text) => text.startsWith("-")).flatMap((text) => text.split(/(?<!^-\w), (?=--)/));
  expect(sorted(told)).toEqual(sorted([...fs2dt.options, ...zeropage.options, ...loadem.options].map(row), ofBoot));
});

test("every fs2dt, zeropage and loadem of the examples is a line that init runs, with options that there are", () => {
  const lines = commands.filter((command) => /^\S*(fs2dt|zeropage|loadem) /.test(command));
  expect(lines.length).toBeGreaterThanOrEqual(5);
  for (const line of lines) {
    for (const { commands: parts } of parseScript("README", line)) {
      for (const [program, ...args] of parts) {
        if (program.endsWith("fs2dt")) expect(parse(fs2dt.options, args).operands).toHaveLength(1);
        else if (program === "zeropage") expect(parse(zeropage.options, args).operands).toHaveLength(1);
        else expect(parseInOrder(loadem.options, args).length).toBeGreaterThan(0);
      }
    }
  }
});
