// How the work of a command grows with its input: three sizes of a shape, each twice the one before it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { joinParts, packBelongings } from "../../test/fuzz/belongings.ts";
import { listBelongings } from "../../test/fuzz/seeds.ts";
import { packCase } from "../../test/scale/case.ts";
import { caseOf, type ScaleShape } from "../../test/scale/shapes.ts";
import { inTemporaryFolder } from "../cache.ts";
import { SMALLEST } from "./growth.ts";

export interface Work {
  readonly shape: ScaleShape;
  /** Of each size: blocks of code that ran, and what the engine's own functions looked at. */
  readonly counts: readonly number[];
  /** How the largest one ended: its exit code, or what it threw. */
  readonly end: number | string;
}

/** The first is not counted: it makes what the program makes once, for any number of cases. */
const TIMES = [1, 1, 2, 4];

/** In node: Bun's engine does not tell what has run. */
export async function countWork(shapes: readonly ScaleShape[]): Promise<Work[]> {
  return inTemporaryFolder(async (folder) => {
    const entrypoints = ["program", "count"].map((name) => join(import.meta.dir, `${name}.ts`));
    await Bun.build({ entrypoints, outdir: folder, target: "node", naming: "[name].mjs" });
    const cases = shapes.flatMap((shape) =>
      TIMES.map((times) => packCase(caseOf(shape, times * (shape.least ?? SMALLEST)))),
    );
    const file = join(folder, "cases");
    await writeFile(file, joinParts([packBelongings(listBelongings()), ...cases]));
    // What is compiled into what calls it is not counted.
    const words = ["node", "--no-opt", join(folder, "count.mjs"), join(folder, "program.mjs"), file];
    const child = Bun.spawn(words, { stdout: "pipe", stderr: "inherit" });
    const told = (await new Response(child.stdout).text()).split("\n").filter((line) => line !== "");
    if ((await child.exited) !== 0) throw new Error(`${told.length} of ${cases.length} cases were counted`);
    const lines: { end: Work["end"]; count: number }[] = told.map((line) => JSON.parse(line));
    return shapes.map((shape, index) => {
      const own = lines.slice(TIMES.length * index, TIMES.length * (index + 1));
      return { shape, counts: own.slice(1).map(({ count }) => count), end: own.at(-1)?.end ?? "nothing was told" };
    });
  });
}
