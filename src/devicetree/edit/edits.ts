// Changes of nodes, properties and reservations. Each fails where the tree lacks what it names.

import { Failure } from "../../failure.ts";
import { formatRange, type MemoryRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { Indexes } from "../named.ts";
import { below } from "../names.ts";
import { findNode, keepPhandles, PHANDLES } from "../references.ts";
import { addChild, child, type DeviceTree, type Node, removeChild, removeProperty, setProperty } from "../tree.ts";
import { walk } from "../walk.ts";

/** A change whose syntax has been checked. Throws Failure where the tree lacks what it names. */
export type Edit = (tree: DeviceTree) => void;

/** A property, as a reference to its node and its own name. */
export interface PropertyName {
  readonly node: ByteString;
  readonly name: ByteString;
}

/** Sets a property, new or old, of a node that is there. */
export function setValue({ root }: DeviceTree, { node, name }: PropertyName, value: Uint8Array): void {
  const found = findNode(root, node);
  const set = () => setProperty(found.node, name, value);
  if (PHANDLES.includes(name)) keepPhandles(root, [found.node], set, found);
  else set();
}

export function deleteProperty({ root }: DeviceTree, { node, name }: PropertyName): void {
  const found = findNode(root, node);
  let isGone = false;
  const remove = () => {
    isGone = removeProperty(found.node, name);
  };
  if (PHANDLES.includes(name)) keepPhandles(root, [found.node], remove, found);
  else remove();
  if (!isGone) throw new Failure(below(found.path, name), "no such property");
}

/** Adds an empty node `name` to the node that `parent` refers to. */
export function addNode({ root }: DeviceTree, parent: ByteString, name: ByteString): void {
  const found = findNode(root, parent);
  if (child(found.node, name) !== undefined) throw new Failure(below(found.path, name), "is there already");
  addChild(found.node, name);
}

/** Deletes a node with all that is in it. */
export function deleteNode({ root }: DeviceTree, reference: ByteString): void {
  const { node, parent } = findNode(root, reference);
  if (parent === undefined) throw new Failure("/", "the root cannot be deleted");
  const all: Node[] = [];
  walk(node, { enter: (each) => void all.push(each) });
  keepPhandles(root, all, () => removeChild(parent, node));
}

/** Adds entries to the reserve map. */
export function reserve(tree: DeviceTree, ranges: readonly MemoryRange[]): void {
  for (const range of ranges) {
    entries.insert(tree.reservations, range);
    tree.reservations.push(range);
  }
}

/** Takes one entry out of the reserve map. */
export function unreserve(tree: DeviceTree, range: MemoryRange): void {
  const [found] = entries.find(tree.reservations, formatRange(range));
  if (found === undefined) throw new Failure(formatRange(range), "no such entry in the reserve map");
  entries.remove(tree.reservations, found);
  tree.reservations.splice(tree.reservations.indexOf(found), 1);
}

const entries = new Indexes<MemoryRange>(formatRange);
