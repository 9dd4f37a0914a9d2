// Inputs that are made longer and longer: copies of a node, a property, a line, a word, each with a number of its own, so that
// they are not refused as twins of one another.

import { FIELD, headOf, MAX_BLOB } from "../../src/devicetree/format.ts";
import { treeFromBlob } from "../../src/devicetree/from/blob.ts";
import { blob } from "../../src/devicetree/to/blob.ts";
import type { DeviceTree, Node } from "../../src/devicetree/tree.ts";
import { copied } from "../../test/support/device-trees.ts";
import type { Pick } from "./mutate.ts";

/** An input with so many copies. */
export type Stretch = (copies: number) => Uint8Array;

/** The numbers of copies, in their order: a list that is kept in order takes long for one of them only. */
type Order = (copies: number) => number[];

const count: Order = (copies) => Array.from({ length: copies }, (_, index) => index);
const ORDERS: readonly Order[] = [
  count,
  (copies) => count(copies).reverse(),
  (copies) => count(copies).map((index) => (index * 7919) % copies),
];

/** As wide for each number, so that an input is twice as long where it has twice the copies. */
const digitsOf = (number: number): string => number.toString(16).padStart(5, "0");

export function stretchOf(input: Uint8Array, isText: boolean, pick: Pick): Stretch {
  const order = ORDERS[pick(ORDERS.length)] ?? count;
  const { trees, rest } = takeTrees(input);
  if (trees.length > 0 && (rest.length === 0 || pick(2) === 0)) return stretchTrees(trees, rest, order, pick);
  const head = input.subarray(0, input.length - rest.length);
  const stretched = isText || pick(8) === 0 ? stretchText(rest, order, pick) : stretchNumbers(rest, order, pick);
  return (copies) => new Uint8Array(Buffer.concat([head, stretched(copies)]));
}

/** The blobs that an input begins with. */
function takeTrees(input: Uint8Array): { readonly trees: readonly DeviceTree[]; readonly rest: Uint8Array } {
  const trees: DeviceTree[] = [];
  let rest = input;
  try {
    while (headOf(rest) !== undefined) {
      const size = new DataView(rest.buffer, rest.byteOffset).getUint32(FIELD.totalSize);
      trees.push(copied(treeFromBlob(rest.subarray(0, size), "tree")));
      rest = rest.subarray(size);
    }
  } catch {
    // The next one is none.
  }
  return { trees, rest };
}

/** In all of them the same, so that there is something to compare. */
function stretchTrees(trees: readonly DeviceTree[], rest: Uint8Array, order: Order, pick: Pick): Stretch {
  const stretchedCount = pick(2) === 0 ? trees.length : 1;
  const path = pickPath(trees[0]?.root, pick);
  const [what, at, isBefore] = [pick(4), pick(1 << 16), pick(2) === 0];
  return (copies) => {
    const made = trees.map((tree, index) => {
      const { root, ...others } = copied(tree);
      const grown = { root, ...others };
      if (index < stretchedCount) grow(grown, path, order(copies), { what, at, isBefore });
      return blob(root, { ...grown, address: undefined, version: 17, padding: 0, maxSize: MAX_BLOB });
    });
    return new Uint8Array(Buffer.concat([...made, rest]));
  };
}

function pickPath(root: Node | undefined, pick: Pick): string[] {
  const path: string[] = [];
  for (let node = root; node !== undefined && node.children.length > 0 && pick(3) > 0; ) {
    node = node.children[pick(node.children.length)];
    path.push(node?.name ?? "");
  }
  return path;
}

interface Piece {
  readonly what: number;
  /** Which one, round and round. */
  readonly at: number;
  /** Whether a node's number is before its unit address. */
  readonly isBefore: boolean;
}

function grow(
  tree: DeviceTree,
  path: readonly string[],
  numbers: readonly number[],
  { what, at, isBefore }: Piece,
): void {
  const node = path.reduce((node, name) => node.children.find((each) => each.name === name) ?? node, tree.root);
  const property = node.properties[at % node.properties.length] ?? { name: "n", value: new Uint8Array(4) };
  const child = node.children[at % node.children.length] ?? { name: "n", properties: [property], children: [] };
  switch (what) {
    case 0:
      node.children = [...node.children, ...numbers.map((number) => numberedNode(child, number, isBefore))];
      return;
    case 1:
      node.properties = [
        ...node.properties,
        ...numbers.map((number) => ({ ...property, name: `${property.name}${digitsOf(number)}` })),
      ];
      return;
    case 2: {
      const piece = property.value.length > 0 ? property.value : new Uint8Array(4);
      const value = new Uint8Array(Buffer.concat(numbers.map((number) => numberedBytes(piece, number))));
      node.properties = [...node.properties.filter((each) => each !== property), { ...property, value }];
      return;
    }
    default:
      tree.reservations = numbers.map((number) => {
        const start = BigInt(number + 1) << 16n;
        return { start, end: start + 0x1000n };
      });
  }
}

function numberedNode(node: Node, number: number, isBefore: boolean): Node {
  const [base = "", ...unit] = node.name.split("@");
  const name = isBefore ? [`${base}${digitsOf(number)}`, ...unit].join("@") : `${base}@${digitsOf(number)}`;
  const properties = node.properties.map((each) => {
    return each.name.endsWith("phandle") ? { ...each, value: numberedBytes(each.value, number) } : each;
  });
  return { name, properties, children: node.children };
}

/** With its last cell so much more. */
function numberedBytes(piece: Uint8Array, number: number): Uint8Array {
  const bytes = new Uint8Array(piece);
  if (bytes.length < 4) return bytes;
  const view = new DataView(bytes.buffer);
  view.setUint32(bytes.length - 4, (view.getUint32(bytes.length - 4) + number) >>> 0);
  return bytes;
}

/** What pieces of a text are between; after the last one they are single characters. */
const BETWEEN = ["\n", "\n", " ", ",", "/", "\0", ""];

function stretchText(input: Uint8Array, order: Order, pick: Pick): Stretch {
  const between = BETWEEN[pick(BETWEEN.length)] ?? "";
  const pieces = Buffer.from(input).toString("latin1").split(between);
  const at = pick(pieces.length);
  const piece = pieces.slice(at, at + 1 + pick(3)).join(between);
  const numbered = numbererOf(piece, pick);
  const [before, after] = [pieces.slice(0, at), pieces.slice(at)];
  return (copies) =>
    new Uint8Array(Buffer.from([...before, ...order(copies).map(numbered), ...after].join(between), "latin1"));
}

/** With a number behind a word, before each number that it has, or without one. */
function numbererOf(piece: string, pick: Pick): (number: number) => string {
  const ends = [...piece.matchAll(/\w+/g)].map(({ index, 0: word }) => index + word.length);
  const end = ends[pick(ends.length)] ?? piece.length;
  switch (pick(4)) {
    case 0:
      return () => piece;
    case 1:
      return (number) => piece.replace(/\b(0x)?(?=[0-9a-f]+\b)/g, (prefix) => `${prefix}${digitsOf(number)}`);
    default:
      return (number) => `${piece.slice(0, end)}${digitsOf(number)}${piece.slice(end)}`;
  }
}

function stretchNumbers(input: Uint8Array, order: Order, pick: Pick): Stretch {
  const at = pick(input.length + 1) & -4;
  const piece = input.slice(at, at + 4 * (1 + pick(16)));
  const isNumbered = pick(2) === 0;
  return (copies) => {
    const pieces = order(copies).map((number) => (isNumbered ? numberedBytes(piece, number) : piece));
    return new Uint8Array(Buffer.concat([input.subarray(0, at), ...pieces, input.subarray(at)]));
  };
}
