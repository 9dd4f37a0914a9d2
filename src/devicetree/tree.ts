// The device tree as a model: nodes, properties as bytes, and the questions every other file asks of it.

import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";

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
  /** Which bits of MARK may be set for the node itself, and for it or any node below it. */
  readonly marks?: number;
  readonly marksBelow?: number;
  /** How many properties it has, and the value of one of them, without making objects of all. */
  readonly propertyCount?: number;
  lookUp?(name: ByteString): Uint8Array | undefined;
}

/** A tree with what a blob holds besides its nodes. */
export interface DeviceTree {
  readonly root: Node;
  /** The memory reserve map, without the blob's own entry. */
  reservations: readonly MemoryRange[];
  /** Where the blob reserves itself; undefined where it does not. */
  address: bigint | undefined;
  /** The hardware id of the cpu that boots (boot_cpuid_phys). */
  bootCpu: number;
}

/**
 * What is asked of every tree, though few nodes have to do with it. The reader of directories leaves at each node which
 * of these it may have to do with, so that nobody looks through all properties for a handful.
 */
export const MARK = {
  /** A property that says what memory is taken. */
  reservation: 1,
  /** A standard property of a wrong length, or a name that is too long. */
  oddity: 2,
  /** A property by which a machine recognizes its trees. */
  arch: 4,
  /** A property that was left empty. */
  emptied: 8,
} as const;

/** Of a node of which nothing is known before one has looked. */
export const ALL_MARKS = -1;

export interface Walker {
  /**
   * `open[depth]` is the node, `open[0]` the root, those between hold it; what is behind them is of no meaning.
   * False passes over what is below the node, which is not left either.
   */
  enter(node: Node, depth: number, open: readonly Node[]): boolean | void;
  leave?(node: Node): void;
}

/** Walks over every node before its children, in their order, without recursion: depth costs no stack. */
export function walk(root: Node, walker: Walker): void {
  const open: Node[] = [];
  const next: number[] = [];
  let depth = -1;
  for (let node: Node | undefined = root; ; node = open[depth]!.children[next[depth]!++]) {
    if (node === undefined) {
      walker.leave?.(open[depth]!);
      depth--;
    } else {
      open[depth + 1] = node;
      next[depth + 1] = 0;
      if (walker.enter(node, depth + 1, open) !== false) depth++;
    }
    if (depth < 0) return;
  }
}

/** The path of `open[depth]` as walk() hands it out. The root's is `/`. */
export function pathOf(depth: number, open: readonly Node[]): ByteString {
  return `/${open
    .slice(1, depth + 1)
    .map(({ name }) => name)
    .join("/")}`;
}

export interface Visitor {
  /** `path` is the node's full path; the root's is `/`. */
  enter(node: Node, path: ByteString): void;
  leave?(node: Node): void;
}

/** The same with every node's path. */
export function visit(root: Node, visitor: Visitor): void {
  const paths: ByteString[] = [];
  walk(root, {
    enter(node, depth) {
      paths[depth] = depth === 0 ? "" : `${paths[depth - 1]}/${node.name}`;
      visitor.enter(node, paths[depth] || "/");
    },
    leave: (node) => visitor.leave?.(node),
  });
}

/** Visits in the same way those nodes that may have one of `marks`. */
export function visitMarked(root: Node, marks: number, enter: (node: Node, path: ByteString) => void): void {
  walk(root, {
    enter(node, depth, open) {
      if (((node.marksBelow ?? ALL_MARKS) & marks) === 0) return false;
      if (mayHave(node, marks)) enter(node, pathOf(depth, open));
      return true;
    },
  });
}

/** Whether a look at its properties may find what one of `marks` stands for. */
export function mayHave(node: Node, marks: number): boolean {
  return ((node.marks ?? ALL_MARKS) & marks) !== 0;
}

/** The name without its unit address. */
export function baseName(name: ByteString): ByteString {
  const at = name.indexOf("@");
  return at < 0 ? name : name.slice(0, at);
}

export function property(node: Node | undefined, name: ByteString): Uint8Array | undefined {
  if (node?.lookUp !== undefined) return node.lookUp(name);
  return node === undefined ? undefined : named(node.properties, name)?.value;
}

export function propertyCount(node: Node): number {
  return node.propertyCount ?? node.properties.length;
}

export function child(node: Node | undefined, name: ByteString): Node | undefined {
  return node === undefined ? undefined : named(node.children, name);
}

interface Named {
  readonly name: ByteString;
}

/** From so many on a list has an index. */
const LONG = 32;

interface Index<T> {
  /** Of the list when it was indexed. */
  length: number;
  readonly first: Map<ByteString, T>;
}

/** Of long lists: edits in thousands, of a node with thousands of children, would take minutes without. */
const indexes = new WeakMap<readonly Named[], Index<Named>>();

/** The first of that name. */
function named<T extends Named>(items: readonly T[], name: ByteString): T | undefined {
  if (items.length < LONG) return items.find((candidate) => candidate.name === name);
  let index = indexes.get(items) as Index<T> | undefined;
  if (index?.length !== items.length) {
    index = { length: items.length, first: new Map(items.toReversed().map((item) => [item.name, item])) };
    indexes.set(items, index);
  }
  return index.first.get(name);
}

/** Adds one whose name is new, between one that sorts before it and one that sorts behind it. */
function insert<T extends Named>(items: T[], item: T, sortsBehind: (other: T) => boolean): void {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sortsBehind(items[middle]!)) high = middle;
    else low = middle + 1;
  }
  const index = indexes.get(items);
  if (index?.length === items.length) {
    index.first.set(item.name, item);
    index.length++;
  }
  items.splice(low, 0, item);
}

function remove<T extends Named>(items: T[], item: T): void {
  const index = indexes.get(items);
  // Where there are two of one name, another one is the first now.
  if (index !== undefined && index.first.size === index.length && index.length === items.length) {
    index.first.delete(item.name);
    index.length--;
  } else {
    indexes.delete(items);
  }
  items.splice(items.indexOf(item), 1);
}

/** Replaces the property's value, or adds the property where its name sorts. */
export function setProperty({ properties }: Node, name: ByteString, value: Uint8Array): void {
  const present = named(properties, name);
  if (present === undefined) insert(properties, { name, value }, (other) => other.name > name);
  else present.value = value;
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
  const present = named(properties, name);
  if (present === undefined) return false;
  for (let each: Property | undefined = present; each !== undefined; each = named(properties, name))
    remove(properties, each);
  return true;
}

/** A child of that name, which there was not, where its unit address sorts. */
export function addChild({ children }: Node, name: ByteString): Node {
  const made: Node = { name, properties: [], children: [] };
  const key = sortKey(name);
  insert(children, made, (other) => compareKeys(sortKey(other.name), key) > 0);
  return made;
}

export function removeChild({ children }: Node, removed: Node): void {
  remove(children, removed);
}

/** The child of that name, made where there is none. */
export function childOrNew(node: Node, name: ByteString): Node {
  return child(node, name) ?? addChild(node, name);
}

function compareBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

interface SortKey {
  readonly base: ByteString;
  /** The unit address's comma separated parts as hexadecimal digits without leading zeros; undefined if it is something else. */
  readonly parts: readonly string[] | undefined;
  readonly whole: ByteString;
}

function sortKey(name: ByteString): SortKey {
  const base = baseName(name);
  const address = name.slice(base.length + 1).toLowerCase();
  const numeric = name === base || /^[0-9a-f]+(,[0-9a-f]+)*$/.test(address);
  const parts = name === base ? [] : address.split(",").map((part) => part.replace(/^0+/, ""));
  return { base, parts: numeric ? parts : undefined, whole: name };
}

/** By name, then by unit address as a number: cpu@8 before cpu@10, as the firmware counts them. */
function compareKeys(a: SortKey, b: SortKey): number {
  return compareBytes(a.base, b.base) || compareAddresses(a.parts, b.parts) || compareBytes(a.whole, b.whole);
}

/** Numbers before anything else; digits without leading zeros are larger when there are more of them. */
function compareAddresses(a: readonly string[] | undefined, b: readonly string[] | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  for (let index = 0; index < a.length && index < b.length; index++) {
    const [x, y] = [a[index]!, b[index]!];
    if (x !== y) return x.length - y.length || compareBytes(x, y);
  }
  return a.length - b.length;
}

/** Arguments that a call may have: engines differ, and this is far below all of them. */
const CHUNK = 4096;

/** The bytes from `start` to `end` as text. */
export function textIn(bytes: Uint8Array, start = 0, end = bytes.length): ByteString {
  let text = "";
  for (let at = start; at < end; at += CHUNK) {
    // As an array, which it is to apply(): spreading goes through an iterator, byte by byte.
    const chunk = bytes.subarray(at, Math.min(at + CHUNK, end)) as unknown as number[];
    text += String.fromCharCode.apply(null, chunk);
  }
  return text;
}

/** Appends NUL: a string as firmware writes it. */
export function stringValue(text: ByteString): Uint8Array {
  return Uint8Array.from([...text, "\0"], (character) => character.charCodeAt(0));
}

export function u32Value(...numbers: readonly number[]): Uint8Array {
  const value = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => value.setUint32(4 * index, number));
  return new Uint8Array(value.buffer);
}

export function u64Value(...numbers: readonly bigint[]): Uint8Array {
  const value = new DataView(new ArrayBuffer(8 * numbers.length));
  numbers.forEach((number, index) => value.setBigUint64(8 * index, number));
  return new Uint8Array(value.buffer);
}

/** A number of `cells` 32-bit words; undefined where the value ends before it. */
export function cellsAt(value: Uint8Array, offset: number, cells: number): bigint | undefined {
  if (offset + 4 * cells > value.length) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  let number = 0n;
  for (let cell = 0; cell < cells; cell++) number = (number << 32n) | BigInt(view.getUint32(offset + 4 * cell));
  return number;
}

/** The property's one cell; undefined where it is absent or of another length. */
export function cellIn(node: Node, name: ByteString): number | undefined {
  const value = property(node, name);
  return value?.length === 4 ? Number(cellsAt(value, 0, 1)) : undefined;
}
