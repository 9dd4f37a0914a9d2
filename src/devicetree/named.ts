// Lists of things with names: find, insert and remove, through an index where the list is long.

import type { ByteString } from "../sys/engine.ts";
import { baseName } from "./names.ts";

interface Named {
  readonly name: ByteString;
}

/** A list of this length and more has an index. */
const LONG = 32;

interface Index<T> {
  /** Of the list when it was indexed. */
  length: number;
  readonly first: Map<ByteString, T>;
}

/** Without these, thousands of edits in a node of thousands of children take minutes. */
const indexes = new WeakMap<readonly Named[], Index<Named>>();

/** The first of that name. */
export function findNamed<T extends Named>(items: readonly T[], name: ByteString): T | undefined {
  if (items.length < LONG) return items.find((candidate) => candidate.name === name);
  // The index of a list holds what that list holds.
  let index = indexes.get(items) as Index<T> | undefined;
  if (index?.length !== items.length) {
    index = { length: items.length, first: new Map(items.toReversed().map((item) => [item.name, item])) };
    indexes.set(items, index);
  }
  return index.first.get(name);
}

/** By names without unit addresses, until something is inserted or removed. */
const bases = new WeakMap<readonly Named[], { readonly length: number; readonly all: Map<ByteString, Named[]> }>();

/** All whose names without unit addresses are this one. */
export function findBased<T extends Named>(items: readonly T[], base: ByteString): readonly T[] {
  if (items.length < LONG) return items.filter(({ name }) => baseName(name) === base);
  let index = bases.get(items);
  if (index?.length !== items.length) {
    index = { length: items.length, all: new Map() };
    for (const item of items) {
      const same = index.all.get(baseName(item.name));
      if (same === undefined) index.all.set(baseName(item.name), [item]);
      else same.push(item);
    }
    bases.set(items, index);
  }
  // The index of a list holds what that list holds.
  return (index.all.get(base) as T[] | undefined) ?? [];
}

/** Inserts one whose name is new, before the first that `sortsAfter` it. */
export function insertNamed<T extends Named>(items: T[], item: T, sortsAfter: (other: T) => boolean): void {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = items[middle];
    if (other === undefined || sortsAfter(other)) high = middle;
    else low = middle + 1;
  }
  const index = indexes.get(items);
  if (index?.length === items.length) {
    index.first.set(item.name, item);
    index.length++;
  }
  bases.delete(items);
  items.splice(low, 0, item);
}

export function removeNamed<T extends Named>(items: T[], item: T): void {
  const index = indexes.get(items);
  // Where two have one name, the index does not know which is first once one is gone.
  if (index !== undefined && index.first.size === index.length && index.length === items.length) {
    index.first.delete(item.name);
    index.length--;
  } else {
    indexes.delete(items);
  }
  bases.delete(items);
  items.splice(items.indexOf(item), 1);
}
