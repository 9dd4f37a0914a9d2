// The trees that are measured are the same on every machine.

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

/** Of every byte of a tree, and of the order of everything in it. */
function digest(tree: Tree): string {
  const hash = new Bun.CryptoHasher("sha256");
  const add = (entries: Tree): void => {
    for (const [name, content] of entries) {
      hash.update(`${name}\0${Array.isArray(content) ? "node" : content.length}\0`);
      if (Array.isArray(content)) add(content as Tree);
      else hash.update(content as string | Uint8Array);
    }
    hash.update("end");
  };
  add(tree);
  return hash.digest("hex").slice(0, 16);
}

describe("the trees that are measured", () => {
  test.each(Object.values({ START, ...SIZES }))("have exactly as many nodes and properties as they say: %o", (size) => {
    expect(counted(treeOf(size))).toEqual({ ...size });
  });

  test("are the same in every run, so that figures of two commits can be compared", () => {
    const digests = Object.values(SIZES).map((size) => digest(treeOf(size)));
    expect(digests).toEqual(["1fdfadfd0612de4d", "611040d42ec622ff", "8a235ba57fd57c14"]);
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
