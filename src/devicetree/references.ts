// How a person names a node: by its path, by an alias, by a label, by its phandle.
// Devicetree Specification 0.4, 2.2.3 (paths), 3.3 (aliases), 2.3.3 (phandle); dtc -@ writes labels into /__symbols__.

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { firstCellIn, u32Value } from "./cells.ts";
import { settleList, settleLists } from "./changing.ts";
import { findBased } from "./named.ts";
import { baseName, below, unescapeName } from "./names.ts";
import { textOf } from "./strings.ts";
import { changes, child, type Node, property, setProperty } from "./tree.ts";
import { pathOf, walk } from "./walk.ts";

/** A node that a reference names. */
export interface Match {
  readonly node: Node;
  /** Undefined for the root. */
  readonly parent: Node | undefined;
  readonly path: ByteString;
}

/**
 * The node that `reference` names: `/cpus/cpu@0`, `serial0`, `serial0/port`, `&label`, `&{/path}`, `&0x1f`. A name
 * without unit address stands for the only node that has it.
 * @throws Failure whose place is the reference
 */
export function findNode(root: Node, reference: ByteString): Match {
  const { first, rest } = splitReference(reference);
  return descend(startOf(root, first, reference), rest, reference);
}

function descend(from: Match, names: readonly ByteString[], reference: ByteString): Match {
  return names.reduce((found, name) => childOf(found, name, reference), from);
}

function namesIn(path: ByteString): ByteString[] {
  return path.split("/").filter((name) => name !== "");
}

/** `&{/a/b}/c` → `&{/a/b}` and `c`; `/a/b` → "" and `a`, `b`. */
function splitReference(reference: ByteString): { readonly first: ByteString; readonly rest: readonly ByteString[] } {
  const [, first = "", path = ""] = /^((?:&\{[^}]*\})?[^/]*)(.*)$/s.exec(reference) ?? [];
  return { first, rest: namesIn(path) };
}

function startOf(root: Node, first: ByteString, reference: ByteString): Match {
  if (first === "") return { node: root, parent: undefined, path: "/" };
  const braced = /^&\{(\/[^}]*)\}$/.exec(first)?.[1];
  if (braced !== undefined) return findNode(root, braced);
  if (/^&[0-9]/.test(first)) return nodeOfPhandle(root, first.slice(1), reference);
  const isLabel = first.startsWith("&");
  const table = isLabel ? "__symbols__" : "aliases";
  const name = unescapeName(isLabel ? first.slice(1) : first);
  const value = property(child(root, table), name);
  if (value === undefined) throw new Failure(reference, `no such ${isLabel ? "label" : "alias"} in /${table}`);
  const path = textOf(value);
  if (!path.startsWith("/")) throw new Failure(reference, `/${table}/${name} is not a path`);
  return descend(startOf(root, "", reference), namesIn(path), reference);
}

function childOf({ node, path }: Match, written: ByteString, reference: ByteString): Match {
  const name = unescapeName(written);
  const found = child(node, name) ?? onlyChildCalled(node, name, reference);
  if (found === undefined) throw new Failure(reference, `${path} has no node ${name}`);
  return { node: found, parent: node, path: below(path, found.name) };
}

function onlyChildCalled(node: Node, name: ByteString, reference: ByteString): Node | undefined {
  const [found, another] = name.includes("@") ? [] : findBased(node.children, name);
  if (another === undefined) return found;
  // The index does not keep the tree's order.
  settleList(node.children);
  const [first, second] = node.children.filter((each) => baseName(each.name) === name);
  throw new Failure(reference, `may be ${first?.name} or ${second?.name}`);
}

function nodeOfPhandle(root: Node, number: string, reference: ByteString): Match {
  const wanted = /^(0x[0-9a-fA-F]+|[0-9]+)$/.test(number) ? Number(number) : NaN;
  const [found] = phandlesOf(root).holders.get(wanted) ?? [];
  if (found === undefined) throw new Failure(reference, "no node has this phandle");
  return found;
}

/** Of PowerVM's nodes, what other nodes of the tree refer to them by. */
const IBM_PHANDLE = "ibm,phandle";

/** The properties that a node may have its phandle in. */
export const PHANDLES: readonly ByteString[] = ["phandle", "linux,phandle", IBM_PHANDLE];

/**
 * The number by which Linux finds the node (drivers/of/fdt.c populate_properties): its ibm,phandle; else phandle or
 * linux,phandle, which where they differ is the one that comes first. 0 is none. Undefined where it has none.
 */
export function phandleOf(node: Node): number | undefined {
  const [now, old, ibm] = PHANDLES.map((name) => firstCellIn(node, name) || undefined);
  if (ibm !== undefined) return ibm;
  if (now === undefined || old === undefined || now === old) return now ?? old;
  settleLists();
  return node.properties.find(({ name }) => PHANDLES.includes(name))?.name === "phandle" ? now : old;
}

/** The node's phandle. As dtc does, a node of the tree that has none is given one. */
export function phandleOrNew(root: Node, match: Match): number {
  const { node } = match;
  const known = phandleOf(node);
  if (known !== undefined) return known;
  const phandle = freePhandle(root);
  const name = property(node, IBM_PHANDLE) === undefined ? "phandle" : IBM_PHANDLE;
  keepPhandles(root, [node], () => setProperty(node, name, u32Value(phandle)), match);
  return phandle;
}

/** A phandle that no node has, in any property: readers differ in which they take. */
export function freePhandle(root: Node): number {
  const known = phandlesOf(root);
  while (known.taken.has(known.free)) known.free++;
  return known.free;
}

/** Who has which phandle in a tree. Looked over for each of thousands of references, a tree would take minutes. */
interface Phandles {
  /** `changes.ofPhandles` when this held. */
  stamp: number;
  /** By the number by which Linux finds it, the nodes that have it, in the tree's order. */
  readonly holders: Map<number, Match[]>;
  /** In how many properties each number is. */
  readonly taken: Map<number, number>;
  /** All numbers from 1 up to it are taken. */
  free: number;
}

const phandles = new WeakMap<Node, Phandles>();

function phandlesOf(root: Node): Phandles {
  const known = phandles.get(root);
  if (known?.stamp === changes.ofPhandles) return known;
  const made: Phandles = { stamp: changes.ofPhandles, holders: new Map(), taken: new Map(), free: 1 };
  walk(root, {
    enter(node, parent) {
      count(made, node, 1);
      const phandle = phandleOf(node);
      if (phandle === undefined) return true;
      const match = { node, parent: parent?.node, path: pathOf(node, parent) };
      const others = made.holders.get(phandle);
      if (others === undefined) made.holders.set(phandle, [match]);
      else others.push(match);
      return true;
    },
  });
  phandles.set(root, made);
  return made;
}

function count(known: Phandles, node: Node, by: 1 | -1): void {
  for (const name of PHANDLES) {
    const number = firstCellIn(node, name);
    if (number === undefined) continue;
    const times = (known.taken.get(number) ?? 0) + by;
    if (times > 0) known.taken.set(number, times);
    else {
      known.taken.delete(number);
      if (number > 0) known.free = Math.min(known.free, number);
    }
  }
}

/**
 * Does what gives or takes nodes of a tree their phandles, and so that the next look at the tree's phandles need not go over
 * all of it again.
 * @param touched all of which that may be true
 * @param kept the one of them that is in the tree afterwards
 */
export function keepPhandles(root: Node, touched: readonly Node[], change: () => void, kept?: Match): void {
  const known = phandles.get(root);
  if (known?.stamp !== changes.ofPhandles) {
    change();
    return;
  }
  for (const node of touched) {
    count(known, node, -1);
    const holders = known.holders.get(phandleOf(node) ?? 0);
    const at = holders === undefined ? -1 : holders.findIndex((each) => each.node === node);
    if (at >= 0) holders?.splice(at, 1);
  }
  change();
  const phandle = kept && phandleOf(kept.node);
  if (kept !== undefined) count(known, kept.node, 1);
  if (kept !== undefined && phandle !== undefined) {
    // Which of several comes first, nobody has looked.
    if ((known.holders.get(phandle)?.length ?? 0) > 0) phandles.delete(root);
    else known.holders.set(phandle, [kept]);
  }
  known.stamp = changes.ofPhandles;
}
