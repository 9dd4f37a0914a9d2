// Source text and what it takes values for, held against dtc.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { kindOf } from "../../src/devicetree/kinds.ts";
import { surveyOf } from "../../src/devicetree/survey.ts";
import { plain, treeSource, unwritableNames } from "../../src/devicetree/to/source-text.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { blobOf, deviceTrees, meaning, values, WRITABLE } from "../support/device-trees.ts";
import { present } from "../support/present.ts";

test("source text is compiled by dtc to the same tree, for all names that dtc can read", () => {
  // Many trees as the children of one root: a process for each would take minutes.
  const together = (trees: readonly DeviceTree[]): DeviceTree => ({
    ...present(trees[0]),
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
