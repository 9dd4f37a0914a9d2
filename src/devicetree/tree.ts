// The device tree as a model: nodes, properties as bytes, how they are found and changed.

import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { findNamed, insertNamed, removeAllNamed, removeNamed } from "./named.ts";
import { baseName } from "./names.ts";
import { compareKeys, type SortKey, sortKey } from "./order.ts";
import { stringValue } from "./strings.ts";

/** Nodes below the root. Linux itself stops at 64 (drivers/of/fdt.c FDT_MAX_DEPTH). */
export const MAX_DEPTH = 64;

export interface Property {
  readonly name: ByteString;
  /** As in firmware: numbers big endian, strings with their NUL. */
  value: Uint8Array;
}

export interface Node {
  /** With its unit address, `memory@0`; the root's is empty. */
  readonly name: ByteString;
  properties: Property[];
  children: Node[];
  // What follows only nodes have that are still as they were read (records.ts).
  /** Which bits of MARK (marks.ts) may be set for the node itself, and for it or any node below it. */
  readonly marks?: number;
  readonly marksBelow?: number;
  /** How many properties it has, and the value of one of them, without making objects of all. */
  readonly propertyCount?: number;
  lookUp?(name: ByteString): Uint8Array | undefined;
}

/** A tree with what a blob holds besides its nodes. */
export interface DeviceTree {
  readonly root: Node;
  /**
   * The memory reserve map. The entry of the blob that it was read from is among them: where a blob lay is not in it, and
   * firmware may reserve as many bytes.
   */
  reservations: MemoryRange[];
  /** Where the blob will lie and reserves itself; undefined where it is not to do that. */
  address: bigint | undefined;
  /** Bytes of the blob that the reserve map was read from. */
  blobSize?: number | undefined;
  /** The hardware id of the cpu that boots (boot_cpuid_phys). */
  bootCpu: number;
  /** What became of the initrd that it was read with: an edit gave another, or the hand-over dropped it. */
  initrd?: "replaced" | "dropped" | undefined;
}

export function property(node: Node | undefined, name: ByteString): Uint8Array | undefined {
  if (node?.lookUp !== undefined) return node.lookUp(name);
  return node === undefined ? undefined : findNamed(node.properties, name)?.value;
}

export function propertyCount(node: Node): number {
  return node.propertyCount ?? node.properties.length;
}

export function child(node: Node | undefined, name: ByteString): Node | undefined {
  return node === undefined ? undefined : findNamed(node.children, name);
}

/** Replaces the property's value, or adds the property where its name sorts. */
export function setProperty({ properties }: Node, name: ByteString, value: Uint8Array): void {
  const present = findNamed(properties, name);
  if (present === undefined) insertNamed(properties, { name, value }, compareNames);
  else present.value = value;
  if (isPhandle(name)) changes.ofPhandles++;
}

function compareNames(a: Property, b: Property): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** How often a node may have got or lost a phandle, in any tree: who keeps a list of them looks whether it still holds. */
export const changes = { ofPhandles: 0 };

function isPhandle(name: ByteString): boolean {
  return name.endsWith("phandle");
}

/**
 * The properties that say more than the node's name does. A `name` that is what the node is called was required before
 * version 16 and left out since; Linux shows one in every node of /proc/device-tree.
 */
export function tellingProperties({ name, properties }: Node): readonly Property[] {
  return properties.some((each) => isPlainName(name, each))
    ? properties.filter((each) => !isPlainName(name, each))
    : properties;
}

function isPlainName(node: ByteString, { name, value }: Property): boolean {
  if (name !== "name") return false;
  const plain = stringValue(baseName(node));
  return value.length === plain.length && plain.every((byte, index) => value[index] === byte);
}

/** False where there is none of that name. */
export function removeProperty({ properties }: Node, name: ByteString): boolean {
  const present = findNamed(properties, name);
  if (present === undefined) return false;
  removeNamed(properties, present);
  if (findNamed(properties, name) !== undefined) removeAllNamed(properties, name);
  if (isPhandle(name)) changes.ofPhandles++;
  return true;
}

/** A child of that name, which there was not, where its unit address sorts. */
export function addChild({ children }: Node, name: ByteString): Node {
  const made: Node = { name, properties: [], children: [] };
  insertNamed(children, made, (a, b) => compareKeys(keyOf(a), keyOf(b)));
  return made;
}

const keys = new WeakMap<Node, SortKey>();

/** Of each node once: a long list is searched thousands of times. */
function keyOf(node: Node): SortKey {
  const known = keys.get(node);
  if (known !== undefined) return known;
  const made = sortKey(node.name);
  keys.set(node, made);
  return made;
}

export function removeChild({ children }: Node, removed: Node): void {
  removeNamed(children, removed);
  changes.ofPhandles++;
}

/** The child of that name, made where there is none. */
export function childOrNew(node: Node, name: ByteString): Node {
  return child(node, name) ?? addChild(node, name);
}
