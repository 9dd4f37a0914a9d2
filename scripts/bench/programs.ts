// The small C programs that measure, compiled now with the compiler at hand.

import { join } from "node:path";
import { inTemporaryFolder } from "../cache.ts";
import { runTool } from "../tool.ts";

const SOURCES = {
  measure: join(import.meta.dir, "measure.c"),
  limit: join(import.meta.dir, "../../test/bench/limit.c"),
} as const;

export type Programs = Readonly<Record<keyof typeof SOURCES, string>>;

/** Lends `work` their paths. `compiler`: "gcc", or that for another machine. They need no other file. */
export async function withPrograms<T>(compiler: string, work: (programs: Programs) => Promise<T>): Promise<T> {
  return inTemporaryFolder(async (folder) => {
    const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static"];
    const made = Object.entries(SOURCES).map(async ([name, source]) => {
      const program = join(folder, name);
      await runTool([compiler, ...flags, "-o", program, source], { env: { TMPDIR: folder } });
      return [name, program];
    });
    return work(Object.fromEntries(await Promise.all(made)) as Programs);
  });
}
