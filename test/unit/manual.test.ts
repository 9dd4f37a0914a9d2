// How help is laid out in columns, to the last one.

import { expect, test } from "bun:test";
import type { Applet } from "../../src/cli/applet.ts";
import { formatHelp } from "../../src/cli/manual.ts";

function helpOf(...options: Applet["options"]): string[] {
  const applet: Applet = { name: "x", summary: "Try", operands: "", options, run: () => 0 };
  return formatHelp(applet).split("\n").slice(4);
}

test("an option has its help beside it while two columns are left between them, and below it from then on", () => {
  // Six columns and two dashes come before a long name.
  const longest = "l".repeat(20);
  const [beside] = helpOf({ long: longest, help: "Help." });
  expect(beside).toBe(`      --${longest}  Help.`);
  expect(helpOf({ long: `${longest}l`, help: "Help." }).slice(0, 2)).toEqual([
    `      --${longest}l`,
    `${" ".repeat(30)}Help.`,
  ]);
});

test("a line of help may fill the console's last column, and not one more", () => {
  const room = 80 - 11;
  const words = (length: number): string => `${"a".repeat(length - 3)} b.`;
  expect(helpOf({ long: "v", help: words(room) })[0]).toHaveLength(80);
  expect(helpOf({ long: "v", help: words(room + 1) }).slice(0, 2)).toEqual([
    `      --v  ${"a".repeat(room - 2)}`,
    `${" ".repeat(11)}b.`,
  ]);
});
