// npm run corpus: every device tree command over every tree of a folder.

import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, Failure } from "../src/failure.ts";
import { build } from "./build.ts";
import { inTemporaryFolder } from "./cache.ts";
import { endWith, print } from "./command.ts";
import { type Choices, HELP, parseChoices } from "./corpus/choices.ts";
import { examine } from "./corpus/examine.ts";
import { type Result, report } from "./corpus/report.ts";
import { blobOf, type TreeFile, treesIn } from "./corpus/trees.ts";
import { emulatorFor } from "./machines/machines.ts";
import { withProgress } from "./progress.ts";
import { ensure } from "./setup.ts";

/** In the order of `trees`. */
async function examineAll(trees: readonly TreeFile[], { target, includes, jobs }: Choices): Promise<Result[]> {
  const command = [...emulatorFor(target), await build(target)];
  return withProgress("examining trees", (tell) =>
    inTemporaryFolder(async (folder) => {
      const results: Result[] = [];
      let next = 0;
      const work = async (): Promise<void> => {
        for (let index = next++; index < trees.length; index = next++) {
          const tree = trees[index];
          if (tree === undefined) return;
          tell(`${index} of ${trees.length}`);
          const place = join(folder, `${index}`);
          await mkdir(place);
          results[index] = await resultOf(tree, includes, command, place);
          await rm(place, { recursive: true });
        }
      };
      await Promise.all(Array.from({ length: jobs }, work));
      return results;
    }, "memory"),
  );
}

async function resultOf(
  tree: TreeFile,
  includes: readonly string[],
  command: readonly string[],
  place: string,
): Promise<Result> {
  try {
    return { tree, examined: await examine(await blobOf(tree, includes, place), command, place) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { tree, notCompiled: `${error.place}: ${error.fact}` };
  }
}

async function main(args: readonly string[]): Promise<number> {
  const choices = parseChoices(args);
  if (choices === undefined) {
    await print(HELP);
    return EXIT.done;
  }
  await ensure("corpus");
  const trees: TreeFile[] = [];
  for (const folder of choices.folders) trees.push(...(await treesIn(folder)));
  if (trees.length === 0) throw new Failure(choices.folders.join(" "), "no blob and no source is there");
  const results = await examineAll(trees, choices);
  await print(report(results, choices));
  return results.some(({ examined }) => (examined?.faults.length ?? 0) > 0) ? EXIT.input : EXIT.done;
}

if (import.meta.main) await endWith("corpus", () => main(process.argv.slice(2)));
