// The functions that fs2dt is made of, as Bun runs them when it has compiled them.

import { join } from "node:path";
import { Bench as Tinybench } from "tinybench";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { treeFromDirectory } from "../../src/devicetree/from/directory.ts";
import { blob } from "../../src/devicetree/to/blob.ts";
import { nextTreeMarks } from "../../src/recipes/next-tree.ts";
import { engine } from "../../src/sys/bun.ts";
import { System } from "../../src/sys/system.ts";
import type { Bench, Findings } from "./bench.ts";
import { present } from "./present.ts";
import { row } from "./row.ts";
import { makeTree } from "./tree.ts";
import { brief, SIZES, treeOf } from "./trees.ts";

const RULES = { maxSize: 2 ** 31 - 1, strict: false, secrets: false, marks: nextTreeMarks, notice: () => {} };

export async function functionsFindings({ folder, tell }: Bench): Promise<Findings> {
  const rows = [];
  for (const size of [SIZES.power9, SIZES.large]) {
    tell(brief(size));
    const directory = join(folder, `tree-${size.nodes}`);
    makeTree(directory, treeOf(size));
    const system = new System(engine);
    const tree = treeFromDirectory(system, directory, RULES);
    const { maxSize } = RULES;
    const request = { version: 17, address: 0n, reservations: [], maxSize, bootCpu: 0, padding: 0 } as const;
    const bytes = blob(tree, request);
    const bench = new Tinybench({ time: 500, retainSamples: true });
    bench.add("treeFromDirectory", () => void treeFromDirectory(system, directory, RULES));
    bench.add("blob", () => void blob(tree, request));
    bench.add("treeFromBlob", () => void treeFromBlob(bytes, "blob"));
    for (const { name, result } of await bench.run()) {
      if (result.state !== "completed") throw new Error(`${name}: ${result.state}`);
      rows.push(row(`${name}(), ${brief(size)}`, "ms", present(result.latency.samples, `samples of ${name}`)));
    }
  }
  return { rows, samples: new Map() };
}
