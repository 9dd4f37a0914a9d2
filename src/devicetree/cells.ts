// Numbers in values: cells, which are 32-bit words, big endian, and the entries that cells make.
// Devicetree Specification 0.4, 2.2.4.2 (cells), 2.3.5 (#address-cells, #size-cells), 2.3.6 (reg).

import { Failure, hex } from "../failure.ts";
import { type MemoryRange, rangeOfSize } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { type Node, property } from "./tree.ts";

export function u32Value(...numbers: readonly number[]): Uint8Array {
  return wordsValue(numbers);
}

/** The same of a list, which may be too long for the arguments of a call. */
function wordsValue(numbers: readonly number[]): Uint8Array {
  const value = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => {
    value.setUint32(4 * index, number);
  });
  return new Uint8Array(value.buffer);
}

export function u64Value(...numbers: readonly bigint[]): Uint8Array {
  const value = new DataView(new ArrayBuffer(8 * numbers.length));
  numbers.forEach((number, index) => {
    value.setBigUint64(8 * index, number);
  });
  return new Uint8Array(value.buffer);
}

/** The whole cells of a value. */
export function wordsOf(value: Uint8Array): number[] {
  const view = viewOf(value);
  return Array.from({ length: Math.floor(value.length / 4) }, (_, index) => view.getUint32(4 * index));
}

/** The property's one cell; undefined where it is absent or of another length. */
export function cellIn(node: Node, name: ByteString): number | undefined {
  const value = property(node, name);
  return value?.length === 4 ? viewOf(value).getUint32(0) : undefined;
}

/** The property's first cell, which is all that Linux reads of a longer one (of_property_read_u32); undefined where there is none. */
export function firstCellIn(node: Node, name: ByteString): number | undefined {
  const value = property(node, name);
  return value === undefined || value.length < 4 ? undefined : viewOf(value).getUint32(0);
}

/** A number in one cell or in two: kernels have written addresses in either. Undefined for every other length. */
export function oneOrTwoCells(value: Uint8Array): bigint | undefined {
  if (value.length === 4) return BigInt(viewOf(value).getUint32(0));
  return value.length === 8 ? viewOf(value).getBigUint64(0) : undefined;
}

/**
 * The number that a property has in one cell or in two; undefined where it is absent.
 * @param misfit gets the fact where the value has another length; that counts as absent unless this throws
 */
export function numberIn(
  node: Node | undefined,
  name: ByteString,
  misfit: (fact: string) => void = () => {},
): bigint | undefined {
  const value = property(node, name);
  if (value === undefined) return undefined;
  const number = oneOrTwoCells(value);
  if (number === undefined) misfit(`${value.length} bytes are neither one cell nor two`);
  return number;
}

/** The most cells that an address or a size has (include/linux/of_address.h OF_MAX_ADDR_CELLS). */
export const MAX_CELLS = 4;

/** How many cells an address and a size have. */
export interface CellCounts {
  readonly address: number;
  readonly size: number;
}

/** The counts for the node's children: the specification's defaults where the node does not say them in one cell. */
export function childCells(node: Node): CellCounts {
  return { address: cellIn(node, "#address-cells") ?? 2, size: cellIn(node, "#size-cells") ?? 1 };
}

/** Whether a value is one entry or more, each of so many cells. */
export function isWholeEntries(value: Uint8Array, cells: number): boolean {
  return cells > 0 && value.length > 0 && value.length % (4 * cells) === 0;
}

/** Takes the next number of an entry, which has so many cells. */
export type Take = (cells: number) => bigint;

/** Takes numbers out of a value one after the other, from the byte `at` on. @throws RangeError behind the value's end */
export function takerOf(value: Uint8Array, at = 0): Take {
  const view = viewOf(value);
  let next = at;
  return (cells) => {
    let number = 0n;
    for (const end = next + 4 * cells; next < end; next += 4) number = (number << 32n) | BigInt(view.getUint32(next));
    return number;
  };
}

/** The whole entries of a value, each of so many cells. `read` takes an entry's numbers one after the other. */
export function entriesIn<T>(value: Uint8Array, cells: number, read: (take: Take) => T): T[] {
  if (cells === 0) return [];
  const length = Math.floor(value.length / (4 * cells));
  return Array.from({ length }, (_, index) => read(takerOf(value, 4 * cells * index)));
}

/** Whether anybody reads such numbers: of 33,000 cells one would be too large for an engine. */
export function areReadable({ address, size }: CellCounts): boolean {
  return address <= MAX_CELLS && size <= MAX_CELLS;
}

/** Ranges that are read together: a kernel has some hundred in all. */
const MOST_RANGES = 32_768;

/** A property that lists ranges, and where it stands. */
export interface RangeList {
  readonly value: Uint8Array;
  readonly place: ByteString;
}

/** Before they are read, all of them. @throws Failure at the list with which they have more ranges than are read */
export function refuseManyRanges(lists: readonly RangeList[], { address, size }: CellCounts): void {
  const step = 4 * (address + size);
  let count = 0;
  for (const { value, place } of lists) {
    count += step === 0 ? 0 : Math.floor(value.length / step);
    refuseManyAt(place, count);
  }
}

/** The same of ranges that are counted elsewhere. @throws Failure for more than are read */
export function refuseManyAt(place: ByteString, count: number): void {
  if (count > MOST_RANGES) throw new Failure(place, `${count} ranges are more than ${MOST_RANGES}`);
}

/**
 * The whole entries of a reg, or of what is written like one; none where its numbers are too large.
 * @param most only so many of them, from the first one on
 */
export function rangesIn(value: Uint8Array, counts: CellCounts, most?: number): MemoryRange[] {
  if (!areReadable(counts)) return [];
  const { address, size } = counts;
  const cells = address + size;
  const wanted = most === undefined ? value : value.subarray(0, 4 * cells * most);
  return entriesIn(wanted, cells, (take) => rangeOfSize(take(address), take(size)));
}

/**
 * The inverse of rangesIn(), for counts of one cell or two.
 * @throws Failure for a number that one cell cannot hold
 */
export function rangesValue(ranges: readonly MemoryRange[], { address, size }: CellCounts): Uint8Array {
  return wordsValue(
    ranges.flatMap(({ start, end }) => [...wordsOfNumber(start, address), ...wordsOfNumber(end - start, size)]),
  );
}

function wordsOfNumber(number: bigint, cells: number): number[] {
  if (number >= 1n << BigInt(32 * cells))
    throw new Failure(hex(number), `does not fit into ${32 * cells} bits, which such a number has in this tree`);
  const low = Number(number & 0xffffffffn);
  return cells === 1 ? [low] : [Number(number >> 32n), low];
}

export function viewOf(value: Uint8Array): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}
