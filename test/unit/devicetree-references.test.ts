// Phandles, taken and free ones.

import { expect, test } from "bun:test";
import { u32Value } from "../../src/devicetree/cells.ts";
import { findNode, freePhandle } from "../../src/devicetree/references.ts";
import type { Node } from "../../src/devicetree/tree.ts";

function node(name: string, phandle: number | undefined, ...children: Node[]): Node {
  const properties = phandle === undefined ? [] : [{ name: "phandle", value: u32Value(phandle) }];
  return { name, properties, children };
}

test("a phandle names the first node that has it, also below one of two nodes of one name", () => {
  const wanted = node("b", 5);
  const parent = node("a", undefined, wanted);
  const root = node("", undefined, node("a", undefined), parent, node("c", 5));
  expect(findNode(root, "&5")).toEqual({ node: wanted, parent, path: "/a/b" });
  expect(findNode(node("", 7), "&0x7")).toMatchObject({ parent: undefined, path: "/" });
  expect(() => findNode(root, "&6")).toThrow("&6: no node has this phandle");
});

test("a free phandle is the first that no node has", () => {
  expect(freePhandle(node("", 1, node("a", 2), node("b", undefined), node("c", 4)))).toBe(3);
});
