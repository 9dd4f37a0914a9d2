// One guest goes from kernel to kernel by itself, and what is kept where a kernel does not come.

import { beforeAll, expect, test } from "bun:test";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { kernel } from "../../scripts/kernels.ts";
import { chainOf } from "../../scripts/soak/chain.ts";
import { runChain } from "../../scripts/soak/run.ts";
import { present } from "../support/present.ts";

/** Seconds for each kernel; with two cores to itself it takes some ten. */
const PATIENCE = 200;
const LONGEST = 900_000;

beforeAll(async () => {
  await kernel("small-ppc64");
  await kernel("small-ppc64le");
}, 1_800_000);

test(
  "three kernels follow the first, of either byte order in turn, by kexec and by fs2dt and loadem",
  async () => {
    const ways = ["kexec", "pipeline", "pipeline"] as const;
    const chain = await chainOf({ targets: ["ppc64le", "ppc64"], ways, smp: 4, small: true, boots: 3 });
    const { passed, failure } = await runChain(chain, { timeout: PATIENCE, starving: undefined });
    expect({ passed, failure }).toEqual({ passed: 3, failure: undefined });
  },
  LONGEST,
);

test("of a chain that stands still the console is kept, and where each cpu is, twice", async () => {
  const chain = await chainOf({ targets: ["ppc64"], ways: ["kexec"], smp: 2, small: true, boots: 100 });
  // No kernel comes up in a millisecond.
  const { passed, failure } = await runChain(chain, { timeout: 0.001, starving: { cpu: 1, how: "always" } });
  const { kernel: reached, reason, folder } = present(failure);
  expect({ passed, reached, reason }).toEqual({ passed: 0, reached: 0, reason: "nothing more came after the start" });
  expect(await readFile(join(folder, "console"), "latin1")).not.toContain("soak: seen");
  for (const name of ["registers-1", "registers-2"]) {
    const registers = await readFile(join(folder, name), "latin1");
    expect(registers.match(/^NIP [0-9a-f]+/gm)).toHaveLength(2);
  }
  await rm(folder, { recursive: true });
});
