// The same inputs on every engine: bytes, messages and exit codes have to be the same.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { engine } from "../../src/sys/bun.ts";
import { joinParts, packBelongings } from "../../test/fuzz/belongings.ts";
import { listBelongings, seeds } from "../../test/fuzz/seeds.ts";
import { bytesOf } from "../../test/fuzz/target.ts";
import { targetsOn } from "../../test/fuzz/targets.ts";
import { randomNumbers } from "../bench/tree.ts";
import { buildFrom } from "../build.ts";
import { emulatorFor, type SmallTarget } from "../machines/machines.ts";
import { mutate } from "./mutate.ts";

const PROGRAM = join(import.meta.dir, "../../test/golden/fuzz-program.ts");

export interface Case {
  readonly name: string;
  readonly input: Uint8Array;
}

/** Of each target so many inputs, made at random from its seeds: the same for the same seed. */
export function listCases(count: number, seed: number): Case[] {
  return Object.entries(seeds).flatMap(([name, list]) => {
    const inputs = list();
    const target = targetsOn(new Map()).find((each) => each.name === name);
    const pick = randomNumbers(seed);
    const any = (): Uint8Array => inputs[pick(inputs.length)] ?? new Uint8Array(0);
    return Array.from({ length: target === undefined ? 0 : count }, (_, index) => {
      // One of four as it is.
      const own = inputs[index % inputs.length] ?? any();
      return { name, input: target === undefined || index % 4 === 0 ? own : mutate(target, own, any(), pick) };
    });
  });
}

/** What becomes of each under Bun. */
function outcomesHere(cases: readonly Case[]): string[] {
  const targets = targetsOn(listBelongings());
  return cases.map(({ name, input }) => {
    try {
      return targets.find((target) => target.name === name)?.attempt(engine, input) ?? "no such target";
    } catch (error) {
      return `thrown: ${(error as Error).message}`;
    }
  });
}

export interface Disagreement extends Case {
  readonly engine: SmallTarget;
  readonly here: string;
  readonly there: string;
}

/** The cases in which a small engine does otherwise than Bun. All inputs go through one process of each. */
export async function compareEngines(
  engines: readonly SmallTarget[],
  cases: readonly Case[],
  folder: string,
): Promise<Disagreement[]> {
  const file = join(folder, "cases");
  const parts = cases.flatMap(({ name, input }) => [bytesOf(name), input]);
  await writeFile(file, joinParts([packBelongings(listBelongings()), ...parts]));
  const here = outcomesHere(cases);
  const found: Disagreement[] = [];
  for (const name of engines) {
    const program = join(folder, name);
    await buildFrom(name, PROGRAM, program);
    const child = Bun.spawn([...emulatorFor(name), program, file], { stdout: "pipe", stderr: "pipe" });
    const [out, err] = await Promise.all([new Response(child.stdout).bytes(), new Response(child.stderr).text()]);
    const lines = Buffer.from(out).toString("latin1").split("\n");
    for (const [index, each] of cases.entries()) {
      const there = lines[index] ? JSON.parse(lines[index]) : `ended before it: ${err}`;
      const wanted = here[index] ?? "";
      // Bun has nothing to unpack these.
      if (/\b(xz|lzma)/.test(there)) continue;
      if (there !== wanted) found.push({ ...each, engine: name, here: wanted, there });
    }
  }
  return found;
}
