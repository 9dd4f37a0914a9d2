// Long lists that are changed item by item. To move all that follows an item, thousands of times, would take seconds: meanwhile
// such a list is out of order, with all that is in it, and is put in order once, before it is read as a whole.

/** Shorter ones are changed at once. */
const LONG = 1024;

export type Compare<T> = (a: T, b: T) => number;

interface Place {
  /** By which the list is put in order: those that were there have 0, 1, 2; what was inserted lies between. */
  readonly rank: number;
  /** Its index now. */
  at: number;
}

interface Change {
  /** The list as it was. */
  readonly before: readonly object[];
  readonly places: Map<object, Place>;
  /** How many were appended. */
  appended: number;
  /** Puts the list in order. */
  settle(): void;
}

const changing = new Map<readonly object[], Change>();

/** Puts all lists in order. */
export function settleLists(): void {
  if (changing.size === 0) return;
  for (const change of changing.values()) change.settle();
  changing.clear();
}

/** Puts one list in order. */
export function settleList(items: readonly object[]): void {
  changing.get(items)?.settle();
  changing.delete(items);
}

/** Inserts an item before the first that sorts after it, in a list that is sorted. */
export function insertSorted<T extends object>(items: T[], item: T, compare: Compare<T>): void {
  const change = changeOf(items);
  const list = (change?.before ?? items) as readonly T[];
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = list[middle];
    if (other === undefined || compare(other, item) > 0) high = middle;
    else low = middle + 1;
  }
  if (change === undefined) items.splice(low, 0, item);
  else put(items, item, change, low - 0.5);
  if (change !== undefined) change.settle = () => sortByRank(items, change, compare);
}

export function append<T extends object>(items: T[], item: T): void {
  const change = changing.get(items);
  if (change === undefined || change.places.size !== items.length) items.push(item);
  else put(items, item, change, change.before.length + change.appended++);
}

/** Removes an item that is in the list. */
export function removeItem<T extends object>(items: T[], item: T): void {
  const change = changeOf(items);
  const place = change?.places.get(item);
  if (change === undefined || place === undefined) {
    items.splice(items.indexOf(item), 1);
    return;
  }
  change.places.delete(item);
  const last = items.pop();
  const moved = last === item || last === undefined ? undefined : change.places.get(last);
  if (last === undefined || moved === undefined) return;
  items[place.at] = last;
  moved.at = place.at;
}

function put<T extends object>(items: T[], item: T, { places }: Change, rank: number): void {
  places.set(item, { rank, at: items.length });
  items.push(item);
}

/** Undefined where the list is short. A list that others have changed since is as it is now. */
function changeOf<T extends object>(items: T[]): Change | undefined {
  const known = changing.get(items);
  if (known?.places.size === items.length) return known;
  if (items.length < LONG) return undefined;
  const places = new Map<object, Place>(items.map((item, at) => [item, { rank: at, at }]));
  // An item that is in the list twice has no place.
  if (places.size !== items.length) return undefined;
  const made: Change = { before: [...items], places, appended: 0, settle: () => sortByRank(items, made) };
  changing.set(items, made);
  return made;
}

/** @param compare those that were inserted at one place */
function sortByRank<T extends object>(items: T[], { places }: Change, compare: Compare<T> = () => 0): void {
  if (places.size !== items.length) return;
  const rankOf = (item: T) => places.get(item)?.rank ?? 0;
  items.sort((a, b) => rankOf(a) - rankOf(b) || compare(a, b));
}
