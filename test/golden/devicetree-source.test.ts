// Source text and what it takes values for, held against dtc.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { type Kind, kindOf } from "../../src/devicetree/kinds.ts";
import { surveyOf } from "../../src/devicetree/survey.ts";
import { plain, treeSource, unwritableNames } from "../../src/devicetree/to/source-text.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { blobOf, deviceTrees, meaning, values, WRITABLE } from "../support/device-trees.ts";
import { present } from "../support/present.ts";
import { written } from "../support/written.ts";

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
        const text = written((write) => treeSource(write, survey, { paint: plain, annotate }));
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

/** What dtc shows each value as, under names that say nothing. */
function guessedByDtc(values: readonly Uint8Array[]): string[] {
  const root = { name: "", properties: values.map((value, index) => ({ name: `p${index}`, value })), children: [] };
  const blob = blobOf({ root, reservations: [], address: undefined, bootCpu: 0 });
  const source = Bun.spawnSync(["dtc", "-q", "-q", "-I", "dtb", "-O", "dts"], { stdin: blob }).stdout.toString(
    "latin1",
  );
  return [...source.matchAll(/^\tp\d+(?: = (.))?/gm)].map(([, first]) => first ?? ";");
}

const SIGNS: Readonly<Record<Kind, string>> = { empty: ";", strings: '"', cells: "<", bytes: "[" };

test("what a value is, where its name does not say it, is guessed as dtc guesses it, but for texts that only dtc sees", () => {
  const few = fc
    .array(fc.constantFrom(0, 0, 0, 0x41, 0x42, 7, 10, 0x1f, 0x7f, 0xff), { minLength: 1, maxLength: 9 })
    .map((bytes) => Uint8Array.from(bytes));
  const guessed = fc.sample(fc.oneof(few, values), { seed: 3, numRuns: 3000 });
  const theirs = guessedByDtc(guessed);
  // Control characters, an empty text before all others, an empty one in what can be cells.
  const isNoText = (value: Uint8Array): boolean =>
    value.some((byte) => byte !== 0 && byte < 0x20) ||
    value[0] === 0 ||
    (value.length % 4 === 0 && Buffer.from(value).includes("\0\0"));
  const expected = theirs.map((sign, index) => {
    const value = present(guessed[index]);
    return sign === '"' && isNoText(value) ? (value.length % 4 === 0 ? "<" : "[") : sign;
  });
  expect(guessed.map((value, index) => SIGNS[kindOf(`p${index}`, value)])).toEqual(expected);
  expect(expected).not.toEqual(theirs);
  expect(new Set(expected).size).toBe(4);
});

test("what a value is, is what the source said that dtc compiled, for names and numbers of Linux's own trees", () => {
  const source = `/dts-v1/; / {
    compatible = "acme,board"; model = "Acme"; acme,mode = "fast", "slow"; linux,default-trigger = "";
    gpio-line-names = "", "", "LED", ""; clock-names = ""; label = ""; firmware-name = "a/b.bin"; dr_mode = "otg";
    opp-microvolt = <800000 800000 900000>; regulator-min-microvolt = <800000>; spi-max-frequency = <4000000>;
    startup-delay-us = <4000000>; nvidia,emc-cfg = <0x73240000>; opp-peak-kBps = <4224000>; reg = <0x48306000 0x40>;
    fsl,cpm-command = <0x2e600000>; mode-bootloader = <0x77665500>; clock-frequency = <0x4d7c6d00>;
    opp-hz = /bits/ 64 <0x3d09000a>; ranges; acme,limit = <800000>; interrupt-controller;
    local-mac-address = [61 62 63 64 65 00]; sas-addr = [50 01 88 20 16 00 00 00]; edid = [00 ff ff ff];
    acme,key = [01 02 03];
  };`;
  const compiled = (format: string): Buffer =>
    Bun.spawnSync(["dtc", "-q", "-q", "-I", "dts", "-O", format], { stdin: Buffer.from(source, "latin1") }).stdout;
  // dtc's YAML keeps what the source said: ["text"], [[cells]], [!u8 [bytes]].
  const said = [
    ...compiled("yaml")
      .toString("latin1")
      .matchAll(/^[ -] '?([^ ':]+)'?: (.*)$/gm),
  ];
  const tree = treeFromBlob(compiled("dtb"), "dtc");
  expect(said.length).toBe(tree.root.properties.length);
  const kinds = said.map(([, name = "", what = ""]) => {
    if (what === "true") return [name, "empty"];
    return [name, what.startsWith('["') ? "strings" : what.startsWith("[!u8") ? "bytes" : "cells"];
  });
  expect(tree.root.properties.map(({ name, value }) => [name, kindOf(name, value)])).toEqual(kinds);
});
