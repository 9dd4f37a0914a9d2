// Differences between two trees are edits, which turn one into the other.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { differences, patchText } from "../../src/devicetree/diff.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { parseEdits } from "../../src/options/edits.ts";
import { System } from "../../src/sys/system.ts";
import { changes, copied, deviceTrees, meaning, mutate } from "../support/device-trees.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { written } from "../support/written.ts";

const folder = temporaryFolder();
const system = new System(fakeEngine());

/** `tree` after the edits of a file, as the commands read it. */
function edited(tree: DeviceTree, lines: string): DeviceTree {
  const file = folder.in("edits");
  writeFileSync(file, Buffer.from(lines, "latin1"));
  const result = copied(tree);
  for (const edit of parseEdits(system, [{ long: "from", value: file, place: "--from" }])) edit(result);
  return result;
}

function expectPatchToLead(before: DeviceTree, after: DeviceTree): void {
  const patch = written((write) => patchText(write, differences(before, after)));
  const result = edited(before, patch);
  const wanted = meaning(after);
  expect(meaning(result)).toBe(wanted);
  expect(differences(result, after)).toEqual([]);
  expect(patch === "").toBe(meaning(before) === wanted);
}

describe("the edits that dtdiff --patch writes turn", () => {
  test("any tree into any other", () => {
    fc.assert(fc.property(deviceTrees(), deviceTrees(), expectPatchToLead), { numRuns: 4000 });
  }, 120_000);

  test("any tree into what it becomes by a few changes", () => {
    fc.assert(
      fc.property(deviceTrees(), changes(0, 8), (before, changes) =>
        expectPatchToLead(before, mutate(before, changes)),
      ),
      { numRuns: 6000 },
    );
  }, 120_000);
});

test.each([
  ["nodes", { properties: [], children: ["n", "n"] }, "/a/b/n"],
  ["properties", { properties: ["p", "p"], children: [] }, "/a/b/p"],
])("two %s of one name in what is added are refused: no edit adds the second", (_, { properties, children }, place) => {
  const value = new Uint8Array(0);
  const b = {
    name: "b",
    properties: properties.map((name) => ({ name, value })),
    children: children.map((name) => ({ name, properties: [], children: [] })),
  };
  const tree = (children: DeviceTree["root"]["children"]): DeviceTree => ({
    root: { name: "", properties: [], children },
    reservations: [],
    address: undefined,
    bootCpu: 0,
  });
  const found = differences(tree([]), tree([{ name: "a", properties: [], children: [b] }]));
  expect(() => patchText(() => {}, found)).toThrow(`${place}: is there twice, so that it cannot be added`);
});
