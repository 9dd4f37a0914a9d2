// Deep, wide and large trees in the small engine, with as much memory as a small machine has to give.

import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import type { DeviceTree, Node } from "../../src/devicetree/tree.ts";
import { blobOf, meaning } from "../support/device-trees.ts";
import { temporaryFolder } from "../support/folder.ts";
import { buildRunners, type Run, runWith, x64 } from "../support/run.ts";
import { cells } from "../support/tree.ts";
import { blobOfStructure } from "../support/words.ts";

const MIB = 1024 * 1024;
const LIMIT = 64 * MIB;

const folder = temporaryFolder({ lasts: "file" });
beforeAll(async () => {
  await buildRunners();
}, 600_000);

/** With so many MiB of address space. */
function within(mib: number, ...args: readonly string[]): Run {
  return runWith(x64, args, { cwd: folder.path, under: ["prlimit", `--as=${mib * MIB}`] });
}

function treeOf(root: Omit<Node, "name">): DeviceTree {
  return { root: { name: "", ...root }, reservations: [], address: undefined, bootCpu: 0 };
}

function write(name: string, tree: DeviceTree): DeviceTree {
  writeFileSync(folder.in(name), blobOf(tree));
  return tree;
}

/** Bytes that are no text and no repetition. */
function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Math.imul(index + 1, 0x9e3779b1) >>> 24);
}

describe("a blob", () => {
  const MADE = [
    ["dtedit", "large", "out"],
    ["dtdump", "large"],
    ["dtdiff", "large", "large"],
    ["dtcheck", "large"],
    ["fs2dt", "-b", "0", "large"],
  ];

  test("of 64 MiB is taken, whatever is in it", () => {
    const value = noise(MIB);
    const properties = Array.from({ length: 63 }, (_, index) => ({ name: `p${index}`, value }));
    const blob = blobOf(treeOf({ properties, children: [] }), 17, 0);
    const whole = new Uint8Array(LIMIT);
    whole.set(blob);
    whole.set(cells(LIMIT), 4);
    writeFileSync(folder.in("large"), whole);
    expect(within(256, "dtedit", "large", "out")).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(folder.in("out")).equals(blob)).toBe(true);
    expect(within(256, "dtdiff", "large", "out")).toMatchObject({ code: 0, err: "" });
  }, 60_000);

  test("of one byte more is refused, with the limit, by every command", () => {
    writeFileSync(folder.in("large"), new Uint8Array(LIMIT + 1));
    for (const words of MADE) {
      expect(within(256, ...words)).toMatchObject({
        code: words[0] === "dtdiff" ? 2 : 1,
        err: `${words[0]}: large: more than ${LIMIT} bytes\n`,
      });
    }
  }, 60_000);

  test("of 64 MiB that are nothing but nodes is refused, with the limit, before it fills memory", () => {
    const nodes = Math.floor((LIMIT - 100) / 12);
    writeFileSync(
      folder.in("large"),
      blobOfStructure(Buffer.concat([cells(1, 0), Buffer.alloc(12 * nodes, cells(1, 0x78000000, 2)), cells(2, 9)])),
    );
    const { code, err } = within(768, "dtedit", "large", "out");
    expect(code).toBe(1);
    expect(err).toMatch(
      /^dtedit: large: at 0x[0-9a-f]+: too-many: more than 1000000 nodes, properties and reservations\n$/,
    );
  }, 60_000);
});

test("more of anything than a call takes arguments is compared as fewer are", () => {
  const many = 70_000;
  const properties = Array.from({ length: many }, (_, index) => ({ name: `p${index}`, value: cells(index) }));
  const children = Array.from({ length: many }, (_, index) => ({ name: `n${index}`, properties: [], children: [] }));
  write("nothing", treeOf({ properties: [], children: [] }));
  write("properties", treeOf({ properties: [], children: [{ name: "n", properties, children: [] }] }));
  write("nodes", treeOf({ properties: [], children }));
  for (const options of [[], ["--patch"]]) {
    expect(within(256, "dtdiff", ...options, "nothing", "properties")).toMatchObject({ code: 1, err: "" });
    expect(within(256, "dtdiff", ...options, "nodes", "nodes")).toMatchObject({ code: 0, err: "" });
  }
}, 60_000);

describe("is changed into nothing, and nothing into it, as into itself:", () => {
  const wide = (each: (index: number) => Node): DeviceTree =>
    treeOf({ properties: [], children: Array.from({ length: 20_000 }, (_, index) => each(index)) });

  function chain(): DeviceTree {
    let node: Node = { name: "deepest", properties: [{ name: "p", value: noise(5) }], children: [] };
    for (let depth = 1; depth < 64; depth++) node = { name: `level@${depth}`, properties: [], children: [node] };
    return treeOf({ properties: [], children: [node] });
  }

  const TREES: readonly (readonly [string, () => DeviceTree])[] = [
    [
      "a node of 20,000 children",
      () =>
        wide((index) => ({
          name: `n@${index.toString(16)}`,
          properties: [{ name: "reg", value: cells(index, 1) }],
          children: [],
        })),
    ],
    [
      "a node of 20,000 children, last first",
      () => wide((index) => ({ name: `n@${(20_000 - index).toString(16)}`, properties: [], children: [] })),
    ],
    [
      "60,000 properties in 5,000 nodes",
      () =>
        treeOf({
          properties: [],
          children: Array.from({ length: 5000 }, (_, node) => ({
            name: `n${node}`,
            properties: Array.from({ length: 12 }, (_, index) => ({ name: `p${index}`, value: noise(index * 3) })),
            children: [],
          })),
        }),
    ],
    [
      "20,000 properties in one node",
      () =>
        treeOf({
          properties: Array.from({ length: 20_000 }, (_, index) => ({ name: `p${index}`, value: cells(index) })),
          children: [],
        }),
    ],
    [
      "a property of 1 MiB and a byte",
      () => treeOf({ properties: [{ name: "p", value: noise(MIB + 1) }], children: [] }),
    ],
    [
      "a text of 1 MiB",
      () =>
        treeOf({ properties: [{ name: "p", value: new Uint8Array(MIB).fill(0x61).with(MIB - 1, 0) }], children: [] }),
    ],
    ["64 nodes, one in the other", chain],
  ];

  test.each(TREES)(
    "%s",
    (name, made) => {
      const tree = write("a", made());
      write("nothing", treeOf({ properties: [], children: [] }));
      for (const [from, to] of [
        ["nothing", "a"],
        ["a", "nothing"],
      ] as const) {
        const patch = within(256, "dtdiff", "--patch", from, to);
        expect({ code: patch.code, err: patch.err }).toEqual({ code: 1, err: "" });
        writeFileSync(folder.in("edits"), patch.out);
        expect(within(256, "dtedit", "--from", "edits", from, "out")).toMatchObject({ code: 0, err: "" });
        const after = readFileSync(folder.in(to));
        expect(meaning(treeFromBlob(readFileSync(folder.in("out")), "out")) === meaning(treeFromBlob(after, to))).toBe(
          true,
        );
      }
      const text = within(256, "dtdump", "--annotate", "a");
      expect({ code: text.code, err: text.err }).toEqual({ code: 0, err: "" });
      expect(within(256, "dtdump", "--json", "a").code).toBe(0);
      expect(within(256, "dtcheck", "a").err).toBe("");
      // More than 10,000 of anything in one node is too much for dtc's parser, or takes it minutes.
      if (name.includes("20,000")) return;
      const { exitCode, stdout } = Bun.spawnSync(["dtc", "-q", "-q", "-I", "dts", "-O", "dtb"], { stdin: text.out });
      expect(exitCode).toBe(0);
      expect(meaning(treeFromBlob(stdout, "dtc")) === meaning(tree)).toBe(true);
    },
    120_000,
  );
});
