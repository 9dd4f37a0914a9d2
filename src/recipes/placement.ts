// Chooses addresses: free ranges of memory and the pieces that have to go there -> an address for each piece.

import { Failure, hex } from "../failure.ts";
import { formatRange, type MemoryRange, max, min, rangeOfSize, roundDown, roundUp, subtractRanges } from "../range.ts";

/** A piece that needs memory: a kernel, its tree, its initrd. */
export interface Piece {
  /** For messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: bigint;
  /** The address is a multiple of this, or `offset` bytes above one. Positive. */
  readonly alignment: bigint;
  readonly offset?: bigint;
  /** Where the whole piece has to lie; anywhere unless said. */
  readonly within?: MemoryRange | undefined;
  /** It gets the highest address, not the lowest. */
  readonly high?: boolean;
}

/**
 * An address for every piece, so that each lies in free memory and no two share any.
 *
 * Each piece in turn gets the lowest address that is left for it, or the highest where it wants that. If one then finds
 * no room, every order is tried, all of them from below. That is exact: if there are addresses for all, some order of
 * pieces finds such. (Take any solution, and move its pieces down one after the other, from the lowest on.) The time
 * grows with the factorial of the number of pieces then; a kexec load has a handful.
 *
 * @param free may overlap and be in any order; what touches is one range
 * @returns in the order of the pieces
 * @throws Failure with the name of a piece that has no room
 */
export function chooseAddresses(free: readonly MemoryRange[], wanted: readonly Piece[]): bigint[] {
  const chosen = findAddresses(free, wanted);
  if (chosen === undefined) throw noRoom(free, wanted);
  return chosen;
}

/** The same; undefined where there is no room for all. */
export function findAddresses(free: readonly MemoryRange[], wanted: readonly Piece[]): bigint[] | undefined {
  // Copies: one that is wanted twice is two pieces.
  const pieces = wanted.map((piece) => ({ ...piece }));
  const chosen = inOrder(free, pieces) ?? inAnyOrder(subtractRanges(free, []), pieces);
  return chosen && pieces.map((piece) => chosen.get(piece) ?? 0n);
}

/** The lowest address for one piece; undefined where there is no room. */
export function findAddress(free: readonly MemoryRange[], piece: Piece): bigint | undefined {
  return lowest(subtractRanges(free, []), piece);
}

type Addresses = Map<Piece, bigint>;

function inOrder(free: readonly MemoryRange[], pieces: readonly Piece[]): Addresses | undefined {
  const addresses: Addresses = new Map();
  let left = subtractRanges(free, []);
  for (const piece of pieces) {
    const address = piece.high === true ? highest(left, piece) : lowest(left, piece);
    if (address === undefined) return undefined;
    addresses.set(piece, address);
    left = subtractRanges(left, [rangeOfSize(address, piece.size)]);
  }
  return addresses;
}

/** From below. */
function inAnyOrder(free: readonly MemoryRange[], pieces: readonly Piece[]): Addresses | undefined {
  if (pieces.length === 0) return new Map();
  const next = pieces.map((piece) => ({ piece, address: lowest(free, piece) }));
  // Later there will be less memory, not more.
  if (next.some(({ address }) => address === undefined)) return undefined;
  for (const { piece, address } of next) {
    if (address === undefined) continue;
    const left = subtractRanges(free, [rangeOfSize(address, piece.size)]);
    const others = inAnyOrder(
      left,
      pieces.filter((other) => other !== piece),
    );
    if (others !== undefined) return others.set(piece, address);
  }
  return undefined;
}

function lowest(free: readonly MemoryRange[], piece: Piece): bigint | undefined {
  const { size, alignment, offset = 0n } = piece;
  for (const { start, end } of free.map((range) => clip(range, piece.within))) {
    const address = roundUp(start - (offset % alignment), alignment) + (offset % alignment);
    if (address + size <= end) return address;
  }
  return undefined;
}

function highest(free: readonly MemoryRange[], piece: Piece): bigint | undefined {
  const { size, alignment, offset = 0n } = piece;
  for (const { start, end } of free.map((range) => clip(range, piece.within)).reverse()) {
    const room = end - size - (offset % alignment);
    const address = roundDown(room, alignment) + (offset % alignment);
    if (room >= 0n && address >= start) return address;
  }
  return undefined;
}

function clip(range: MemoryRange, within: MemoryRange = range): MemoryRange {
  return { start: max(range.start, within.start), end: min(range.end, within.end) };
}

/** Names a piece that has no room even alone, else the first that finds none after those before it. */
function noRoom(free: readonly MemoryRange[], pieces: readonly Piece[]): Failure {
  const memory = subtractRanges(free, []);
  const alone = pieces.find((piece) => lowest(memory, piece) === undefined);
  const piece = alone ?? pieces.find((_, index) => inOrder(memory, pieces.slice(0, index + 1)) === undefined);
  if (piece === undefined) return new Failure("memory", "no room");
  const { name, size, alignment, offset = 0n, within } = piece;
  const where = offset === 0n ? "" : `${hex(offset)} above `;
  const limits = within === undefined ? "" : `, within ${formatRange(within)}`;
  const others = alone === undefined ? " beside the others" : "";
  const ranges = memory.length === 0 ? "nothing" : memory.map(formatRange).join(" ");
  return new Failure(
    name,
    `no room for ${hex(size)} bytes${others}, at ${where}a multiple of ${hex(alignment)}${limits}; free is ${ranges}`,
  );
}
