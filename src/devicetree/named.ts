// Lists of things with names: find, insert and remove, through an index where the list is long.

import type { ByteString } from "../sys/engine.ts";
import { type Compare, insertSorted, removeItem, settleList } from "./changing.ts";
import { baseName } from "./names.ts";

interface Named {
  readonly name: ByteString;
}

/** A list of this length and more has an index. */
const LONG = 32;

/**
 * What a list held when it had this length, by a key of each item: one, or several in the list's order, but for what was
 * inserted since.
 */
interface Index<Item> {
  length: number;
  readonly all: Map<string, Item | Item[]>;
}

/** Indexes of lists. Without these, thousands of edits in a node of thousands of children take minutes. */
export class Indexes<Item extends object> {
  readonly #of = new WeakMap<readonly Item[], Index<Item>>();

  constructor(readonly keyOf: (item: Item) => string) {}

  find<T extends Item>(items: readonly T[], key: string): readonly T[] {
    // The index of a list holds what that list holds.
    const found = this.#indexOf(items).all.get(key) as T | T[] | undefined;
    if (found === undefined) return [];
    return Array.isArray(found) ? found : [found];
  }

  #indexOf(items: readonly Item[]): Index<Item> {
    const known = this.#of.get(items);
    if (known?.length === items.length) return known;
    // Of two with one key the first is found, and which one that is a list that is out of order does not tell.
    settleList(items);
    const index: Index<Item> = { length: items.length, all: new Map() };
    this.#of.set(items, index);
    for (const item of items) add(index, this.keyOf(item), item);
    return index;
  }

  /** To be called before the list changes, as is the other one. */
  insert(items: readonly Item[], item: Item): void {
    const index = this.#of.get(items);
    if (index?.length !== items.length) return;
    add(index, this.keyOf(item), item);
    index.length++;
  }

  remove(items: readonly Item[], item: Item): void {
    const index = this.#of.get(items);
    if (index?.length !== items.length) return;
    const key = this.keyOf(item);
    const same = index.all.get(key);
    if (!Array.isArray(same)) index.all.delete(key);
    else if (same.at(-1) === item) same.pop();
    else if (same[0] === item) same.shift();
    else same.splice(same.indexOf(item), 1);
    index.length--;
  }

  forget(items: readonly Item[]): void {
    this.#of.delete(items);
  }
}

function add<Item>({ all }: Index<Item>, key: string, item: Item): void {
  const same = all.get(key);
  if (same === undefined) all.set(key, item);
  else if (Array.isArray(same)) same.push(item);
  else all.set(key, [same, item]);
}

const names = new Indexes<Named>(({ name }) => name);
const bases = new Indexes<Named>(({ name }) => baseName(name));

/** The first of that name. */
export function findNamed<T extends Named>(items: readonly T[], name: ByteString): T | undefined {
  return items.length < LONG ? items.find((candidate) => candidate.name === name) : names.find(items, name)[0];
}

/** All whose names without unit addresses are this one. */
export function findBased<T extends Named>(items: readonly T[], base: ByteString): readonly T[] {
  return items.length < LONG ? items.filter(({ name }) => baseName(name) === base) : bases.find(items, base);
}

/** Inserts one whose name is new, where it sorts. */
export function insertNamed<T extends Named>(items: T[], item: T, compare: Compare<T>): void {
  names.insert(items, item);
  bases.insert(items, item);
  insertSorted(items, item, compare);
}

export function removeNamed<T extends Named>(items: T[], item: T): void {
  names.remove(items, item);
  bases.remove(items, item);
  removeItem(items, item);
}

/** Removes all of that name. */
export function removeAllNamed<T extends Named>(items: T[], name: ByteString): void {
  if (items.length >= LONG) {
    // From the last one on, none is moved in the index.
    for (const item of [...names.find(items, name)].reverse()) removeNamed(items, item);
    return;
  }
  let kept = 0;
  for (const item of items) if (item.name !== name) items[kept++] = item;
  items.length = kept;
  names.forget(items);
  bases.forget(items);
}
