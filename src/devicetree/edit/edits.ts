// Changes of nodes, properties and reservations. Each fails where the tree lacks what it names.

import { Failure } from "../../failure.ts";
import { formatRange, type MemoryRange, sameRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { below } from "../names.ts";
import { findNode } from "../references.ts";
import { addChild, child, type DeviceTree, removeChild, removeProperty, setProperty } from "../tree.ts";

/** A change whose syntax has been checked. Throws Failure where the tree lacks what it names. */
export type Edit = (tree: DeviceTree) => void;

/** A property, as a reference to its node and its own name. */
export interface PropertyName {
  readonly node: ByteString;
  readonly name: ByteString;
}

/** Sets a property, new or old, of a node that is there. */
export function setValue({ root }: DeviceTree, { node, name }: PropertyName, value: Uint8Array): void {
  setProperty(findNode(root, node).node, name, value);
}

export function deleteProperty({ root }: DeviceTree, { node, name }: PropertyName): void {
  const found = findNode(root, node);
  if (!removeProperty(found.node, name)) throw new Failure(below(found.path, name), "no such property");
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
  removeChild(parent, node);
}

/** Adds entries to the reserve map. */
export function reserve(tree: DeviceTree, ranges: readonly MemoryRange[]): void {
  tree.reservations = [...tree.reservations, ...ranges];
}

/** Takes one entry out of the reserve map. */
export function unreserve(tree: DeviceTree, range: MemoryRange): void {
  const index = tree.reservations.findIndex((each) => sameRange(each, range));
  if (index < 0) throw new Failure(formatRange(range), "no such entry in the reserve map");
  tree.reservations = tree.reservations.toSpliced(index, 1);
}
