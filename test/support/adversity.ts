// Trees and edits that nobody writes, each of any size: those for which a search in a search took minutes. And trees that count
// how often they are looked at.

import { u32Value } from "../../src/devicetree/cells.ts";
import {
  addNode,
  deleteNode,
  deleteProperty,
  type Edit,
  reserve,
  setValue,
  unreserve,
} from "../../src/devicetree/edit/edits.ts";
import { findNode, phandleOrNew } from "../../src/devicetree/references.ts";
import { stringValue } from "../../src/devicetree/strings.ts";
import type { DeviceTree, Node, Property } from "../../src/devicetree/tree.ts";

/** Numbers from 0 up, in an order that is neither up nor down. */
function shuffled(size: number): number[] {
  return Array.from({ length: size }, (_, index) => (index * 7919) % size);
}

function list<T>(size: number, make: (index: number) => T): T[] {
  return Array.from({ length: size }, (_, index) => make(index));
}

function property(name: string, value: Uint8Array = new Uint8Array(0)): Property {
  return { name, value };
}

function node(name: string, properties: Property[] = [], children: Node[] = []): Node {
  return { name, properties, children };
}

function treeOf(root: Node, reservations: DeviceTree["reservations"] = []): DeviceTree {
  return { root, reservations, address: undefined, bootCpu: 0 };
}

function words(numbers: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  for (const [index, number] of numbers.entries()) view.setUint32(4 * index, number);
  return new Uint8Array(view.buffer);
}

function nodesWithPhandles(size: number): Node[] {
  return list(size, (index) => node(`n${index}`, [property("phandle", u32Value(index + 1))]));
}

/** Aliases whose value `of` gives. */
function aliases(size: number, of: (index: number) => string): Node {
  return node(
    "aliases",
    list(size, (index) => property(`a${index}`, stringValue(of(index)))),
  );
}

/** Memory that has as many holes as it has ranges, and an entry of the reserve map in each hole. */
function holes(size: number): DeviceTree {
  const reg = words(list(size, (index) => [0, 0x10000 * index, 0, 0x8000]).flat());
  const cells = ["#address-cells", "#size-cells"].map((name) => property(name, u32Value(2)));
  const memory = node("memory@0", [property("device_type", stringValue("memory")), property("reg", reg)]);
  const entries = list(size, (index) => ({ start: 0x10000n * BigInt(index) + 0x9000n, size: 0x1000n }));
  return treeOf(
    node("", cells, [memory]),
    entries.map(({ start, size }) => ({ start, end: start + size })),
  );
}

export interface Shape {
  readonly name: string;
  tree(size: number): DeviceTree;
  edits?(size: number): Edit[];
}

const entry = (index: number) => ({ start: 16n * BigInt(index), end: 16n * BigInt(index) + 8n });

export const shapes: readonly Shape[] = [
  {
    name: "aliases that are phandles",
    tree: (size) => treeOf(node("", [], [...nodesWithPhandles(size), aliases(size, (index) => `&${index + 1}`)])),
  },
  {
    name: "aliases that are phandles of no node",
    tree: (size) =>
      treeOf(node("", [], [...nodesWithPhandles(size), aliases(size, (index) => `&${size + 1 + index}`)])),
  },
  {
    name: "aliases that are names of aliases",
    tree: (size) => treeOf(node("", [], [aliases(size, (index) => `a${(index + 1) % size}`)])),
  },
  {
    name: "aliases that are paths",
    tree: (size) => treeOf(node("", [], [...nodesWithPhandles(size), aliases(size, (index) => `/n${index}`)])),
  },
  { name: "an entry of the reserve map in each hole of memory", tree: holes },
  {
    name: "properties of one name, which are deleted",
    tree: (size) =>
      treeOf(
        node(
          "",
          list(size, () => property("p")),
        ),
      ),
    edits: () => [(tree) => deleteProperty(tree, { node: "/", name: "p" })],
  },
  {
    name: "properties, deleted one by one",
    tree: (size) =>
      treeOf(
        node(
          "",
          list(size, (index) => property(`p${index}`)),
        ),
      ),
    edits: (size) =>
      shuffled(size).map((index) => (tree: DeviceTree) => deleteProperty(tree, { node: "/", name: `p${index}` })),
  },
  {
    name: "nodes, deleted one by one by their phandles",
    tree: (size) => treeOf(node("", [], nodesWithPhandles(size))),
    edits: (size) => shuffled(size).map((index) => (tree: DeviceTree) => deleteNode(tree, `&${index + 1}`)),
  },
  {
    name: "nodes of one name and one phandle, deleted one by one",
    tree: (size) =>
      treeOf(
        node(
          "",
          [],
          list(size, () => node("n", [property("phandle", u32Value(5))])),
        ),
      ),
    edits: (size) => list(size, (index) => (tree: DeviceTree) => deleteNode(tree, index % 2 === 0 ? "/n" : "&5")),
  },
  {
    name: "nodes that are found without their unit addresses, between others that are added",
    tree: (size) =>
      treeOf(
        node(
          "",
          [],
          list(size, (index) => node(`n${index}@0`)),
        ),
      ),
    edits: (size) =>
      shuffled(size).flatMap((index) => [
        (tree: DeviceTree) => addNode(tree, "/", `m${index}@1`),
        (tree: DeviceTree) => setValue(tree, { node: `/n${index}`, name: "x" }, new Uint8Array(0)),
      ]),
  },
  {
    name: "references, of which each gives its node a phandle",
    tree: (size) =>
      treeOf(
        node(
          "",
          [],
          list(size, (index) => node(`n${index}`)),
        ),
      ),
    edits: (size) =>
      shuffled(size).map((index) => ({ root }: DeviceTree) => {
        phandleOrNew(root, findNode(root, `/n${index}`));
      }),
  },
  {
    name: "phandles that are set, and asked for",
    tree: (size) => treeOf(node("", [], nodesWithPhandles(size))),
    edits: (size) =>
      shuffled(size).flatMap((index) => [
        (tree: DeviceTree) => setValue(tree, { node: `/n${index}`, name: "phandle" }, u32Value(size + 1 + index)),
        (tree: DeviceTree) => setValue(tree, { node: `&${size + 1 + index}`, name: "x" }, new Uint8Array(0)),
      ]),
  },
  {
    name: "entries of the reserve map, added and deleted one by one",
    tree: (size) => treeOf(node(""), list(size, entry)),
    edits: (size) =>
      shuffled(size).flatMap((index) => [
        (tree: DeviceTree) => reserve(tree, [entry(size + index)]),
        (tree: DeviceTree) => unreserve(tree, entry(index)),
      ]),
  },
];

export interface Counter {
  looks: number;
}

/** The same tree, which counts each look at a node, a property or an entry of the reserve map. */
export function countLooks(tree: DeviceTree, counter: Counter): DeviceTree {
  const seen = <T extends object>(item: T): T =>
    new Proxy(item, {
      get(target, name, self) {
        counter.looks++;
        return Reflect.get(target, name, self);
      },
    });
  const counted = ({ name, properties, children }: Node): Node =>
    seen({ name, properties: properties.map(seen), children: children.map(counted) });
  return { ...tree, root: counted(tree.root), reservations: tree.reservations.map(seen) };
}
