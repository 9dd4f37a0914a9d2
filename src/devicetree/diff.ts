// Differences between two trees, node by node: as text for people, and as edits that turn one tree into the other.

import { Failure, hex } from "../failure.ts";
import { formatRange, type MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { below, escapeName, escapePath } from "./names.ts";
import { type DeviceTree, type Node, type Property, tellingProperties } from "./tree.ts";
import { valueText } from "./values.ts";
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

/**
 * From `before` to `after`, parents before their children, what is gone before what is new.
 * @throws Failure where two properties or two nodes have one name
 */
export function differences(before: DeviceTree, after: DeviceTree): Difference[] {
  return [
    ...reservationDifferences(before.reservations, after.reservations),
    ...(before.bootCpu === after.bootCpu
      ? []
      : [{ kind: "boot-cpu", before: before.bootCpu, after: after.bootCpu } as const]),
    ...nodeDifferences(before.root, after.root),
  ];
}

function reservationDifferences(before: readonly MemoryRange[], after: readonly MemoryRange[]): Difference[] {
  return [
    ...without(before, after).map((range) => ({ kind: "reservation", before: range }) as const),
    ...without(after, before).map((range) => ({ kind: "reservation", after: range }) as const),
  ];
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

function nodeDifferences(before: Node, after: Node): Difference[] {
  const found: Difference[] = [];
  const open = [{ before, after, path: "/" }];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const { before, after, path } = pair;
    for (const difference of propertyDifferences(before, after, path)) found.push(difference);
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

function propertyDifferences(before: Node, after: Node, path: ByteString): Difference[] {
  const found: Difference[] = [];
  const oldValues = byName(tellingProperties(before), path);
  const newValues = byName(tellingProperties(after), path);
  for (const [name, property] of oldValues) {
    const other = newValues.get(name);
    if (other === undefined) found.push({ kind: "property", path, before: property });
    else if (!sameBytes(property.value, other.value))
      found.push({ kind: "property", path, before: property, after: other });
  }
  for (const [name, property] of newValues)
    if (!oldValues.has(name)) found.push({ kind: "property", path, after: property });
  return found;
}

function byName<T extends { readonly name: ByteString }>(items: readonly T[], path: ByteString): Map<ByteString, T> {
  const table = new Map<ByteString, T>();
  for (const item of items) {
    if (table.has(item.name))
      throw new Failure(below(path, item.name), "is there twice, so that it cannot be compared");
    table.set(item.name, item);
  }
  return table;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Edits, a line each, that turn `before` into `after`; `--from` takes them. */
export function patchText(found: readonly Difference[]): string {
  return found
    .flatMap(editsFor)
    .map((line) => `${line}\n`)
    .join("");
}

function editsFor(difference: Difference): string[] {
  switch (difference.kind) {
    case "node":
      if (difference.after !== undefined) return editsThatAdd(difference.path, difference.after);
      return [`delete-node ${escapePath(difference.path)}`];
    case "property": {
      const { path } = difference;
      if (difference.after !== undefined) return [`set ${assignment(path, difference.after)}`];
      return [`delete ${propertyPath(path, difference.before.name)}`];
    }
    case "reservation":
      if (difference.after !== undefined) return [`reserve ${startAndSize(difference.after)}`];
      return [`unreserve ${startAndSize(difference.before)}`];
    case "boot-cpu":
      return [`boot-cpu ${hex(difference.after)}`];
  }
}

function editsThatAdd(path: ByteString, added: Node): string[] {
  const edits: string[] = [];
  visit(added, {
    enter(node, inner) {
      const own = inner === "/" ? path : path + inner;
      edits.push(`add-node ${escapePath(own)}`);
      for (const property of tellingProperties(node)) edits.push(`set ${assignment(own, property)}`);
    },
  });
  return edits;
}

function assignment(path: ByteString, { name, value }: Property): string {
  const text = valueText(name, value);
  return `${propertyPath(path, name)}${text === "" ? "" : `=${text}`}`;
}

/** A property's own name may have a slash in it. */
function propertyPath(path: ByteString, name: ByteString): string {
  return below(escapePath(path), escapeName(name));
}

function startAndSize({ start, end }: MemoryRange): string {
  return `${hex(start)},${hex(end - start)}`;
}

/** For people: a heading for each node, and lines that begin with - or +. */
export function differenceText(found: readonly Difference[]): string {
  let heading = "";
  return found
    .map((difference) => {
      const next = headingOf(difference);
      const lines = linesOf(difference)
        .map((line) => `${line}\n`)
        .join("");
      const text = next === heading ? lines : `${heading === "" ? "" : "\n"}${next}\n${lines}`;
      heading = next;
      return text;
    })
    .join("");
}

function headingOf(difference: Difference): string {
  if (difference.kind === "reservation") return "the reserve map";
  return difference.kind === "boot-cpu" ? "the header" : escapePath(difference.path);
}

function linesOf(difference: Difference): string[] {
  switch (difference.kind) {
    case "node":
      return difference.after === undefined ? nodeLines("-", difference.before) : nodeLines("+", difference.after);
    case "property":
      return [
        ...(difference.before === undefined ? [] : [`- ${propertyText(difference.before)}`]),
        ...(difference.after === undefined ? [] : [`+ ${propertyText(difference.after)}`]),
      ];
    case "reservation":
      return [
        difference.after === undefined ? `- ${startAndSize(difference.before)}` : `+ ${startAndSize(difference.after)}`,
      ];
    case "boot-cpu":
      return [`- boot cpu ${hex(difference.before)}`, `+ boot cpu ${hex(difference.after)}`];
  }
}

function nodeLines(sign: "-" | "+", node: Node): string[] {
  const lines: string[] = [];
  let depth = 0;
  visit(node, {
    enter(node) {
      const indent = `${sign} ${"  ".repeat(depth++)}`;
      lines.push(`${indent}${escapeName(node.name)} {`);
      for (const property of tellingProperties(node)) lines.push(`${indent}  ${propertyText(property)}`);
    },
    leave: () => void lines.push(`${sign} ${"  ".repeat(--depth)}};`),
  });
  return lines;
}

function propertyText({ name, value }: Property): string {
  const text = valueText(name, value);
  return `${escapeName(name)}${text === "" ? "" : ` = ${text}`};`;
}
