// Device trees as values of the model: generated ones, changed ones, and what one means.

import fc from "fast-check";
import { MAX_BLOB, type Version } from "../../src/devicetree/format.ts";
import { baseName } from "../../src/devicetree/names.ts";
import { blob } from "../../src/devicetree/to/blob.ts";
import type { DeviceTree, Node, Property } from "../../src/devicetree/tree.ts";
import { cells } from "./tree.ts";

/** Names that mean something to readers of trees, so that generated nodes are more than noise. */
const KNOWN_NODES = ["chosen", "aliases", "memory@0", "cpus", "cpu@0", "cpu@8", "cpu@10", "n", "n@1", "rtas"];
const KNOWN_PROPERTIES = [
  "reg",
  "ranges",
  "interrupts",
  "interrupt-parent",
  "interrupts-extended",
  "phandle",
  "linux,phandle",
  "ibm,phandle",
  "#address-cells",
  "#size-cells",
  "#interrupt-cells",
  "compatible",
  "device_type",
  "status",
  "bootargs",
  "linux,initrd-start",
  "linux,initrd-end",
  "n",
  "name",
];
const PLAIN = "abcxyzABC0189,._+*#?@-";

/** One character for each byte, from 1 to 255. */
const anyByte = fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code));

function textOf(unit: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(unit, { minLength: 1, maxLength: 8 }).map((units) => units.join(""));
}

/** What names are made of: all bytes but NUL (and in a node's, the slash), or only what source text can have. */
export interface Letters {
  readonly node: fc.Arbitrary<string>;
  readonly property: fc.Arbitrary<string>;
}

export const ANY: Letters = {
  node: fc.oneof(
    fc.constantFrom(...KNOWN_NODES),
    textOf(anyByte).map((name) => name.replaceAll("/", "|")),
  ),
  property: fc.oneof(fc.constantFrom(...KNOWN_PROPERTIES), textOf(anyByte)),
};

export const WRITABLE: Letters = {
  node: fc.oneof(fc.constantFrom(...KNOWN_NODES), textOf(fc.constantFrom(...PLAIN))),
  property: fc.oneof(fc.constantFrom(...KNOWN_PROPERTIES), textOf(fc.constantFrom(...PLAIN))),
};

const cellValues = fc
  .array(fc.oneof(fc.constantFrom(0, 1, 2, 0xffffffff), fc.nat(0x7fffffff)), { maxLength: 6 })
  .map((words) => cells(...words));
const texts = fc
  .array(fc.oneof(textOf(anyByte), fc.constantFrom("", "n", "okay", 'a"b', "\\x41", "tab\t", "&n", "a=b")), {
    maxLength: 4,
  })
  .map((strings) => bytesOf(strings.map((text) => `${text}\0`).join("")));

/** Values of all kinds that firmware writes, and of none. */
export const values: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.constant(new Uint8Array(0)),
  cellValues,
  texts,
  fc.uint8Array({ maxLength: 12 }),
);

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function nodes(letters: Letters): fc.Arbitrary<Node> {
  const properties = fc.uniqueArray(fc.record({ name: letters.property, value: values }), {
    maxLength: 5,
    selector: ({ name }) => name,
  });
  return fc.letrec<{ node: Node }>((tie) => ({
    node: fc.record({
      name: letters.node,
      properties,
      children: fc.oneof(
        { depthSize: "small" },
        { weight: 1, arbitrary: fc.constant<Node[]>([]) },
        { weight: 4, arbitrary: fc.uniqueArray(tie("node"), { maxLength: 4, selector: ({ name }) => name }) },
      ),
    }),
  })).node;
}

const ranges = fc
  .tuple(fc.bigInt({ min: 0n, max: (1n << 64n) - 0x10000n }), fc.bigInt({ min: 1n, max: 0x10000n }))
  // Sizes that no blob of these tests has: a blob takes an entry of its own size for its own.
  .map(([start, size]) => ({ start, end: start + size * 8n - 1n < 1n << 64n ? start + size * 8n - 1n : 1n << 64n }));

/** Trees without two things of one name. */
export function deviceTrees(letters: Letters = ANY): fc.Arbitrary<DeviceTree> {
  return fc.record({
    root: nodes(letters).map((node) => ({ ...node, name: "" })),
    reservations: fc.array(ranges, { maxLength: 3 }),
    address: fc.constant(undefined),
    bootCpu: fc.oneof(fc.constant(0), fc.nat(0xffffffff)),
  });
}

/** A copy that shares nothing with the tree but the bytes of its values. */
export function copied(tree: DeviceTree): DeviceTree {
  return { ...tree, root: copiedNode(tree.root), reservations: [...tree.reservations] };
}

function copiedNode({ name, properties, children }: Node): Node {
  return { name, properties: properties.map((each) => ({ ...each })), children: children.map(copiedNode) };
}

const CHANGES = [
  "drop property",
  "drop node",
  "lengthen value",
  "alter value",
  "add property",
  "copy node",
  "reverse",
  "reserve",
  "boot cpu",
] as const;

/** One change to a tree. Numbers count round and round what is there, so that any change fits any tree. */
export interface Change {
  readonly does: (typeof CHANGES)[number];
  readonly node: number;
  readonly entry: number;
  /** Part of the name of what is new. */
  readonly fresh: number;
  readonly bytes: Uint8Array;
  /** What a value gets one more of, or has in another's place. */
  readonly byte: number;
  readonly start: number;
}

/** `least` to `most` changes: properties and nodes gone, new, renamed, reordered, values changed. */
export function changes(least: number, most: number): fc.Arbitrary<readonly Change[]> {
  const number = fc.nat(999);
  const change = fc.record<Change>({
    does: fc.constantFrom(...CHANGES),
    node: number,
    entry: number,
    fresh: fc.nat(4),
    bytes: fc.uint8Array({ maxLength: 8 }),
    byte: fc.nat(255),
    start: fc.nat(98),
  });
  return fc.array(change, { minLength: least, maxLength: most, size: "max" });
}

/** A changed copy. */
export function mutate(tree: DeviceTree, changes: readonly Change[]): DeviceTree {
  const changed = copied(tree);
  for (const change of changes) apply(changed, change);
  return changed;
}

function apply(tree: DeviceTree, { does, node: where, entry, fresh, bytes, byte, start }: Change): void {
  const node = at(allNodes(tree.root), where) ?? tree.root;
  const property = at(node.properties, entry);
  const child = at(node.children, entry);
  const name = `new\xfe${fresh}`;
  switch (does) {
    case "drop property":
      node.properties = node.properties.filter((each) => each !== property);
      break;
    case "drop node":
      node.children = node.children.filter((each) => each !== child);
      break;
    case "lengthen value":
      if (property !== undefined) property.value = Uint8Array.from([...property.value, byte]);
      break;
    case "alter value":
      if (property !== undefined && property.value.length > 0) {
        property.value = property.value.with(entry % property.value.length, byte);
      }
      break;
    case "add property":
      if (!node.properties.some((each) => each.name === name)) {
        node.properties = [{ name, value: bytes }, ...node.properties];
      }
      break;
    case "copy node":
      if (child !== undefined && !node.children.some((each) => each.name === name)) {
        node.children = [...node.children, { ...copiedNode(child), name }];
      }
      break;
    case "reverse":
      node.properties = node.properties.toReversed();
      node.children = node.children.toReversed();
      break;
    case "reserve": {
      // Also one that is there already, once more.
      const [first] = tree.reservations;
      const again = first !== undefined && fresh % 2 === 0;
      const added = again ? first : { start: BigInt(start), end: 101n + 2n * BigInt(entry % 50) };
      tree.reservations = tree.reservations.toSpliced(0, where % 2, added);
      break;
    }
    case "boot cpu":
      tree.bootCpu = entry % 3;
  }
}

/** The entry of that number, counted round and round; undefined where there is none. */
function at<T>(entries: readonly T[], number: number): T | undefined {
  return entries[number % entries.length];
}

function allNodes(root: Node): Node[] {
  return [root, ...root.children.flatMap(allNodes)];
}

/**
 * What a tree says, as text to compare: the order of properties, of nodes and of reservations says nothing, nor does a
 * `name` that is what the node is called.
 */
export function meaning({ root, reservations, bootCpu }: DeviceTree): string {
  const map = reservations.map(({ start, end }) => `${start.toString(16)}-${end.toString(16)}`).sort();
  return JSON.stringify({ map, bootCpu, root: nodeMeaning(root) }, undefined, 1);
}

interface Meaning {
  readonly name: string;
  readonly properties: readonly string[];
  readonly nodes: readonly Meaning[];
}

function nodeMeaning({ name, properties, children }: Node): Meaning {
  return {
    name,
    properties: properties
      .filter((each) => !isPlainName(name, each))
      .map((each) => `${each.name} ${Buffer.from(each.value).toString("hex")}`)
      .sort(),
    nodes: children.map(nodeMeaning).sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function isPlainName(node: string, { name, value }: Property): boolean {
  return name === "name" && Buffer.from(value).toString("latin1") === `${baseName(node)}\0`;
}

/** The tree as a blob of ours. */
export function blobOf(tree: DeviceTree, version: Version = 17, padding = 0): Uint8Array {
  return blob(tree.root, { ...tree, version, padding, maxSize: MAX_BLOB });
}
