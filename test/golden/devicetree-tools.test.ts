// dtdump, dtedit, dtdiff and dtcheck as whole processes: every engine makes the same of the same trees and option lines,
// and edits that one command writes are those that another takes.

import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { differences, patchText } from "../../src/devicetree/diff.ts";
import { versions } from "../../src/devicetree/format.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { SEED, sometimes } from "../support/arbitraries.ts";
import { Codes } from "../support/codes.ts";
import { blobOf, changes, deviceTrees, mutate } from "../support/device-trees.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners, bun, type Run, type Runner, runUnderEach, runWith, x64 } from "../support/run.ts";
import { treeLines } from "../support/tree-lines.ts";
import { written } from "../support/written.ts";

const CASES = 40;
/** Bun itself takes a tenth of a second to start. */
const PATCHES: readonly (readonly [Runner, number])[] = [
  [x64, 250],
  [bun, 30],
];

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  await buildRunners();
}, 600_000);

/** What all engines make of it. */
async function agreed(args: readonly string[]): Promise<Run> {
  const [reference, ...others] = await runUnderEach(args, folder.path);
  const first = present(reference);
  for (const { name, code, signal, err, out } of others) {
    expect({ args, name, code, signal, err, same: out.equals(first.out) }).toEqual({
      args,
      name,
      code: first.code,
      signal: first.signal,
      err: first.err,
      same: true,
    });
  }
  return first;
}

/** A tree, what is done to its blob, another one that its edits lead to, and a line about them. */
const cases = deviceTrees().chain((tree) =>
  fc.record({
    tree: fc.constant(tree),
    version: fc.constantFrom(...versions),
    padding: fc.nat(2),
    flips: sometimes(10, fc.tuple(fc.record({ at: fc.nat(999), bit: fc.nat(7) }))),
    changes: changes(4, 4),
    wrong: sometimes(4, fc.tuple(fc.constantFrom("set /x\n", "# \xa0\n\n", "seeds 1\n", "set /a=\xff\n"))),
    line: treeLines(tree),
  }),
);

describe("all engines make the same of", () => {
  test(`${CASES} generated trees and option lines, wrong ones among them`, async () => {
    const codes = new Codes();
    await fc.assert(
      fc.asyncProperty(cases, async ({ tree, version, padding, flips, changes, wrong, line }) => {
        const blob = Buffer.from(blobOf(tree, version, padding));
        for (const { at, bit } of flips) {
          const offset = at % blob.length;
          blob.writeUInt8(blob.readUInt8(offset) ^ (1 << bit), offset);
        }
        writeFileSync(folder.in("blob"), blob);
        const other = mutate(tree, changes);
        writeFileSync(folder.in("other"), blobOf(other));
        const lines = written((write) => patchText(write, differences(tree, other))) + wrong.join("");
        writeFileSync(folder.in("edits"), Buffer.from(lines, "latin1"));
        const { code, err } = await agreed(line);
        codes.add(code);
        // Whatever bytes are in names and values, a message is a line that a terminal shows.
        expect(err).toMatch(/^([ -~]+\n)*$/);
      }),
      { numRuns: CASES, seed: SEED },
    );
    // Otherwise this would compare errors only, or none.
    expect(codes.of(0)).toBeGreaterThan(CASES / 4);
    expect(codes.of(1) + codes.of(2)).toBeGreaterThan(CASES / 6);
  }, 600_000);

  test.each([["dtdump"], ["dtedit"], ["dtdiff"], ["dtcheck"]])(
    "the help of %s, and of what it says without a tree",
    async (name) => {
      expect((await agreed([name, "--help"])).out.toString()).toStartWith(`usage: ${name} `);
      expect((await agreed([name])).code).toBe(2);
      expect((await agreed([name, "/nonexistent", "/nonexistent"])).code).toBe(
        name === "dtdiff" || name === "dtcheck" ? 2 : 1,
      );
    },
    60_000,
  );
});

describe("what dtdiff --patch writes, dtedit --from makes of A what B is:", () => {
  test.each(PATCHES.map(([runner, count]) => [runner.name, count, runner] as const))(
    "under %s, of %d pairs",
    (_, count, runner) => {
      const unrelated = fc.tuple(deviceTrees(), deviceTrees());
      const related = fc
        .tuple(deviceTrees(), changes(5, 5))
        .map(([a, changes]): [DeviceTree, DeviceTree] => [a, mutate(a, changes)]);
      let different = 0;
      const expectPatchToLead = ([a, b]: readonly [DeviceTree, DeviceTree]): void => {
        writeFileSync(folder.in("a"), blobOf(a));
        writeFileSync(folder.in("b"), blobOf(b, 16));
        const run = (...words: readonly string[]): Run => runWith(runner, words, { cwd: folder.path });
        const patch = run("dtdiff", "--patch", "a", "b");
        expect({ err: patch.err, code: patch.code }).toEqual({ err: "", code: patch.out.length === 0 ? 0 : 1 });
        different += patch.code ?? 0;
        writeFileSync(folder.in("edits"), patch.out);
        expect(run("dtedit", "-V", "3", "--from", "edits", "a", "c")).toMatchObject({ code: 0, err: "" });
        const after = run("dtdiff", "c", "b");
        expect({ code: after.code, out: after.out.toString("latin1"), err: after.err }).toEqual({
          code: 0,
          out: "",
          err: "",
        });
      };
      fc.assert(fc.property(fc.oneof(unrelated, related), expectPatchToLead), { numRuns: count, seed: SEED });
      expect(different).toBeGreaterThan(count / 2);
    },
    300_000,
  );
});
