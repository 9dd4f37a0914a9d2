// The changes that a tree is asked for, each an error where it names what is not there.

import { Failure } from "../../failure.ts";
import { formatRange, type MemoryRange, sameRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { rangesValue, u64Value } from "../cells.ts";
import { isMemory, memoryCells, memoryRanges } from "../memory.ts";
import { below } from "../names.ts";
import { findNode } from "../references.ts";
import { initrdOf } from "../reservations.ts";
import { stringValue } from "../strings.ts";
import { addChild, child, childOrNew, type DeviceTree, removeChild, removeProperty, setProperty } from "../tree.ts";

/** Below this a ppc64 crash kernel keeps using memory: its exception vectors are there (kexec-tools' KDUMP_BACKUP_LIMIT). */
const VECTORS_END = 0x10000n;

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

export function reserve(tree: DeviceTree, range: MemoryRange): void {
  tree.reservations = [...tree.reservations, range];
}

/** Takes one entry out of the reserve map. */
export function unreserve(tree: DeviceTree, range: MemoryRange): void {
  const place = tree.reservations.findIndex((each) => sameRange(each, range));
  if (place < 0) throw new Failure(formatRange(range), "no such entry in the reserve map");
  tree.reservations = tree.reservations.toSpliced(place, 1);
}

export function setBootargs({ root }: DeviceTree, text: ByteString): void {
  setProperty(childOrNew(root, "chosen"), "bootargs", stringValue(text));
}

/** The initrd's range, in the tree and in the reserve map; that of an older one is given up. */
export function setInitrd(tree: DeviceTree, range: MemoryRange): void {
  giveUpInitrd(tree);
  const chosen = childOrNew(tree.root, "chosen");
  setProperty(chosen, "linux,initrd-start", u64Value(range.start));
  setProperty(chosen, "linux,initrd-end", u64Value(range.end));
  reserve(tree, range);
}

/** Forgets the initrd, of which there has to be one. */
export function dropInitrd(tree: DeviceTree): void {
  const chosen = child(tree.root, "chosen");
  giveUpInitrd(tree);
  const removed = ["linux,initrd-start", "linux,initrd-end"].filter((name) => chosen && removeProperty(chosen, name));
  if (removed.length === 0) throw new Failure("/chosen", "no initrd");
}

/** Takes the initrd's entry, if there is one, out of the reserve map. */
export function giveUpInitrd(tree: DeviceTree): void {
  const old = initrdOf(tree.root);
  if (old !== undefined) tree.reservations = tree.reservations.filter((range) => !sameRange(range, old));
}

/** Here a partition lists the memory that it can gain and lose (LoPAR, ibm,dynamic-memory). */
const DYNAMIC_MEMORY = "ibm,dynamic-reconfiguration-memory";

/**
 * Confines a crash kernel to `usable` and the exception vectors: every memory node gets a linux,usable-memory of
 * what it has below `usable.end` (drivers/of/fdt.c early_init_dt_scan_memory takes it in place of reg).
 * What lies between, the old kernel's memory, is reserved.
 */
export function setUsableMemory(tree: DeviceTree, usable: MemoryRange): void {
  const { root } = tree;
  // A crash kernel would take all that is listed there for its own, the crashed one's memory with it.
  if (child(root, DYNAMIC_MEMORY) !== undefined) {
    throw new Failure(`/${DYNAMIC_MEMORY}`, "memory that is listed here cannot be confined");
  }
  const cells = memoryCells(root);
  const memory = root.children.filter((node) => isMemory(node));
  if (memory.length === 0) throw new Failure("/", "no memory node to confine");
  const found = memory.flatMap((node) => memoryRanges(node, cells));
  if (!found.some(({ start, end }) => start <= usable.start && usable.end <= end)) {
    throw new Failure("/", "no memory node holds the whole usable range");
  }
  for (const node of memory) {
    const kept = memoryRanges(node, cells)
      .map(({ start, end }) => ({ start, end: end < usable.end ? end : usable.end }))
      .filter(({ start, end }) => start < end);
    setProperty(node, "linux,usable-memory", rangesValue(kept, cells));
  }
  if (usable.start > VECTORS_END) reserve(tree, { start: VECTORS_END, end: usable.start });
}
