// The order of nodes: by name, then by unit address as a number. The reader sorts the same in C (sys/gather/order.c).

import type { ByteString } from "../sys/engine.ts";
import { baseName } from "./names.ts";

function compareBytes(a: ByteString, b: ByteString): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What a node's name is sorted by. */
export interface SortKey {
  readonly base: ByteString;
  /** The comma separated parts of the unit address, without leading zeros; undefined where it is no hexadecimal number. */
  readonly parts: readonly string[] | undefined;
  readonly whole: ByteString;
}

export function sortKey(name: ByteString): SortKey {
  const base = baseName(name);
  const address = name.slice(base.length + 1).toLowerCase();
  const numeric = name === base || /^[0-9a-f]+(,[0-9a-f]+)*$/.test(address);
  const parts = name === base ? [] : address.split(",").map((part) => part.replace(/^0+/, ""));
  return { base, parts: numeric ? parts : undefined, whole: name };
}

/** By name, then by unit address as a number: cpu@8 before cpu@10, as the firmware counts them. */
export function compareKeys(a: SortKey, b: SortKey): number {
  return compareBytes(a.base, b.base) || compareAddresses(a.parts, b.parts) || compareBytes(a.whole, b.whole);
}

/** Numbers before anything else; digits without leading zeros are larger when there are more of them. */
function compareAddresses(a: readonly string[] | undefined, b: readonly string[] | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  for (const [index, x] of a.entries()) {
    const y = b[index];
    if (y === undefined) break;
    if (x !== y) return x.length - y.length || compareBytes(x, y);
  }
  return a.length - b.length;
}
