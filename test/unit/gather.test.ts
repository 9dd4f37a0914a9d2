// The layout that C and script share is one: what the compiler holds gather.h to is what the script has.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as layout from "../../src/sys/gather-layout.ts";

const header = readFileSync(new URL("../../src/sys/gather/layout.h", import.meta.url), "utf8");

/** What layout.h asserts, in its order: `node.own_name` or `sizeof node` in bytes, and `GATHER_WALK`. */
const asserted = Array.from(
  header.matchAll(/^(?:OFFSET\((\w+), (\w+), (\w+)\)|SIZE\((\w+), (\w+)\)|NUMBER\((\w+), (\w+)\));$/gm),
  ([, type, field, offset, sized, size, name, number]): [string, number] =>
    type !== undefined
      ? [`${type}.${field}`, Number(offset)]
      : [sized !== undefined ? `sizeof ${sized}` : `${name}`, Number(size ?? number)],
);

/** `ownName` as C spells it. */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function fieldsOf(type: string, fields: Readonly<Record<string, number>>, unit = 1): [string, number][] {
  return Object.entries(fields).map(([name, at]) => [`${type}.${snakeCase(name)}`, at * unit]);
}

function numbersOf(prefix: string, numbers: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(numbers).map(([name, value]) => [`${prefix}_${snakeCase(name).toUpperCase()}`, value]);
}

test("every offset, size and number that the script names is one that the compiler checks, and no other is", () => {
  expect(asserted).toEqual([
    ...fieldsOf("gather", layout.GATHER),
    ["sizeof gather", layout.GATHER_SIZE],
    ...fieldsOf("area", layout.AREA),
    ["sizeof area", 16],
    ...fieldsOf("frame", layout.FRAME),
    ["sizeof frame", layout.FRAME_SIZE],
    ...fieldsOf("node", layout.NODE, 4),
    ["sizeof node", 4 * layout.WORDS_OF_NODE],
    ...fieldsOf("rule", layout.RULE),
    ["sizeof rule", layout.RULE_SIZE],
    ["MOST_RULES", layout.MOST_RULES],
    ...numbersOf("GATHER", layout.ACTION),
    ...numbersOf("STOP", layout.STOP),
  ]);
});

test("every action and stop of gather.h has a number in the script", () => {
  const text = readFileSync(new URL("../../src/sys/gather/gather.h", import.meta.url), "utf8");
  const named = Array.from(text.matchAll(/^ {4}((?:GATHER|STOP)_\w+),/gm), ([, name]) => name);
  expect(named).toEqual([
    ...numbersOf("GATHER", layout.ACTION).map(([name]) => name),
    ...numbersOf("STOP", layout.STOP).map(([name]) => name),
  ]);
});
