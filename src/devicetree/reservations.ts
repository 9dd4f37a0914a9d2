// The memory that a tree's own properties say is taken: pairs of them in one node, each pair a reserve map entry.

import { Failure, hex, unlessFailure } from "../failure.ts";
import { checkedRange, type MemoryRange, type NamedRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { NameRule } from "../sys/gather.ts";
import { numberIn } from "./cells.ts";
import { MARK, ruleForName, visitMarked } from "./marks.ts";
import { below } from "./names.ts";
import { child, type Node, property } from "./tree.ts";

interface Pair {
  readonly first: ByteString;
  readonly second: ByteString;
  /** Whether `second` is where the range ends, rather than its size. */
  readonly isEnd: boolean;
  /** Who keeps that memory whatever kernel runs, in words; undefined for what is only of one kernel's start. */
  readonly keeper: string | undefined;
}

/** What keeps a table that a PCI bridge of a machine without hypervisor reads. */
export const TCE_TABLE = "a TCE table";

/** linux,*: arch/powerpc/kernel/prom_init.c; opal-*: skiboot doc/device-tree/ibm,opal.rst. */
const pairs: readonly Pair[] = [
  { first: "linux,rtas-base", second: "rtas-size", isEnd: false, keeper: "RTAS" },
  { first: "linux,tce-base", second: "linux,tce-size", isEnd: false, keeper: TCE_TABLE },
  { first: "linux,initrd-start", second: "linux,initrd-end", isEnd: true, keeper: undefined },
  { first: "opal-base-address", second: "opal-runtime-size", isEnd: false, keeper: "OPAL" },
];

/** For readers: reservationsOf() looks at nodes that are marked by these. */
export const reservationRules: readonly NameRule[] = pairs
  .flatMap(({ first, second }) => [first, second])
  .map((name) => ruleForName(name, MARK.reservation));

/** The ranges in the order of the walk. A size of 0 is left out: it would end the reserve map. */
export function reservationsOf(root: Node): MemoryRange[] {
  const ranges: MemoryRange[] = [];
  visitMarked(root, MARK.reservation, (node, path) => {
    for (const range of reservationsOfNode(node, path)) ranges.push(range);
  });
  return ranges;
}

/** The same of one node. `path` is for messages. */
export function reservationsOfNode(node: Node, path: ByteString): MemoryRange[] {
  return pairs.flatMap((pair) => {
    const range = rangeOf(node, path, pair);
    return range !== undefined && range.end > range.start ? [range] : [];
  });
}

/** The properties that keptByPairs() reads. */
export const keptNames: readonly ByteString[] = pairs
  .filter(({ keeper }) => keeper !== undefined)
  .flatMap(({ first, second }) => [first, second]);

/** What a node's pairs say that somebody keeps whatever kernel runs. A pair that makes no sense says nothing. */
export function keptByPairs(node: Node): NamedRange[] {
  return pairs.flatMap((pair) => {
    const range = pair.keeper === undefined ? undefined : unlessFailure(() => rangeOf(node, "", pair));
    return range === undefined || pair.keeper === undefined ? [] : [{ ...range, name: pair.keeper }];
  });
}

/** The same of the whole tree: memory that the next kernel calls, reads and writes as this one did. */
export function firmwareMemory(root: Node): MemoryRange[] {
  const ranges: MemoryRange[] = [];
  visitMarked(root, MARK.reservation, (node) => {
    for (const range of keptByPairs(node)) ranges.push(range);
  });
  return ranges.filter(({ start, end }) => start < end);
}

/** Where /chosen says that the initrd is; undefined where it does not, or says something that cannot be. */
export function initrdOf(root: Node): MemoryRange | undefined {
  const chosen = child(root, "chosen");
  const start = numberIn(chosen, "linux,initrd-start");
  const end = numberIn(chosen, "linux,initrd-end");
  return start === undefined || end === undefined || end <= start ? undefined : { start, end };
}

/** Undefined where nothing is kept: a size alone is what firmware will need, or would have. */
function rangeOf(node: Node, path: ByteString, pair: Pair): MemoryRange | undefined {
  if (property(node, pair.first) === undefined && !(pair.isEnd && property(node, pair.second) !== undefined))
    return undefined;
  const read = (name: ByteString): bigint | undefined =>
    numberIn(node, name, (fact) => {
      throw new Failure(below(path, name), fact);
    });
  const start = read(pair.first);
  const second = read(pair.second);
  if (second === undefined) throw new Failure(path, `${pair.first} without ${pair.second}`);
  if (start === undefined) throw new Failure(path, `${pair.second} without ${pair.first}`);
  const end = pair.isEnd ? second : start + second;
  if (end < start) throw new Failure(path, `${pair.second} ${hex(end)} is below ${pair.first} ${hex(start)}`);
  return checkedRange(
    start,
    end,
    () => new Failure(path, `${pair.first} ${hex(start)} and ${pair.second} ${hex(second)} pass 2^64`),
  );
}
