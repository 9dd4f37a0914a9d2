// The memory that a partition can gain and lose: blocks of one size (LMBs), listed in a node of their own.
// LoPAR, ibm,dynamic-memory; Linux: arch/powerpc/mm/drmem.c, arch/powerpc/kernel/prom.c (early_init_drmem_lmb).

import { Failure } from "../failure.ts";
import { intersectSorted, type MemoryRange, max, min, NO_END, rangeOfSize } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { areReadable, type CellCounts, rangesValue, refuseManyAt, type Take, takerOf, viewOf } from "./cells.ts";
import { below } from "./names.ts";
import { child, type Node, property } from "./tree.ts";

/** The node, a child of the root. */
export const DYNAMIC_MEMORY = "ibm,dynamic-reconfiguration-memory";

/** Of a crash kernel: for each block that is memory how many ranges in it are usable, and then those. */
export const USABLE_BLOCKS = "linux,drconf-usable-memory";

const SIZE = "ibm,lmb-size";

/** Blocks one after the other. One cell can tell of 2^32, so they are no list. */
export interface BlockRun {
  readonly start: bigint;
  readonly count: bigint;
}

export interface DynamicMemory {
  /** Bytes of each block, above 0. */
  readonly blockSize: bigint;
  /** What Linux takes: blocks that the partition has and that are in no memory node. In the order of the tree. */
  readonly runs: readonly BlockRun[];
}

/**
 * What the tree says of such memory; undefined where it says nothing that Linux reads.
 * @param cells those of the root's children
 * @throws Failure where a list ends before its last entry, memory passes 2^64, or there are more ranges than are read
 */
export function dynamicMemory(root: Node, cells: CellCounts): DynamicMemory | undefined {
  if (!areReadable(cells)) return undefined;
  const node = child(root, DYNAMIC_MEMORY);
  const size = property(node, SIZE);
  const format = formats.find(({ name }) => property(node, name) !== undefined);
  if (size === undefined || size.length < 4 * cells.size || format === undefined) return undefined;
  const blockSize = takerOf(size)(cells.size);
  if (blockSize === 0n) throw new Failure(placeOf(SIZE), "blocks of no bytes");
  return { blockSize, runs: runsIn(property(node, format.name) ?? NONE, blockSize, cells, format) };
}

/** Whether the tree lists such memory in a way that is not known here. */
export function isOfUnknownForm(root: Node, cells: CellCounts): boolean {
  return child(root, DYNAMIC_MEMORY) !== undefined && dynamicMemory(root, cells) === undefined;
}

/** What of such memory Linux takes: of a crash kernel's tree what is usable. @throws Failure as dynamicMemory() does */
export function dynamicRanges(root: Node, cells: CellCounts): MemoryRange[] {
  const memory = dynamicMemory(root, cells);
  if (memory === undefined) return [];
  const usable = property(child(root, DYNAMIC_MEMORY), USABLE_BLOCKS);
  if (usable !== undefined) return usableRanges(usable, memory, cells);
  return rangesOfRuns(memory);
}

export function rangesOfRuns({ blockSize, runs }: DynamicMemory): MemoryRange[] {
  return runs.map(({ start, count }) => rangeOfSize(start, count * blockSize));
}

const NONE = new Uint8Array(0);

/** A property that lists blocks: the number of entries in one cell, then the entries. */
interface Format {
  readonly name: ByteString;
  /** Takes all of an entry: an address, and ENTRY_CELLS more. */
  read(take: Take, addressCells: number): { readonly count: bigint; readonly start: bigint; readonly flags: number };
}

const ENTRY_CELLS = 4;

/** In the order in which Linux looks for them. */
const formats: readonly Format[] = [
  {
    name: "ibm,dynamic-memory",
    read(take, addressCells) {
      const start = take(addressCells);
      take(3); // The block's index for firmware, nothing, its place in the arrays of associativity.
      return { count: 1n, start, flags: Number(take(1)) };
    },
  },
  {
    name: "ibm,dynamic-memory-v2",
    read(take, addressCells) {
      const count = take(1);
      const start = take(addressCells);
      take(2); // The first block's index, the place in the arrays.
      return { count, start, flags: Number(take(1)) };
    },
  },
];

/** The partition has the block; it is not there for the kernel, since a memory node has it. */
const FLAG = { assigned: 0x8, reserved: 0x80 } as const;

function runsIn(value: Uint8Array, blockSize: bigint, cells: CellCounts, { name, read }: Format): BlockRun[] {
  if (value.length < 4) throw new Failure(placeOf(name), `${value.length} bytes hold no count`);
  const take = takerOf(value);
  const entries = Number(take(1));
  const size = 4 * (cells.address + ENTRY_CELLS);
  if (value.length < 4 + entries * size) {
    throw new Failure(placeOf(name), `${value.length} bytes do not hold ${entries} entries of ${size}`);
  }
  const runs: BlockRun[] = [];
  for (let index = 0; index < entries; index++) {
    const { count, start, flags } = read(take, cells.address);
    if ((flags & FLAG.assigned) === 0 || (flags & FLAG.reserved) !== 0 || count === 0n) continue;
    if (start + count * blockSize > NO_END) throw new Failure(placeOf(name), `entry ${index} passes 2^64`);
    const last = runs.at(-1);
    if (last !== undefined && last.start + last.count * blockSize === start)
      runs[runs.length - 1] = { start: last.start, count: last.count + count };
    else refuseManyAt(placeOf(name), runs.push({ start, count }));
  }
  return runs;
}

/** The largest value that we make: enough for blocks of 256 MiB in 512 TiB. */
const MAX_VALUE = 16 * 1024 * 1024;

/**
 * The value of {@link USABLE_BLOCKS} by which no block keeps anything but `usable`, which is sorted. The blocks that
 * Linux does not take have no entry: it skips none for them.
 * @param cells at most two of each
 * @throws Failure where there are more blocks than a property can tell of
 */
export function usableBlocksValue(
  { blockSize, runs }: DynamicMemory,
  usable: readonly MemoryRange[],
  cells: CellCounts,
): Uint8Array {
  const blocks = countBlocks(runs);
  const entry = 4 * cells.size;
  if (blocks * BigInt(entry) > BigInt(MAX_VALUE)) {
    throw new Failure(`/${DYNAMIC_MEMORY}`, `${blocks} blocks are more than ${MAX_VALUE / entry}`);
  }
  const pieces: { readonly block: number; readonly range: MemoryRange }[] = [];
  let before = 0n;
  for (const { start, count } of runs) {
    for (const part of intersectSorted(rangeOfSize(start, count * blockSize), usable)) {
      for (let at = (part.start - start) / blockSize; start + at * blockSize < part.end; at++) {
        const range = {
          start: max(part.start, start + at * blockSize),
          end: min(part.end, start + (at + 1n) * blockSize),
        };
        pieces.push({ block: Number(before + at), range });
      }
    }
    before += count;
  }
  const step = 4 * (cells.address + cells.size);
  const value = new Uint8Array(Number(blocks) * entry + pieces.length * step);
  const view = viewOf(value);
  let first = 0;
  for (const [index, { block, range }] of pieces.entries()) {
    if (pieces[index - 1]?.block !== block) first = index;
    // The low cell of the count, before the block's first range.
    view.setUint32((block + 1) * entry + first * step - 4, index - first + 1);
    value.set(rangesValue([range], cells), (block + 1) * entry + index * step);
  }
  return value;
}

/** For each block Linux takes the next entry, and adds what that says. */
function usableRanges(value: Uint8Array, { runs }: DynamicMemory, cells: CellCounts): MemoryRange[] {
  const ranges: MemoryRange[] = [];
  const blocks = countBlocks(runs);
  const take = takerOf(value);
  let left = value.length / 4;
  for (let block = 0n; block < blocks; block++) {
    left -= cells.size;
    const count = left < 0 ? undefined : take(cells.size);
    const needed = (count ?? 0n) * BigInt(cells.address + cells.size);
    if (count === undefined || needed > BigInt(Math.floor(left))) {
      throw new Failure(
        placeOf(USABLE_BLOCKS),
        `${value.length} bytes end in the entry of block ${block} of ${blocks}`,
      );
    }
    left -= Number(needed);
    for (let index = 0n; index < count; index++) {
      const range = rangeOfSize(take(cells.address), take(cells.size));
      const last = ranges.at(-1);
      if (range.start >= range.end) continue;
      if (last?.end === range.start) ranges[ranges.length - 1] = { start: last.start, end: range.end };
      else refuseManyAt(placeOf(USABLE_BLOCKS), ranges.push(range));
    }
  }
  return ranges;
}

function countBlocks(runs: readonly BlockRun[]): bigint {
  return runs.reduce((sum, { count }) => sum + count, 0n);
}

function placeOf(name: ByteString): ByteString {
  return below(below("/", DYNAMIC_MEMORY), name);
}
