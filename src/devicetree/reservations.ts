// The memory that a tree's own properties say is taken: pairs of them in one node, each pair a reserve map entry.

import { Failure, hex } from "../failure.ts";
import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { cellsAt } from "./cells.ts";
import { MARK, visitMarked } from "./marks.ts";
import { child, type Node, property } from "./tree.ts";

interface Pair {
  readonly first: ByteString;
  readonly second: ByteString;
  /** Whether `second` is where the range ends, rather than its size. */
  readonly isEnd: boolean;
}

/** linux,*: arch/powerpc/kernel/prom_init.c; opal-*: skiboot doc/device-tree/ibm,opal.rst. */
const pairs: readonly Pair[] = [
  { first: "linux,rtas-base", second: "rtas-size", isEnd: false },
  { first: "linux,tce-base", second: "linux,tce-size", isEnd: false },
  { first: "linux,initrd-start", second: "linux,initrd-end", isEnd: true },
  { first: "opal-base-address", second: "opal-runtime-size", isEnd: false },
];

export const reservationNames: readonly ByteString[] = pairs.flatMap(({ first, second }) => [first, second]);

/** The ranges in the order of the walk. A size of 0 is none: in the map it would be the end. */
export function reservationsOf(root: Node): MemoryRange[] {
  const ranges: MemoryRange[] = [];
  visitMarked(root, MARK.reservation, (node, path) => ranges.push(...reservationsOfNode(node, path)));
  return ranges;
}

/** The same of one node, whose path is for messages. */
export function reservationsOfNode(node: Node, path: ByteString): MemoryRange[] {
  return pairs.flatMap((pair) => {
    const range = rangeOf(node, path, pair);
    return range !== undefined && range.end > range.start ? [range] : [];
  });
}

/** Where /chosen says that the initrd is; undefined where it does not, or says something that cannot be. */
export function initrdOf(root: Node): MemoryRange | undefined {
  const chosen = child(root, "chosen");
  const [start, end] = ["linux,initrd-start", "linux,initrd-end"].map((name) => {
    const value = property(chosen, name);
    return value?.length === 4 || value?.length === 8 ? cellsAt(value, 0, value.length / 4) : undefined;
  });
  return start === undefined || end === undefined || end <= start ? undefined : { start, end };
}

function rangeOf(node: Node, path: ByteString, pair: Pair): MemoryRange | undefined {
  const start = numberIn(node, path, pair.first);
  const second = numberIn(node, path, pair.second);
  if (start === undefined && second === undefined) return undefined;
  if (second === undefined) throw new Failure(path, `${pair.first} without ${pair.second}`);
  if (start === undefined) throw new Failure(path, `${pair.second} without ${pair.first}`);
  const end = pair.isEnd ? second : start + second;
  if (end < start) throw new Failure(path, `${pair.second} ${hex(end)} is below ${pair.first} ${hex(start)}`);
  if (end > 1n << 64n)
    throw new Failure(path, `${pair.first} ${hex(start)} and ${pair.second} ${hex(second)} pass 2^64`);
  return { start, end };
}

/** Kernels have written most of these in one cell or in two. */
function numberIn(node: Node, path: ByteString, name: ByteString): bigint | undefined {
  const value = property(node, name);
  if (value === undefined) return undefined;
  if (value.length !== 4 && value.length !== 8) {
    throw new Failure(`${path === "/" ? "" : path}/${name}`, `${value.length} bytes are neither one cell nor two`);
  }
  return cellsAt(value, 0, value.length / 4);
}
