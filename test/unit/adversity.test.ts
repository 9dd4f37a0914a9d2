// Input made so that a search in a search would take minutes: twice as much of it takes twice the work, not four times.

import { describe, expect, test } from "bun:test";
import { treeChecks } from "../../src/arch/tree-checks.ts";
import { insertSorted, removeItem, settleLists } from "../../src/devicetree/changing.ts";
import { findingsIn } from "../../src/devicetree/check/checks.ts";
import { runPrompt } from "../../src/script/prompt.ts";
import { System } from "../../src/sys/system.ts";
import { countLooks, type Shape, shapes } from "../support/adversity.ts";
import { fakeEngine } from "../support/fake-engine.ts";

const SIZE = 400;

/** Looks that it takes to edit and to check a tree of this shape. */
function countWork(shape: Shape, size: number): number {
  const counter = { looks: 0 };
  const tree = countLooks(shape.tree(size), counter);
  for (const edit of shape.edits?.(size) ?? []) edit(tree);
  findingsIn(tree, new Set(), treeChecks);
  return counter.looks;
}

describe("twice as many", () => {
  test.each(shapes.map((shape) => [shape.name, shape] as const))("%s take twice the work", (_, shape) => {
    const once = countWork(shape, SIZE);
    expect(once).toBeGreaterThan(0);
    expect(countWork(shape, 2 * SIZE) / once).toBeLessThan(2.5);
  });
});

/** How often items of a list are moved, or asked for, that is changed this many times. */
function countMoves(size: number): number {
  let count = 0;
  const items = new Proxy(
    Array.from({ length: size }, (_, index) => ({ name: `n${index}` })),
    {
      get: (list, key) => {
        count++;
        return Reflect.get(list, key);
      },
      set: (list, key, value) => {
        count++;
        return Reflect.set(list, key, value);
      },
    },
  );
  const compare = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
  for (const index of Array(size).keys()) {
    const item = { name: `m${index}` };
    insertSorted(items, item, compare);
    if (index % 2 === 0) removeItem(items, item);
  }
  settleLists();
  return count;
}

test("twice as many changes of a list that is twice as long move twice as much", () => {
  expect(countMoves(4000) / countMoves(2000)).toBeLessThan(2.5);
});

/** What the prompt says to lines that name no program. */
function promptSays(typed: string): string {
  const engine = fakeEngine({ stdin: new TextEncoder().encode(typed) });
  const system = new System(engine);
  runPrompt({ system, find: () => undefined, wait: () => [], rest: (work) => work(), goOn: () => {} }, "init");
  return engine.stderr;
}

// A search in a search would take longer than a test may.
test("a line of 4 MB at the prompt is read as one, and so are 300,000 lines of which each continues the last", () => {
  const words = "x ".repeat(2_000_000);
  expect(promptSays(`${words}\n`)).toBe("init: x: no such command\n");
  expect(promptSays(`${"x\\\n".repeat(300_000)}\n`)).toStartWith("init: xxxx");
});

test.each([
  ["a\\\n#b\n", "init: a#b: no such command\n"],
  ["\\\n#b\\\na\n", "init: a: no such command\n"],
  ["'a\\\nb\n", "init: prompt:1:1: unterminated '\ninit: b: no such command\n"],
  ["a\\ \\\n#b\n", "init: a #b: no such command\n"],
  ["a\\\n#b\\\nc\n", "init: a#bc: no such command\n"],
  ["a \\\n#b\\\nc\n", "init: a: no such command\ninit: c: no such command\n"],
])("%j at the prompt is continued as a script is", (typed, says) => {
  expect(promptSays(typed)).toBe(says);
});
