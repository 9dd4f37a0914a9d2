// The memory that a tree says somebody keeps whatever kernel runs: firmware, its tables, devices.
// Linux: drivers/of/fdt.c (early_init_fdt_scan_reserved_mem), arch/powerpc/kernel/prom.c (early_reserve_mem_dt).

import type { NamedRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { type CellCounts, childCells, rangesIn, refuseManyRanges } from "./cells.ts";
import { isAvailable } from "./memory.ts";
import { below } from "./names.ts";
import { keptByPairs } from "./reservations.ts";
import { stringsOf } from "./strings.ts";
import { child, type Node, property } from "./tree.ts";
import { walk } from "./walk.ts";

/** The node, a child of the root, with a child for each piece of memory. */
export const RESERVED_MEMORY = "reserved-memory";

/** Of the root: ranges of two cells each, and what each is called. */
const RESERVED_RANGES = "reserved-ranges";
const RESERVED_NAMES = "reserved-names";

/** What keptMemory() reads of the root itself. */
export const rootNames: readonly ByteString[] = ["#address-cells", "#size-cells", RESERVED_RANGES, RESERVED_NAMES];

/**
 * By the names of those who keep it. What makes no sense is left out, and nothing is merged: one piece of memory may
 * have several names, the plainest first.
 * @throws Failure where there are more ranges than are read
 */
export function keptMemory(root: Node): NamedRange[] {
  const ranges: NamedRange[] = [];
  walk(root, {
    enter(node) {
      for (const range of keptByPairs(node)) ranges.push(range);
      return true;
    },
  });
  return [...ranges, ...reservedMemory(root)].filter(({ start, end }) => start < end);
}

/**
 * The same without the pairs of properties that any node may have. Linux allocates none of it.
 * @throws Failure as keptMemory() does
 */
export function reservedMemory(root: Node): NamedRange[] {
  return [...reservedNodes(root), ...reservedRanges(root)].filter(({ start, end }) => start < end);
}

/**
 * What nobody may read: all that no kernel maps.
 * @param isFirmware whether a node by this name is of such memory, too
 * @throws Failure as keptMemory() does
 */
export function unmappedMemory(root: Node, isFirmware: (name: ByteString) => boolean = () => false): NamedRange[] {
  const isUnread = (node: Node) => property(node, "no-map") !== undefined || isFirmware(node.name);
  return reservedNodes(root, isUnread).filter(({ start, end }) => start < end);
}

/** A child that only has a size is for Linux to place, and takes nothing before. */
function reservedNodes(root: Node, isWanted: (node: Node) => boolean = () => true): NamedRange[] {
  const parent = child(root, RESERVED_MEMORY);
  if (parent === undefined) return [];
  const cells = { ...childCells(root), ...statedCells(parent) };
  const lists = parent.children
    .filter((node) => isAvailable(node) && isWanted(node))
    .map((node) => ({ node, value: property(node, "reg") ?? NONE, place: below(placeOf(node), "reg") }));
  refuseManyRanges(lists, cells);
  return lists.flatMap(({ node, value }) => rangesIn(value, cells).map((range) => ({ ...range, name: placeOf(node) })));
}

/** Linux wants those of the root there; a node that does not say so means them. */
function statedCells(node: Node): Partial<CellCounts> {
  const isStated = (name: ByteString) => property(node, name) !== undefined;
  const { address, size } = childCells(node);
  return { ...(isStated("#address-cells") ? { address } : {}), ...(isStated("#size-cells") ? { size } : {}) };
}

function reservedRanges(root: Node): NamedRange[] {
  const names = textsOf(property(root, RESERVED_NAMES) ?? NONE);
  const [value, cells] = [property(root, RESERVED_RANGES) ?? NONE, { address: 2, size: 2 }];
  refuseManyRanges([{ value, place: below("/", RESERVED_RANGES) }], cells);
  return rangesIn(value, cells).map((range, index) => ({
    ...range,
    name: names[index] ?? RESERVED_RANGES,
  }));
}

function textsOf(value: Uint8Array): ByteString[] {
  return value.at(-1) === 0 ? stringsOf(value) : [];
}

function placeOf(node: Node): ByteString {
  return below(below("/", RESERVED_MEMORY), node.name);
}

const NONE = new Uint8Array(0);
