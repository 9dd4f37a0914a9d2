// What holds for every tree there can be: differences are edits, blobs of all versions say the same, values as text come back.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { writeFileSync } from "node:fs";
import { versions } from "../../src/devicetree/blob.ts";
import { differences, patchText } from "../../src/devicetree/diff.ts";
import { editsOf } from "../../src/devicetree/edit-language.ts";
import { treeFromBlob } from "../../src/devicetree/from-blob.ts";
import { type DeviceTree } from "../../src/devicetree/tree.ts";
import { parseValue, valueText } from "../../src/devicetree/values.ts";
import { System } from "../../src/sys/system.ts";
import { readBlob } from "../support/blob-reader.ts";
import { blobOf, copied, deviceTrees, meaning, mutated, values, ANY } from "../support/device-trees.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

/** `tree` after the edits of a file, as the commands read it. */
function edited(tree: DeviceTree, lines: string): DeviceTree {
  const system = new System(fakeEngine());
  const file = folder.in("edits");
  writeFileSync(file, Buffer.from(lines, "latin1"));
  const result = copied(tree);
  for (const edit of editsOf(system, [{ long: "from", value: file, place: "--from" }])) edit(result);
  return result;
}

function expectPatchToLead(before: DeviceTree, after: DeviceTree): void {
  const patch = patchText(differences(before, after));
  const result = edited(before, patch);
  expect(meaning(result)).toBe(meaning(after));
  expect(differences(result, after)).toEqual([]);
  expect(patch === "").toBe(meaning(before) === meaning(after));
}

describe("the edits that dtdiff --patch writes turn", () => {
  test("any tree into any other", () => {
    fc.assert(fc.property(deviceTrees(), deviceTrees(), expectPatchToLead), { numRuns: 4000 });
  }, 120_000);

  test("any tree into what it becomes by a few changes", () => {
    fc.assert(
      fc.property(deviceTrees(), fc.nat(), fc.integer({ min: 0, max: 8 }), (before, seed, changes) =>
        expectPatchToLead(before, mutated(before, seed, changes))),
      { numRuns: 6000 },
    );
  }, 120_000);
});

test("a blob of any version, read and written as any other, says the same", () => {
  fc.assert(
    fc.property(deviceTrees(), fc.constantFrom(...versions), fc.constantFrom(...versions), (tree, first, second) => {
      const expected = meaning({ ...tree, bootCpu: first === 1 || second === 1 ? 0 : tree.bootCpu });
      const read = treeFromBlob(blobOf(treeFromBlob(blobOf(tree, first), "first"), second), "second");
      expect(meaning(read)).toBe(expected);
    }),
    { numRuns: 4000 },
  );
}, 120_000);

test("a blob of ours is what an independent reader takes it for", () => {
  fc.assert(
    fc.property(deviceTrees(), fc.constantFrom(...versions), (tree, version) => {
      const { root, reserved, bootCpu } = readBlob(Buffer.from(blobOf(tree, version)));
      const read = { root, bootCpu, address: undefined, reservations: reserved.map(({ start, size }) => ({ start, end: start + size })) };
      expect(meaning(read as unknown as DeviceTree)).toBe(meaning({ ...tree, bootCpu: version === 1 ? 0 : tree.bootCpu }));
    }),
    { numRuns: 2000 },
  );
}, 120_000);

test("a value as text is read back as the same bytes, under any name and in any grouping", () => {
  const none = () => {
    throw new Error("a reference");
  };
  fc.assert(
    fc.property(fc.oneof(values, fc.uint8Array({ maxLength: 40 })), ANY.property, fc.integer({ min: 1, max: 5 }), (value, name, group) => {
      for (const text of [valueText(name, value), valueText(name, value, group)]) {
        expect(text).toMatch(/^[ -~]*$/);
        if (value.length > 0) expect(parseValue(text, none, "value")).toEqual(value);
        else expect(text).toBe("");
      }
    }),
    { numRuns: 10_000 },
  );
}, 120_000);
