// Changes of nodes, properties and reservations. Each fails where the tree lacks what it names.

import { Failure } from "../../failure.ts";
import { formatRange, inPages, type MemoryRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { append, removeItem } from "../changing.ts";
import { Indexes } from "../named.ts";
import { below } from "../names.ts";
import { findNode, keepPhandles, PHANDLES } from "../references.ts";
import { addChild, child, type DeviceTree, removeChild, removeProperty, setProperty } from "../tree.ts";
import { listBelow } from "../walk.ts";

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
  keepPhandles(root, listBelow(node), () => removeChild(parent, node));
}

/** Adds entries to the reserve map. */
export function reserve(tree: DeviceTree, ranges: readonly MemoryRange[]): void {
  for (const range of ranges) {
    entries.insert(tree.reservations, range);
    append(tree.reservations, range);
  }
}

/** Takes one entry out of the reserve map. */
export function unreserve(tree: DeviceTree, range: MemoryRange): void {
  if (!giveUp(tree, range)) throw new Failure(formatRange(range), "no such entry in the reserve map");
}

/** False where there is no such entry. */
function giveUp({ reservations }: DeviceTree, range: MemoryRange): boolean {
  const [found] = entries.find(reservations, formatRange(range));
  if (found === undefined) return false;
  entries.remove(reservations, found);
  removeItem(reservations, found);
  return true;
}

/** Takes all entries out of the reserve map that are this range, or it in whole pages. */
export function giveUpPages(tree: DeviceTree, range: MemoryRange): void {
  for (const pages of inPages(range)) while (giveUp(tree, pages));
}

const entries = new Indexes<MemoryRange>(formatRange);
