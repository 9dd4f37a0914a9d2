// The small C programs that measure, compiled now with the compiler at hand.

import { join } from "node:path";
import { inTemporaryFolder } from "../cache.ts";
import type { Toolchain } from "../machines/machine.ts";
import { runTool } from "../tool.ts";

const SOURCES = {
  limit: join(import.meta.dir, "../../test/bench/limit.c"),
  "limit-load": join(import.meta.dir, "limit-load.c"),
  measure: join(import.meta.dir, "measure.c"),
  memory: join(import.meta.dir, "memory.c"),
  timebase: join(import.meta.dir, "timebase.c"),
} as const;

type Name = keyof typeof SOURCES;

const HERE = ["limit", "measure"] as const satisfies readonly Name[];
const IN_GUESTS = [...HERE, "limit-load", "memory", "timebase"] as const satisfies readonly Name[];

/** Paths. */
export type Programs = Readonly<Record<(typeof HERE)[number], string>>;
export type GuestPrograms = Readonly<Record<(typeof IN_GUESTS)[number], string>>;

/** Lends `work` those for this machine. They need no other file. */
export function withPrograms<T>(work: (programs: Programs) => Promise<T>): Promise<T> {
  return withCompiled("gcc", HERE, work);
}

/** Those for the guests whose programs these tools make. */
export function withGuestPrograms<T>({ prefix }: Toolchain, work: (programs: GuestPrograms) => Promise<T>): Promise<T> {
  return withCompiled(`${prefix}gcc`, IN_GUESTS, work);
}

async function withCompiled<N extends Name, T>(
  compiler: string,
  names: readonly N[],
  work: (programs: Readonly<Record<N, string>>) => Promise<T>,
): Promise<T> {
  return inTemporaryFolder(async (folder) => {
    const made = names.map(async (name) => [name, await compile(compiler, name, folder)]);
    return work(Object.fromEntries(await Promise.all(made)) as Record<N, string>);
  });
}

/** Makes `name` in `folder`, and returns its path. */
export async function compile(compiler: string, name: Name, folder: string): Promise<string> {
  const program = join(folder, name);
  const flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-static"];
  await runTool([compiler, ...flags, "-o", program, SOURCES[name]], { env: { TMPDIR: folder } });
  return program;
}
