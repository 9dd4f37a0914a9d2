// What is fuzzed holds for the inputs that fuzzing begins with, for those of test/fuzz/corpus, and for some made at random. `npm run
// fuzz` goes on from there.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { randomNumbers } from "../../scripts/bench/tree.ts";
import { minimise, mutate } from "../../scripts/fuzz/mutate.ts";
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
