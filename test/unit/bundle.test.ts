// The modules of the program: which ones an executable has at hand, and which packed.

import { expect, test } from "bun:test";
import { AT_HAND, SELDOM, splitModules } from "../../scripts/bundle.ts";
import { applets } from "../../src/applets/table.ts";

const MODULES = [
  { name: "main", text: 'import {a} from "0"; import {load} from "qjs:sys"; load("applets/vmcore");' },
  { name: "applets/loadem", text: 'import "1";' },
  { name: "applets/vmcore", text: 'import "1"; import "2";' },
  { name: "arch/ppc64/checks", text: 'import "3";' },
  { name: "arch/arm64/checks", text: 'import "3"; import "4";' },
  { name: "0", text: "export const a = 1;" },
  { name: "1", text: "" },
  { name: "2", text: "" },
  { name: "3", text: "" },
  { name: "4", text: "" },
];

test("what the first module, a boot's applets and the machine's own rules import is at hand, all else is packed", () => {
  expect(splitModules(MODULES, "ppc64")).toEqual({
    atHand: ["main", "applets/loadem", "arch/ppc64/checks", "0", "1", "3"],
    packed: ["applets/vmcore", "arch/arm64/checks", "2", "4"],
  });
});

test("another machine's executable has its own rules at hand", () => {
  expect(splitModules(MODULES, "arm64").packed).toEqual(["applets/vmcore", "arch/ppc64/checks", "2"]);
});

test("what is at hand is there, once: applets, and modules that are read when they are asked for", () => {
  const known = [...applets.map(({ name }) => `applets/${name}`), ...SELDOM.map((path) => path.replace(/\.ts$/, ""))];
  expect(AT_HAND.filter((name) => !known.includes(name))).toEqual([]);
  expect(new Set(AT_HAND).size).toBe(AT_HAND.length);
});
