// Both engines, on every machine, make the same of inputs that nobody writes: the same bytes, messages and exit codes.

import { expect, test } from "bun:test";
import { compareEngines, listCases } from "../../scripts/fuzz/engines.ts";
import { lookAt, nativeTargets } from "../../scripts/fuzz/native.ts";
import { SEED } from "../support/arbitraries.ts";
import { temporaryFolder } from "../support/folder.ts";

/** Inputs for each target, on this machine and on one that is emulated. */
const CASES = { here: 24, emulated: 4 };

const folder = temporaryFolder({ lasts: "file", on: "disk" });

test.each(nativeTargets.filter(({ needs }) => needs === undefined).map((target) => [target.name, target] as const))(
  "the harness %s is sound C for what it includes",
  (_, target) => {
    const { exitCode, stderr } = Bun.spawnSync(["gcc", ...lookAt(target)]);
    expect({ exitCode, err: stderr.toString() }).toEqual({ exitCode: 0, err: "" });
  },
);

test.each([
  [CASES.here, ["x64-small"]],
  [CASES.emulated, ["ppc64", "ppc64le", "ppc", "arm64-small"]],
] as const)(
  "%i inputs for each target of test/fuzz come to the same under Bun and %p",
  async (count, engines) => {
    const cases = listCases(count, SEED);
    expect(cases.length).toBe(10 * count);
    const told = (await compareEngines(engines, cases, folder.path)).map(({ name, engine, here, there }) => ({
      ...{ name, engine, here, there },
    }));
    expect(told).toEqual([]);
  },
  600_000,
);
