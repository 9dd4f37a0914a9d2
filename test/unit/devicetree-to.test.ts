// What is made of a tree: blobs of all versions say the same, and no form throws.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { differences, differenceText } from "../../src/devicetree/diff.ts";
import { versions } from "../../src/devicetree/format.ts";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { surveyOf } from "../../src/devicetree/survey.ts";
import { treeJson } from "../../src/devicetree/to/json.ts";
import { coloured, nodeSource, plain, treeSource } from "../../src/devicetree/to/source-text.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { readBlob } from "../support/blob-reader.ts";
import { blobOf, deviceTrees, meaning } from "../support/device-trees.ts";
import { written } from "../support/written.ts";

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
      const read = {
        root,
        bootCpu,
        address: undefined,
        reservations: reserved.map(({ start, size }) => ({ start, end: start + size })),
      };
      expect(meaning(read as unknown as DeviceTree)).toBe(
        meaning({ ...tree, bootCpu: version === 1 ? 0 : tree.bootCpu }),
      );
    }),
    { numRuns: 2000 },
  );
}, 120_000);

test("what one looks like, in whatever form, is told without an exception", () => {
  fc.assert(
    fc.property(deviceTrees(), deviceTrees(), (tree, other) => {
      const survey = surveyOf(tree);
      for (const annotate of [false, true]) {
        const text = written((write) => treeSource(write, survey, { paint: coloured, annotate }));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with an escape
        expect(text).toMatch(/^[\x1b\n\t -~]+$/);
        for (const each of survey.nodes)
          expect(written((write) => nodeSource(write, survey, each, { paint: plain, annotate }))).toMatch(
            /^[\n\t -~]+$/,
          );
      }
      expect(JSON.parse(written((write) => treeJson(write, tree)))).toMatchObject({ bootCpu: tree.bootCpu });
      expect(written((write) => differenceText(write, differences(tree, other)))).toMatch(/^[\n -~]*$/);
    }),
    { numRuns: 1000 },
  );
}, 120_000);
