// dtdump, dtedit, dtdiff and dtcheck as whole processes: every engine makes the same of the same trees and option lines,
// and edits that one command writes are those that another takes.

import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { differences, patchText } from "../../src/devicetree/diff.ts";
import { versions } from "../../src/devicetree/format.ts";
import { escapedName, escapedPath } from "../../src/devicetree/names.ts";
import { type DeviceTree } from "../../src/devicetree/tree.ts";
import { visit } from "../../src/devicetree/walk.ts";
import { blobOf, deviceTrees, mutated } from "../support/device-trees.ts";
import { temporaryFolder } from "../support/folder.ts";
import { buildRunners, bun, type Run, type Runner, runners, runUnderEach, runWith, x64 } from "../support/run.ts";
import { randomNumbers } from "../support/tree.ts";

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
  const [first, ...others] = await runUnderEach(args, folder.path);
  for (const [index, { code, signal, err, out }] of others.entries()) {
    const { name } = runners[index + 1]!;
    expect({ args, name, code, signal, err, same: out.equals(first!.out) }).toEqual({
      args,
      name,
      code: first!.code,
      signal: first!.signal,
      err: first!.err,
      same: true,
    });
  }
  return first!;
}

type Random = (limit: number) => number;

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)]!;
}

/** Paths of what is in the tree, as the edits write them. */
function placesIn({ root }: DeviceTree): { nodes: string[]; properties: string[] } {
  const nodes: string[] = [];
  const properties: string[] = [];
  visit(root, {
    enter(node, path) {
      nodes.push(escapedPath(path));
      for (const { name } of node.properties)
        properties.push(`${path === "/" ? "" : escapedPath(path)}/${escapedName(name)}`);
    },
  });
  return { nodes, properties };
}

const VALUES = [
  '="text"',
  '="a", "b\\n\\x00\\"", <1 0x2 03>',
  "=<-1>",
  "=[00 ff]",
  "=[0]",
  "=/bits/ 64 <0x123456789abcdef0 -1>",
  "=/bits/ 8 <256>",
  "=&{/}",
  "=<&{/} &{/chosen}>",
  "=&nonesuch",
  "=<1",
  '="open',
  "",
  "=",
  "=<>",
  "=[]",
  "=\xa0",
  '="\xe9\xff"',
  "=/bits/ 16 <&{/}>",
  "=<08>",
];

function editOptions(random: Random, tree: DeviceTree): string[] {
  const { nodes, properties } = placesIn(tree);
  const node = (): string =>
    pick(random, [...nodes, "/nonesuch", "chosen", "&label", "&1", "&0x2", "/n", "&{/cpus}", ""]);
  const property = (): string =>
    pick(random, [...properties, `${node()}/new`, `${node()}/\\xff`, "/", "x", `${node()}/`]);
  const one = [
    () => ["--set", property() + pick(random, VALUES)],
    () => ["--set", property() + pick(random, VALUES)],
    () => ["--delete", property()],
    () => ["--add-node", `${node()}/new@${random(9)}`],
    () => ["--delete-node", node()],
    () => ["-B", pick(random, ["quiet", "", "\xe9 = \xa0"])],
    () => ["-i", pick(random, ["0x1000,0x2000", "0x2000,0x1000", "nonesuch@0x8000", "edits@0x8000", "1"])],
    () => ["--no-initrd"],
    () => ["--usable", "0x1000,0x1000"],
    () => ["--reserve", pick(random, ["0x1000,0x10", "0,0", "1,2,3", "0x1000,8,0x2000,8"])],
    () => ["--unreserve", pick(random, ["0x1000,0x10", "0x2000,8"])],
    () => ["--boot-cpu", pick(random, ["1", "0x100000000"])],
    () => ["--from", pick(random, ["edits", "edits", "edits", "nonesuch"])],
  ];
  return Array.from({ length: random(4) }, () => pick(random, one)()).flat();
}

function optionLine(random: Random, tree: DeviceTree): string[] {
  const { nodes } = placesIn(tree);
  const sometimes = (chance: number, ...words: readonly string[]): string[] => (random(chance) === 0 ? [...words] : []);
  switch (random(6)) {
    case 0:
      return [
        "dtdump",
        ...sometimes(2, "-a"),
        "blob",
        ...sometimes(2, pick(random, [...nodes, "chosen", "/nonesuch", "&9"])),
      ];
    case 1:
      return ["dtdump", "--json", ...sometimes(8, "-a"), "blob", ...sometimes(3, pick(random, nodes))];
    case 2:
      return [
        "dtdiff",
        ...sometimes(2, "--patch"),
        "blob",
        pick(random, ["other", "other", "other", "blob", "nonesuch"]),
      ];
    case 3:
      return ["dtcheck", ...sometimes(3, "--skip", pick(random, ["reg,memory", "nonesuch"])), "blob"];
    default:
      return [
        "dtedit",
        ...sometimes(2, "-O", pick(random, ["dtb", "dts", "json", "elf"])),
        ...sometimes(2, "-V", pick(random, ["1", "2", "3", "16", "17", "4"])),
        ...sometimes(4, "--pad", pick(random, ["100", "0", "x"])),
        ...sometimes(4, "-b", pick(random, ["0x8000", "4"])),
        ...editOptions(random, tree),
        ...sometimes(6, "--check"),
        "blob",
        "-",
      ];
  }
}

describe("all engines make the same of", () => {
  test(`${CASES} generated trees and option lines, wrong ones among them`, async () => {
    const codes = [0, 0, 0];
    const random = randomNumbers(4);
    for (const [index, tree] of fc.sample(deviceTrees(), { seed: 4, numRuns: CASES }).entries()) {
      const blob = blobOf(tree, pick(random, versions), random(3));
      if (random(10) === 0) blob[random(blob.length)]! ^= 1 << random(8);
      writeFileSync(folder.in("blob"), blob);
      const other = mutated(tree, index, 4);
      writeFileSync(folder.in("other"), blobOf(other));
      const lines =
        patchText(differences(tree, other)) +
        (random(4) === 0 ? pick(random, ["set /x\n", "# \xa0\n\n", "seeds 1\n", "set /a=\xff\n"]) : "");
      writeFileSync(folder.in("edits"), Buffer.from(lines, "latin1"));
      const { code, err } = await agreed(optionLine(random, tree));
      codes[code!]!++;
      // Whatever bytes are in names and values, a message is a line that a terminal shows.
      expect(err).toMatch(/^([ -~]+\n)*$/);
    }
    // Otherwise this would compare errors only, or none.
    expect(codes[0]).toBeGreaterThan(CASES / 4);
    expect(codes[1]! + codes[2]!).toBeGreaterThan(CASES / 6);
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
      const pairs = fc.sample(fc.tuple(deviceTrees(), deviceTrees(), fc.nat(), fc.boolean()), {
        seed: 5,
        numRuns: count,
      });
      let different = 0;
      for (const [a, unrelated, seed, mutates] of pairs) {
        writeFileSync(folder.in("a"), blobOf(a));
        writeFileSync(folder.in("b"), blobOf(mutates ? mutated(a, seed, 5) : unrelated, 16));
        const patch = runWith(runner, ["dtdiff", "--patch", "a", "b"], { cwd: folder.path });
        expect({ err: patch.err, code: patch.code }).toEqual({ err: "", code: patch.out.length === 0 ? 0 : 1 });
        different += patch.code!;
        writeFileSync(folder.in("edits"), patch.out);
        expect(runWith(runner, ["dtedit", "-V", "3", "--from", "edits", "a", "c"], { cwd: folder.path })).toMatchObject(
          {
            code: 0,
            err: "",
          },
        );
        const after = runWith(runner, ["dtdiff", "c", "b"], { cwd: folder.path });
        expect({ code: after.code, out: after.out.toString("latin1"), err: after.err }).toEqual({
          code: 0,
          out: "",
          err: "",
        });
      }
      expect(different).toBeGreaterThan(count / 2);
    },
    300_000,
  );
});
