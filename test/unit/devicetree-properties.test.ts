// What holds for every tree there can be: differences are edits, blobs of all versions say the same, values as text come back.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { differences, differenceText, patchText } from "../../src/devicetree/diff.ts";
import { versions } from "../../src/devicetree/format.ts";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { kindOf } from "../../src/devicetree/kinds.ts";
import { surveyOf } from "../../src/devicetree/survey.ts";
import { treeJson } from "../../src/devicetree/to/json.ts";
import { coloured, nodeSource, plain, treeSource, unwritableNames } from "../../src/devicetree/to/source-text.ts";
import { type DeviceTree } from "../../src/devicetree/tree.ts";
import { parseValue, valueText } from "../../src/devicetree/values.ts";
import { editsOf } from "../../src/options/edits.ts";
import { System } from "../../src/sys/system.ts";
import { readBlob } from "../support/blob-reader.ts";
import { ANY, blobOf, copied, deviceTrees, meaning, mutated, values, WRITABLE } from "../support/device-trees.ts";
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
        expectPatchToLead(before, mutated(before, seed, changes)),
      ),
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

test("a value as text is read back as the same bytes, under any name and in any grouping", () => {
  const none = () => {
    throw new Error("a reference");
  };
  fc.assert(
    fc.property(
      fc.oneof(values, fc.uint8Array({ maxLength: 40 })),
      ANY.property,
      fc.integer({ min: 1, max: 5 }),
      (value, name, group) => {
        for (const text of [valueText(name, value), valueText(name, value, group)]) {
          expect(text).toMatch(/^[ -~]*$/);
          if (value.length > 0) expect(parseValue(text, none, "value")).toEqual(value);
          else expect(text).toBe("");
        }
      },
    ),
    { numRuns: 10_000 },
  );
}, 120_000);

test("blanks in a value are those of ASCII alone", () => {
  const read = (text: string) => parseValue(text, () => ({ path: "/", phandle: () => 1 }), "value");
  expect(read(" \t<1\t2>\n,\r&{/}\v\f")).toEqual(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2, 0x2f, 0));
  for (const text of ["<1>\xa0", "\xa0<1>", "<1\xa0>", "\ufeff<1>"])
    expect(() => read(text)).toThrow("value: character");
});

test("source text is compiled by dtc to the same tree, for all names that dtc can read", () => {
  // Many trees as the children of one root: a process for each would take minutes.
  const together = (trees: readonly DeviceTree[]): DeviceTree => ({
    ...trees[0]!,
    root: { name: "", properties: [], children: trees.map(({ root }, index) => ({ ...root, name: `tree-${index}` })) },
  });
  fc.assert(
    fc.property(
      fc.array(deviceTrees(WRITABLE), { minLength: 250, maxLength: 250, size: "max" }),
      fc.boolean(),
      (trees, annotate) => {
        const tree = together(trees);
        const survey = surveyOf(tree);
        expect(unwritableNames(survey)).toEqual([]);
        const text = treeSource(survey, { paint: plain, annotate });
        // -f: what is odd in such trees (phandles, cells) is no matter here.
        const command = ["dtc", "-q", "-q", "-f", "-I", "dts", "-O", "dtb", "-b", String(tree.bootCpu)];
        const { exitCode, stdout, stderr } = Bun.spawnSync(command, { stdin: Buffer.from(text, "latin1") });
        expect({ exitCode, stderr: exitCode === 0 ? "" : stderr.toString() }).toEqual({ exitCode: 0, stderr: "" });
        expect(meaning(treeFromBlob(stdout, "dtc")) === meaning(tree)).toBe(true);
      },
    ),
    { numRuns: 8, endOnFailure: true },
  );
}, 120_000);

test("what a value is, where its name does not say it, is guessed as dtc guesses it", () => {
  const few = fc
    .array(fc.constantFrom(0, 0, 0, 0x41, 0x42, 7, 10, 0x1f, 0x7f, 0xff), { minLength: 1, maxLength: 9 })
    .map((bytes) => Uint8Array.from(bytes));
  const guessed = fc.sample(fc.oneof(few, values), { seed: 3, numRuns: 3000 });
  const root = { name: "", properties: guessed.map((value, index) => ({ name: `p${index}`, value })), children: [] };
  const blob = blobOf({ root, reservations: [], address: undefined, bootCpu: 0 });
  const source = Bun.spawnSync(["dtc", "-q", "-q", "-I", "dtb", "-O", "dts"], { stdin: blob }).stdout.toString(
    "latin1",
  );
  const theirs = [...source.matchAll(/^\tp\d+(?: = (.))?/gm)].map(([, first]) => first ?? ";");
  const signs = { empty: ";", strings: '"', cells: "<", bytes: "[" } as const;
  expect(theirs).toEqual(guessed.map((value, index) => signs[kindOf(`p${index}`, value)]));
  expect(new Set(theirs).size).toBe(4);
});

test("what one looks like, in whatever form, is told without an exception", () => {
  fc.assert(
    fc.property(deviceTrees(), deviceTrees(), (tree, other) => {
      const survey = surveyOf(tree);
      for (const annotate of [false, true]) {
        expect(treeSource(survey, { paint: coloured, annotate })).toMatch(/^[\x1b\n\t -~]+$/);
        for (const each of survey.nodes)
          expect(nodeSource(survey, each, { paint: plain, annotate })).toMatch(/^[\n\t -~]+$/);
      }
      expect(JSON.parse(treeJson(tree))).toMatchObject({ bootCpu: tree.bootCpu });
      expect(differenceText(differences(tree, other))).toMatch(/^[\n -~]*$/);
    }),
    { numRuns: 1000 },
  );
}, 120_000);
