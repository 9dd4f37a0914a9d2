// Differences between two trees, node by node: as text for people, and as edits that turn one tree into the other.

import { Failure, hex } from "../failure.ts";
import { formatRange, type MemoryRange } from "../range.ts";
import type { ByteString, Write } from "../sys/engine.ts";
import { propertyText, type Targets } from "./diff-values.ts";
import { below, escapeName, escapePath } from "./names.ts";
import { listPerhapsOwn } from "./own-entry.ts";
import { type DeviceTree, type Node, type Property, tellingProperties } from "./tree.ts";
import { writeValue } from "./value-text.ts";
import { visit } from "./walk.ts";

/** What is on one side alone. */
type Gone<T> = { readonly before: T; readonly after?: undefined };
type Added<T> = { readonly before?: undefined; readonly after: T };
type Changed<T> = { readonly before: T; readonly after: T };

/** One difference. The order of nodes and properties is not one, nor is a `name` that only repeats the node's. */
export type Difference =
  | ({ readonly kind: "node"; readonly path: ByteString } & (Gone<Node> | Added<Node>))
  | ({ readonly kind: "property"; readonly path: ByteString } & (Gone<Property> | Added<Property> | Changed<Property>))
  | ({ readonly kind: "reservation" } & (Gone<MemoryRange> | Added<MemoryRange>))
  | ({ readonly kind: "boot-cpu" } & Changed<number>);

/** Whether two properties of one name, in nodes of this path, are the same. */
export type Same = (path: ByteString, before: Property, after: Property) => boolean;

/**
 * From `before` to `after`, parents before their children, what is gone before what is new.
 * @throws Failure where two properties or two nodes have one name
 */
export function differences(
  before: DeviceTree,
  after: DeviceTree,
  same: Same = (_, before, after) => sameBytes(before.value, after.value),
): Difference[] {
  return [
    ...reservationDifferences(before, after),
    ...(before.bootCpu === after.bootCpu
      ? []
      : [{ kind: "boot-cpu", before: before.bootCpu, after: after.bootCpu } as const]),
    ...nodeDifferences(before.root, after.root, same),
  ];
}

/** Two entries that begin at one place and each have their blob's size are the blobs' own: they are the same. */
function reservationDifferences(before: DeviceTree, after: DeviceTree): Difference[] {
  const [old, now] = [withoutOwn(before, after), withoutOwn(after, before)];
  return [
    ...without(old, now).map((range) => ({ kind: "reservation", before: range }) as const),
    ...without(now, old).map((range) => ({ kind: "reservation", after: range }) as const),
  ];
}

/** The reserve map but for entries of the blob's own length, where `other` has one of its own length too. */
function withoutOwn(tree: DeviceTree, other: DeviceTree): MemoryRange[] {
  const starts = new Set(listPerhapsOwn(other).map(({ start }) => start));
  const own = new Set(listPerhapsOwn(tree).filter(({ start }) => starts.has(start)));
  return tree.reservations.filter((range) => !own.has(range));
}

/** The `ranges` that are not among `others`. Each of `others` stands for one of them. */
function without(ranges: readonly MemoryRange[], others: readonly MemoryRange[]): MemoryRange[] {
  const left = new Map<string, number>();
  for (const range of others) left.set(formatRange(range), (left.get(formatRange(range)) ?? 0) + 1);
  return ranges.filter((range) => {
    const key = formatRange(range);
    const count = left.get(key) ?? 0;
    if (count > 0) left.set(key, count - 1);
    return count === 0;
  });
}

function nodeDifferences(before: Node, after: Node, same: Same): Difference[] {
  const found: Difference[] = [];
  const open = [{ before, after, path: "/" }];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const { before, after, path } = pair;
    for (const difference of propertyDifferences(before, after, path, same)) found.push(difference);
    const [oldNodes, newNodes] = [byName(before.children, path), byName(after.children, path)];
    for (const [name, node] of oldNodes)
      if (!newNodes.has(name)) found.push({ kind: "node", path: below(path, name), before: node });
    const both: typeof open = [];
    for (const [name, node] of newNodes) {
      const other = oldNodes.get(name);
      if (other === undefined) found.push({ kind: "node", path: below(path, name), after: node });
      else both.push({ before: other, after: node, path: below(path, name) });
    }
    for (const pair of both.reverse()) open.push(pair);
  }
  return found;
}

function propertyDifferences(before: Node, after: Node, path: ByteString, same: Same): Difference[] {
  const found: Difference[] = [];
  const oldValues = byName(tellingProperties(before), path);
  const newValues = byName(tellingProperties(after), path);
  for (const [name, property] of oldValues) {
    const other = newValues.get(name);
    if (other === undefined) found.push({ kind: "property", path, before: property });
    else if (!same(path, property, other)) found.push({ kind: "property", path, before: property, after: other });
  }
  for (const [name, property] of newValues)
    if (!oldValues.has(name)) found.push({ kind: "property", path, after: property });
  return found;
}

function byName<T extends { readonly name: ByteString }>(
  items: readonly T[],
  path: ByteString,
  work: "compared" | "added" = "compared",
): Map<ByteString, T> {
  const table = new Map<ByteString, T>();
  for (const item of items) {
    if (table.has(item.name)) throw new Failure(below(path, item.name), `is there twice, so that it cannot be ${work}`);
    table.set(item.name, item);
  }
  return table;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/**
 * Writes edits, a line each, that turn `before` into `after`; `--from` takes them.
 * @throws Failure where two properties or two nodes of what is added have one name; nothing is written then
 */
export function patchText(write: Write, found: readonly Difference[]): void {
  for (const difference of found)
    if (difference.kind === "node" && difference.after !== undefined) refuseTwins(difference.path, difference.after);
  for (const difference of found) writeEdits(write, difference);
}

function writeEdits(write: Write, difference: Difference): void {
  switch (difference.kind) {
    case "node":
      if (difference.after !== undefined) writeAdded(write, difference.path, difference.after);
      else write(`delete-node ${escapePath(difference.path)}\n`);
      return;
    case "property":
      if (difference.after !== undefined) writeSetting(write, difference.path, difference.after);
      else write(`delete ${propertyPath(difference.path, difference.before.name)}\n`);
      return;
    case "reservation":
      if (difference.after !== undefined) write(`reserve ${startAndSize(difference.after)}\n`);
      else write(`unreserve ${startAndSize(difference.before)}\n`);
      return;
    case "boot-cpu":
      write(`boot-cpu ${hex(difference.after)}\n`);
  }
}

/** An edit finds the first of them: the second would be refused, or change that one. */
function refuseTwins(path: ByteString, added: Node): void {
  visit(added, {
    enter(node, inner) {
      const own = inner === "/" ? path : path + inner;
      byName(node.children, own, "added");
      byName(tellingProperties(node), own, "added");
    },
  });
}

function writeAdded(write: Write, path: ByteString, added: Node): void {
  visit(added, {
    enter(node, inner) {
      const own = inner === "/" ? path : path + inner;
      write(`add-node ${escapePath(own)}\n`);
      for (const property of tellingProperties(node)) writeSetting(write, own, property);
    },
  });
}

function writeSetting(write: Write, path: ByteString, { name, value }: Property): void {
  write(`set ${propertyPath(path, name)}${value.length === 0 ? "" : "="}`);
  writeValue(write, name, value, Infinity, lastName(path));
  write("\n");
}

/** A property's own name may have a slash in it. */
function propertyPath(path: ByteString, name: ByteString): string {
  return below(escapePath(path), escapeName(name));
}

function startAndSize({ start, end }: MemoryRange): string {
  return `${hex(start)},${hex(end - start)}`;
}

export type Side = "before" | "after";

/** What is said of properties beside their values. */
export interface Comments {
  /** The paths of the nodes that the property refers to, by the indexes of the words that do, from `from` up to `to`. */
  targets(side: Side, path: ByteString, property: Property, from: number, to: number): Targets;
  /** The value as it is compared: of equal length, with something of its own for each node that is referred to. */
  meaning(side: Side, path: ByteString, property: Property): Uint8Array;
  remark(before: Property, after: Property): string | undefined;
}

const NO_COMMENTS: Comments = {
  targets: () => new Map(),
  meaning: (_side, _path, { value }) => value,
  remark: () => undefined,
};

/** Writes for people: a heading for each node, and lines that begin with - or +. */
export function differenceText(write: Write, found: readonly Difference[], comments: Comments = NO_COMMENTS): void {
  let heading = "";
  for (const difference of found) {
    const next = headingOf(difference);
    if (next !== heading) write(`${heading === "" ? "" : "\n"}${next}\n`);
    heading = next;
    for (const line of linesOf(difference, comments)) write(`${line}\n`);
  }
}

function headingOf(difference: Difference): string {
  if (difference.kind === "reservation") return "the reserve map";
  return difference.kind === "boot-cpu" ? "the header" : escapePath(difference.path);
}

function linesOf(difference: Difference, comments: Comments): string[] {
  switch (difference.kind) {
    case "node": {
      const { path, before, after } = difference;
      return after === undefined
        ? nodeLines("-", before, path, comments, "before")
        : nodeLines("+", after, path, comments, "after");
    }
    case "property": {
      const { path, before, after } = difference;
      const remark = before && after && comments.remark(before, after);
      return [
        ...(before === undefined ? [] : [`- ${sideText(before, path, comments, "before", after)}`]),
        ...(after === undefined ? [] : [`+ ${sideText(after, path, comments, "after", before)}`]),
        ...(remark === undefined ? [] : [`  /* ${remark} */`]),
      ];
    }
    case "reservation":
      return [
        difference.after === undefined ? `- ${startAndSize(difference.before)}` : `+ ${startAndSize(difference.after)}`,
      ];
    case "boot-cpu":
      return [`- boot cpu ${hex(difference.before)}`, `+ boot cpu ${hex(difference.after)}`];
  }
}

function nodeLines(sign: "-" | "+", node: Node, path: ByteString, comments: Comments, side: Side): string[] {
  const lines: string[] = [];
  let depth = 0;
  visit(node, {
    enter(node, inner) {
      const own = inner === "/" ? path : path + inner;
      const indent = `${sign} ${"  ".repeat(depth++)}`;
      lines.push(`${indent}${escapeName(node.name)} {`);
      for (const property of tellingProperties(node))
        lines.push(`${indent}  ${sideText(property, own, comments, side, undefined)}`);
    },
    leave: () => void lines.push(`${sign} ${"  ".repeat(--depth)}};`),
  });
  return lines;
}

function sideText(
  property: Property,
  path: ByteString,
  comments: Comments,
  side: Side,
  other: Property | undefined,
): string {
  return propertyText(property, {
    node: lastName(path),
    targets: (from, to) => comments.targets(side, path, property, from, to),
    sides: () =>
      other && [
        comments.meaning(side, path, property),
        comments.meaning(side === "before" ? "after" : "before", path, other),
      ],
  });
}

function lastName(path: ByteString): ByteString {
  return path.slice(path.lastIndexOf("/") + 1);
}
