import { describe, expect, test } from "bun:test";
import { SIZES, START, treeOf } from "../../scripts/bench/trees.ts";
import { largeTree, type Tree } from "../support/tree.ts";

function counted(tree: Tree): { nodes: number; properties: number } {
  const children = tree.filter(([, content]) => Array.isArray(content)).map(([, content]) => counted(content as Tree));
  return {
    nodes: children.reduce((sum, { nodes }) => sum + nodes, 1),
    properties: children.reduce((sum, { properties }) => sum + properties, tree.length - children.length),
  };
}

/** A tree as text in which every byte of it counts. */
function written(tree: Tree): string {
  return JSON.stringify(tree, (_, value) =>
    (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value));
}

function digest(tree: Tree): string {
  return new Bun.CryptoHasher("sha256").update(written(tree)).digest("hex").slice(0, 16);
}

describe("the trees that are measured", () => {
  test.each(Object.values({ START, ...SIZES }))("have exactly as many nodes and properties as they say: %o", (size) => {
    expect(counted(treeOf(size))).toEqual({ ...size });
  });

  test("are the same in every run, so that figures of two commits can be compared", () => {
    const digests = Object.values(SIZES).map((size) => digest(treeOf(size)));
    expect(digests).toEqual(["47749502dca8f6a1", "0d389b65b063220f", "ecc51298e57f5232"]);
  });

  test("are others from another seed", () => {
    expect(digest(largeTree(1, 386, 3_751))).not.toBe(digest(largeTree(2, 386, 3_751)));
  });

  test("have no name twice in a node", () => {
    const check = (tree: Tree): void => {
      expect(new Set(tree.map(([name]) => name)).size).toBe(tree.length);
      for (const [, content] of tree) if (Array.isArray(content)) check(content as Tree);
    };
    check(treeOf(SIZES.middle));
  });
});
