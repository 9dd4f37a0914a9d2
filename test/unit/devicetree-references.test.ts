// Phandles: in which property Linux looks for them, taken and free ones, and what an edit writes.

import { beforeAll, describe, expect, test } from "bun:test";
import { u32Value } from "../../src/devicetree/cells.ts";
import { removeItem } from "../../src/devicetree/changing.ts";
import { deleteNode } from "../../src/devicetree/edit/edits.ts";
import { Indexes } from "../../src/devicetree/named.ts";
import { findNode, freePhandle, phandleOf } from "../../src/devicetree/references.ts";
import { addChild, type Node, removeChild, removeProperty } from "../../src/devicetree/tree.ts";
import { bytesAt, readBlob } from "../support/blob-reader.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder({ lasts: "file" });

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

test("a name without unit address is the only node so called, among thousands too, whatever was added and removed", () => {
  const many = Array.from({ length: 2000 }, (_, index) => node(`dev${index}@${index.toString(16)}`, undefined));
  const root = node("", undefined, ...many);
  expect(findNode(root, "/dev7").path).toBe("/dev7@7");
  expect(() => findNode(root, "/new")).toThrow("/ has no node new");
  addChild(root, "new@1");
  removeChild(root, findNode(root, "/dev7").node);
  expect(findNode(root, "/new").path).toBe("/new@1");
  expect(() => findNode(root, "/dev7")).toThrow("/ has no node dev7");
  addChild(root, "dev8@7");
  expect(() => findNode(root, "/dev8")).toThrow("/dev8: may be dev8@");
});

test.each([10, 1000, 1100])("of two nodes of one name, and %i others, the first stays the first", (others) => {
  const twins = [node("dup", 2), node("dup", 3)] as const;
  const many = Array.from({ length: others }, (_, index) => node(`dev@${index.toString(16)}`, undefined));
  const root = node("", undefined, node("a", 1), twins[0], ...many, twins[1]);
  deleteNode({ root, reservations: [], address: undefined, bootCpu: 0 }, "&0x1");
  expect(findNode(root, "/dup").node).toBe(twins[0]);
});

test("an index has its own list put in order, and no other: edits of two nodes in turn would take the square of their number", () => {
  const lists = [1, 2].map((which) =>
    Array.from({ length: 1100 }, (_, index) => node(`n${which}-${index}`, undefined)),
  );
  for (const list of lists) removeItem(list, present(list[0]));
  const names = new Indexes<Node>(({ name }) => name);
  names.find(present(lists[0]), "n1-5");
  expect(lists.map((list) => list[0]?.name)).toEqual(["n1-1", "n2-1099"]);
});

test.each([10, 100, 1100])("of %i nodes that may be meant the first two in the tree are named", (count) => {
  const many = Array.from({ length: count }, (_, index) => node(`dev@${(index + 2).toString(16)}`, undefined));
  const root = node("", undefined, ...many);
  expect(() => findNode(root, "/dev")).toThrow("/dev: may be dev@2 or dev@3");
  addChild(root, "dev@1");
  expect(() => findNode(root, "/dev")).toThrow("/dev: may be dev@1 or dev@2");
});

test("a free phandle is the first that no node has", () => {
  expect(freePhandle(node("", 1, node("a", 2), node("b", undefined), node("c", 4)))).toBe(3);
});

test("of a node's two phandles the first is the first however much of the node was removed", () => {
  const properties = Array.from({ length: 2000 }, (_, index) => ({ name: `a${index}`, value: new Uint8Array(0) }));
  const both = {
    name: "n",
    properties: [
      properties[0],
      { name: "linux,phandle", value: u32Value(1) },
      ...properties.slice(1),
      { name: "phandle", value: u32Value(2) },
    ].filter((each) => each !== undefined),
    children: [],
  };
  removeProperty(both, "a0");
  expect(phandleOf(both)).toBe(1);
});

describe("a node's phandle is what Linux takes for it:", () => {
  const phandle = (...properties: readonly (readonly [name: string, ...cells: number[]])[]) =>
    phandleOf({
      name: "n",
      properties: properties.map(([name, ...words]) => ({ name, value: u32Value(...words) })),
      children: [],
    });

  test("ibm,phandle before the others, wherever it stands", () => {
    expect(phandle(["ibm,phandle", 3])).toBe(3);
    expect(phandle(["ibm,phandle", 3], ["linux,phandle", 2], ["phandle", 1])).toBe(3);
    expect(phandle(["phandle", 1], ["linux,phandle", 2], ["ibm,phandle", 3])).toBe(3);
  });

  test("else the first of phandle and linux,phandle", () => {
    expect(phandle(["linux,phandle", 2])).toBe(2);
    expect(phandle(["linux,phandle", 2], ["phandle", 1])).toBe(2);
    expect(phandle(["phandle", 1], ["reg", 7], ["linux,phandle", 2])).toBe(1);
  });

  test("never 0, and no more than the first cell", () => {
    expect(phandle(["phandle", 0])).toBe(undefined);
    expect(phandle(["phandle", 0], ["linux,phandle", 2])).toBe(2);
    expect(phandle(["ibm,phandle", 0], ["phandle", 1])).toBe(1);
    expect(phandle(["phandle"], ["linux,phandle", 2, 5])).toBe(2);
    expect(phandle(["ibm,phandle"])).toBe(undefined);
  });
});

describe("in a tree of PowerVM, where firmware's ibm,phandle is not what Open Firmware calls the node,", () => {
  const tree: Tree = [
    ["chosen", []],
    [
      "pic@0",
      [
        ["ibm,phandle", cells(0x10000011)],
        ["linux,phandle", cells(0x234)],
        ["phandle", cells(0x234)],
      ],
    ],
    ["vty@1", [["ibm,phandle", cells(0x234)]]],
    ["new@0", [["ibm,phandle", cells(0)]]],
    ["plain@0", [["phandle", cells(1)]]],
  ];
  let source: string;
  beforeAll(() => {
    source = folder.in("powervm");
    makeTree(source, tree);
  });
  const edited = (...edits: readonly string[]) => {
    const { code, err, out } = runInside({}, "dtedit", ...edits.flatMap((edit) => ["--set", edit]), source, "-");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return readBlob(out).root;
  };
  const hexOf = (root: ReturnType<typeof edited>, path: string, name: string) =>
    bytesAt(root, path, name).toString("hex");

  test("an edit refers to a node by the number that Linux finds it by", () => {
    const root = edited("/chosen/a=<&{/pic@0} &{/vty@1}>", "/chosen/b=&0x234", "/chosen/c=&0x10000011");
    expect(hexOf(root, "/chosen", "a")).toBe("1000001100000234");
    expect(bytesAt(root, "/chosen", "b").toString()).toBe("/vty@1\0");
    expect(bytesAt(root, "/chosen", "c").toString()).toBe("/pic@0\0");
  });

  test("a node that has none gets one that no property has, where Linux looks first", () => {
    const root = edited("/chosen/a=<&{/new@0}>");
    expect(hexOf(root, "/chosen", "a")).toBe("00000002");
    expect(hexOf(root, "/new@0", "ibm,phandle")).toBe("00000002");
    expect(
      freePhandle(
        node("", 1, {
          name: "a",
          properties: [
            { name: "ibm,phandle", value: u32Value(2) },
            { name: "phandle", value: u32Value(3) },
          ],
          children: [],
        }),
      ),
    ).toBe(4);
  });

  test("dtdump shows it by either number's owner, and dtcheck finds nothing wrong", () => {
    const { code, out } = runInside({}, "dtdump", source, "&0x234");
    expect({ code, out: out.toString().split(" ")[0] }).toEqual({ code: 0, out: "vty@1" });
    const found = runInside({}, "dtcheck", source).out.toString();
    expect(found.split("\n").filter((line) => line.includes("phandle"))).toEqual([
      "/new@0/ibm,phandle: error: 0x0 is not a valid phandle [phandle]",
    ]);
  });
});
