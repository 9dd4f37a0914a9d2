// How long the small engine takes for a shape of a MiB.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { joinParts, packBelongings } from "../../test/fuzz/belongings.ts";
import { listBelongings } from "../../test/fuzz/seeds.ts";
import { packCase } from "../../test/scale/case.ts";
import { caseOf, type ScaleShape } from "../../test/scale/shapes.ts";
import { buildFrom } from "../build.ts";
import { inTemporaryFolder } from "../cache.ts";
import { ensure } from "../setup.ts";

export interface Seconds {
  readonly shape: ScaleShape;
  /** In user mode, of a cpu, without those of an empty input. */
  readonly seconds: number;
  /** As the program told it, or why it told nothing. */
  readonly end: string;
}

const PROGRAM = join(import.meta.dir, "../../test/scale/program.ts");

/** Seconds of a cpu, after which it is ended. */
const PATIENCE = 60;

/** Tells each as it is measured. */
export async function measureSeconds(shapes: readonly ScaleShape[], tell: (seconds: Seconds) => void): Promise<void> {
  await ensure("engine-x64-small");
  await inTemporaryFolder(async (folder) => {
    const [program, file] = [join(folder, "program"), join(folder, "case")];
    await buildFrom("x64-small", PROGRAM, program);
    const belongings = packBelongings(listBelongings());
    const take = async (shape: ScaleShape, size: number) => {
      await writeFile(file, joinParts([belongings, packCase(caseOf(shape, size))]));
      const child = Bun.spawn(["prlimit", `--cpu=${PATIENCE}`, program, file], { stdout: "pipe", stderr: "pipe" });
      const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
      await child.exited;
      const user = Number(child.resourceUsage()?.cpuTime.user ?? 0) / 1e6;
      return { user, end: child.signalCode === null ? out.trim() || err.trim() : `${child.signalCode}` };
    };
    // To read what the machine has, and to begin.
    const idle = shapes[0] === undefined ? 0 : (await take({ ...shapes[0], words: () => ["--version"] }, 1)).user;
    for (const shape of shapes) {
      const { user, end } = await take(shape, shape.most);
      tell({ shape, seconds: Math.max(0, user - idle), end });
    }
  });
}
