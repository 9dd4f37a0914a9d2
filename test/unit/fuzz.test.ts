// What is fuzzed holds for the inputs that fuzzing begins with, for those of test/fuzz/corpus, and for some made at random. `npm run
// fuzz` goes on from there.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomNumbers } from "../../scripts/bench/tree.ts";
import { minimise, mutate } from "../../scripts/fuzz/mutate.ts";
import { findSteep } from "../../scripts/fuzz/steep.ts";
import { type Stretch, stretchOf } from "../../scripts/fuzz/stretch.ts";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { listBelow } from "../../src/devicetree/walk.ts";
import { engine } from "../../src/sys/bun.ts";
import { packBelongings, splitParts, unpackBelongings } from "../fuzz/belongings.ts";
import type { Host } from "../fuzz/machine.ts";
import { listBelongings, seeds } from "../fuzz/seeds.ts";
import type { Target } from "../fuzz/target.ts";
import { bytesOf, runCommand, textOf } from "../fuzz/target.ts";
import { targetsOn } from "../fuzz/targets.ts";
import { present } from "../support/present.ts";

const CORPUS = join(import.meta.dir, "../fuzz/corpus");
/** Inputs made at random for each target. */
const RANDOM = 40;

const host: Host = { ...engine, parseJson: JSON.parse };
const belongings = listBelongings();
const targets = targetsOn(belongings);

function inputsOf(name: string): Uint8Array[] {
  const file = join(CORPUS, name);
  const kept = existsSync(file) ? splitParts(new Uint8Array(readFileSync(file))) : [];
  return [...present(seeds[name])(), ...kept];
}

describe.each(targets.map((target) => [target.name, target] as const))("of %s it holds", (name, target) => {
  const inputs = inputsOf(name);

  test(`for ${inputs.length} inputs that fuzzing begins with: ${target.holds}`, () => {
    const outcomes = inputs.map((input) => target.attempt(host, input));
    // Otherwise all would be refused.
    expect(new Set(outcomes).size).toBeGreaterThan(1);
  });

  test(`for ${RANDOM} made at random`, () => {
    const pick = randomNumbers(inputs.length);
    const any = (): Uint8Array => present(inputs[pick(inputs.length)]);
    for (let runs = 0; runs < RANDOM; runs++) target.attempt(host, mutate(target, any(), any(), pick));
  });
});

const BROKEN: Target = {
  ...{ name: "broken", holds: "never two dots behind each other", words: [".", "a"], isText: true, work: 1 },
  attempt(_, input) {
    if (textOf(input).includes("..")) throw new Error("two dots");
    return "";
  },
};

test("what does not hold is found at random, and made as small as it can be", () => {
  const pick = randomNumbers(1);
  const isFound = (input: Uint8Array): boolean => {
    try {
      BROKEN.attempt(host, input);
      return false;
    } catch {
      return true;
    }
  };
  let input = bytesOf("a plain text of some length, and a second sentence.");
  while (!isFound(input)) input = mutate(BROKEN, input, input, pick);
  expect(textOf(minimise(input, isFound))).toBe("..");
});

test("the same random numbers make the same inputs", () => {
  const make = (seed: number) => mutate(BROKEN, bytesOf("some text"), bytesOf("other"), randomNumbers(seed));
  expect(make(7)).toEqual(make(7));
  expect(make(7)).not.toEqual(make(8));
});

test("belongings come back as they were", () => {
  expect(unpackBelongings(packBelongings(belongings))).toEqual(belongings);
});

describe("a command on a machine of memory", () => {
  const world = { host: engine, files: new Map([["a", bytesOf("text\n")]]) };

  test("reads and writes its files", () => {
    const { code, out } = runCommand(world, ["cat", "a"]);
    expect([code, textOf(out)]).toEqual([0, "text\n"]);
    const { machine } = runCommand(
      { host: engine, files: new Map([["tree", present(seeds.blobs)()[0] ?? bytesOf("")]]) },
      [...["dtedit", "tree", "new"]],
    );
    expect([...machine.files.keys()]).toEqual(["tree", "new"]);
  });

  test("reaches no kernel that would load or end anything", () => {
    const files = new Map([...belongings].map(([name, bytes]) => [name.replace(/^\S+ /, ""), bytes]));
    const { code, machine } = runCommand({ host: engine, files }, ["kexec", "-l", "kernel"]);
    expect(code).toBe(3);
    expect(machine.refused).toContain("kexec_load");
  });
});

describe("work that takes the square of an input", () => {
  const lines: Stretch = (copies) => bytesOf("line\n".repeat(copies));
  const counted = (countOf: (lines: number) => number) =>
    findSteep(
      lines,
      (input) =>
        new Map([
          ["walk", 300 * input.length],
          ["search", countOf(input.length / 5)],
        ]),
    );

  test("is told by the function that does it, however much else is done", () => {
    expect(counted((size) => size ** 2 / 2)?.name).toBe("search");
    expect(counted((size) => size * Math.log2(size))).toBeUndefined();
  });

  test("is not what becomes more at some lengths, and grows with the input between them", () => {
    expect(counted((size) => (size < 200 ? 1 : size < 1000 ? 20 : 400) * size)).toBeUndefined();
  });

  test("is looked for with copies of nodes, properties, cells and reservations, none the twin of another", () => {
    const [input = bytesOf("")] = present(seeds.blobs)();
    const grown = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const tree = treeFromBlob(stretchOf(input, false, randomNumbers(seed))(100), "tree");
      for (const node of [tree.root, ...listBelow(tree.root)]) {
        if (node.children.length >= 100) grown.add("nodes");
        if (node.properties.length >= 100) grown.add("properties");
        if (node.properties.some(({ value }) => value.length >= 400)) grown.add("cells");
        for (const items of [node.children, node.properties])
          expect(new Set(items.map(({ name }) => name)).size).toBe(items.length);
      }
      if (tree.reservations.length >= 100) grown.add("reservations");
    }
    expect([...grown].sort()).toEqual(["cells", "nodes", "properties", "reservations"]);
  });

  test("is looked for with copies of lines and words, each with a number of its own", () => {
    const texts = Array.from({ length: 1000 }, (_, seed) => {
      return textOf(stretchOf(bytesOf("set /a/b=<1>\nreserve 0x1000,0x2000\n"), true, randomNumbers(seed))(3));
    });
    expect(texts).toContain("set /a/b=<1>\nset /a/b=<1>\nset /a/b=<1>\nset /a/b=<1>\nreserve 0x1000,0x2000\n");
    expect(texts.some((text) => /0x000001000,0x000002000.*\n.*0x000011000,0x000012000/.test(text))).toBe(true);
    expect(texts.some((text) => /a00000.*a00001.*a00002/s.test(text))).toBe(true);
  });
});
