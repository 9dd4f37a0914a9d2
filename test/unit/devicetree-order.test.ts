// The order of nodes and properties, by reading and by editing.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addChild, childOrNew, type Node, setProperty } from "../../src/devicetree/tree.ts";
import type { Argument } from "../../src/sys/engine.ts";
import { type ReadNode, readBlob } from "../support/blob-reader.ts";
import { type Call, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { makeTree, type Tree } from "../support/tree.ts";

function sorted(...names: string[]): string[] {
  const parent: Node = { name: "", properties: [], children: [] };
  for (const name of names) addChild(parent, name);
  return parent.children.map(({ name }) => name);
}

/** Names as firmware and people write them: few bases, so that the addresses decide. */
const hexadecimal = fc.stringMatching(/^[0-9a-fA-F]{1,18}$/);
const address = fc.oneof(
  hexadecimal,
  fc.array(hexadecimal, { minLength: 2, maxLength: 3 }).map((parts) => parts.join(",")),
  fc.constantFrom("", "x", "10-", "0,", ",0", "@1", "1@2"),
);
const unitName = fc
  .tuple(fc.constantFrom("cpu", "cp", "cpu-map", "l2-cache", "é"), fc.option(address, { nil: undefined }))
  .map(([base, at]) => (at === undefined ? base : `${base}@${at}`));
const names = fc.uniqueArray(unitName, { maxLength: 30 });

describe("sorting by unit address", () => {
  test("counts as firmware does, not as text does", () => {
    expect(sorted("cpu@10", "cpu@8", "cpu@f", "cpu@0", "cpu@100")).toEqual([
      "cpu@0",
      "cpu@8",
      "cpu@f",
      "cpu@10",
      "cpu@100",
    ]);
  });

  test("goes by the name before the address, in the order of bytes", () => {
    expect(
      sorted("pci@2", "cpus", "memory@20000000", "PowerPC,POWER9@8", "memory@0", "\xe9@0", "cpu-map@9", "cpu@a"),
    ).toEqual(["PowerPC,POWER9@8", "cpu@a", "cpu-map@9", "cpus", "memory@0", "memory@20000000", "pci@2", "\xe9@0"]);
  });

  test("compares the parts of an address one after the other, each as a number", () => {
    expect(sorted("dev@1f,1", "dev@3,10", "dev@3,9", "dev@3", "dev@1f")).toEqual([
      "dev@3",
      "dev@3,9",
      "dev@3,10",
      "dev@1f",
      "dev@1f,1",
    ]);
    expect(sorted("dev@03,1", "dev@3")).toEqual(["dev@3", "dev@03,1"]);
  });

  test("does not round addresses above 2^53, nor those above 2^64", () => {
    const high = ["m@20000000000001", "m@20000000000002", "m@ffffffffffffffff", "m@10000000000000000"];
    expect(sorted(...high.toReversed())).toEqual(high);
  });

  test("takes capitals and leading zeros for the same number, and the bytes decide", () => {
    expect(sorted("a@0C", "a@c", "a@00b", "a@D")).toEqual(["a@00b", "a@0C", "a@c", "a@D"]);
  });

  test("puts a name without address first, and addresses that are no numbers last", () => {
    expect(sorted("a@wlan", "a@0", "a", "a@", "a@ffff")).toEqual(["a", "a@0", "a@ffff", "a@", "a@wlan"]);
  });

  test("does not depend on the order it is given", () => {
    fc.assert(
      fc.property(names, fc.func(fc.integer()), (given, key) => {
        const shuffled = [...given].sort((a, b) => key(a) - key(b));
        expect(sorted(...shuffled)).toEqual(sorted(...given));
      }),
    );
  });

  test("puts any two nodes of one name as their addresses are as numbers", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(hexadecimal, { selector: (text) => BigInt(`0x${text}`), maxLength: 20 }),
        (addresses) => {
          const values = sorted(...addresses.map((text) => `cpu@${text}`)).map((name) => BigInt(`0x${name.slice(4)}`));
          expect(values).toEqual([...values].sort((a, b) => (a < b ? -1 : 1)));
        },
      ),
    );
  });
});

describe("a node that is changed", () => {
  const node = (): Node => ({ name: "", properties: [], children: [] });

  test("has a new property where it sorts, and an old one where it was", () => {
    const root = node();
    for (const name of ["b", "d", "c", "a", "B"]) setProperty(root, name, new Uint8Array(1));
    setProperty(root, "c", new Uint8Array(2));
    expect(root.properties.map(({ name, value }) => `${name}${value.length}`)).toEqual(["B1", "a1", "b1", "c2", "d1"]);
  });

  test("has a new child where it sorts", () => {
    const root = node();
    for (const name of ["memory@10", "chosen", "memory@8"]) childOrNew(root, name);
    expect(childOrNew(root, "chosen")).toBe(present(root.children[0]));
    expect(root.children.map(({ name }) => name)).toEqual(["chosen", "memory@8", "memory@10"]);
  });
});

describe("the blob of a directory", () => {
  const folder = temporaryFolder();

  function order(node: ReadNode): unknown[] {
    return [...node.properties.map(({ name }) => name), ...node.children.map((child) => [child.name, ...order(child)])];
  }

  test("has properties by their bytes, then nodes by unit address, in whatever order they were made", () => {
    const entries: Tree = [
      ["zeta", "1"],
      ["cpu@10", []],
      ["#b", "2"],
      [
        "cpu@8",
        [
          ["y", ""],
          ["x", ""],
          ["Y", ""],
        ],
      ],
      ["alpha", ""],
      ["\xff", ""],
    ];
    const orders = [entries, entries.toReversed(), [...entries.slice(3), ...entries.slice(0, 3)]];
    const blobs = orders.map((tree, index) => {
      makeTree(folder.in(String(index)), tree);
      return runInside({}, "fs2dt", "-b", "0x1000", folder.in(String(index))).out;
    });
    expect(order(readBlob(present(blobs[0])).root)).toEqual([
      "#b",
      "alpha",
      "zeta",
      "\xff",
      ["cpu@8", "Y", "x", "y"],
      ["cpu@10"],
    ]);
    for (const blob of blobs) expect(blob.equals(present(blobs[0]))).toBe(true);
  });

  test("is the same for any order in which the kernel lists it", () => {
    let turn = 0;
    const entry = fc.tuple(unitName, fc.boolean());
    fc.assert(
      fc.property(fc.uniqueArray(entry, { selector: ([name]) => name, minLength: 1, maxLength: 12 }), (entries) => {
        const path = folder.in(String(turn++));
        makeTree(
          path,
          entries.map(([name, isNode]) => [Buffer.from(name).toString("latin1"), isNode ? [] : "v"]),
        );
        const plain = runInside({}, "fs2dt", "-b", "0", path).out;
        expect(runInside({ on: { getdents64: backwards } }, "fs2dt", "-b", "0", path).out.equals(plain)).toBe(true);
        const { properties, children } = readBlob(plain).root;
        expect(properties.length + children.length).toBe(entries.length);
        // Reading and editing have their own ways to sort.
        const nodes = entries.filter(([, isNode]) => isNode).map(([name]) => Buffer.from(name).toString("latin1"));
        expect(children.map(({ name }) => name)).toEqual(sorted(...nodes));
      }),
      { numRuns: 100 },
    );
  });
});

/** The listing with its last entry first. */
function backwards(args: readonly Argument[], { pass }: Call): number {
  const filled = pass();
  const bytes = (args[1] as Uint8Array).subarray(0, Math.max(filled, 0));
  const records: Uint8Array[] = [];
  for (let at = 0; at < filled; at += present(records[0]).length) {
    records.unshift(bytes.slice(at, at + present(bytes[at + 16]) + 256 * present(bytes[at + 17])));
  }
  bytes.set(Buffer.concat(records));
  return filled;
}
