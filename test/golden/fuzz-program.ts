// Runs the inputs of a file, each by its target, and prints what becomes of it: test/golden/fuzz.test.ts compares the engines.

import { engine } from "#sys";
import { System } from "../../src/sys/system.ts";
import { splitParts, unpackBelongings } from "../fuzz/belongings.ts";
import { textOf } from "../fuzz/target.ts";
import { targetsOn } from "../fuzz/targets.ts";

/** Bytes of a file of inputs. */
const MOST = 64 << 20;

const system = new System(engine);
const [, path = ""] = engine.args;
const [belongings = new Uint8Array(0), ...cases] = splitParts(system.mustReadFile(path, MOST));
const targets = targetsOn(unpackBelongings(belongings));

function outcomeOf(name: string, input: Uint8Array): string {
  try {
    return targets.find((target) => target.name === name)?.attempt(engine, input) ?? "no such target";
  } catch (error) {
    return `thrown: ${error instanceof Error ? error.message : error}`;
  }
}

for (let at = 0; at + 1 < cases.length; at += 2) {
  const [name = new Uint8Array(0), input = new Uint8Array(0)] = cases.slice(at, at + 2);
  system.print(`${JSON.stringify(outcomeOf(textOf(name), input))}\n`);
}
engine.exit(0);
