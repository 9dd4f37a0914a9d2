// Chooses addresses: free ranges of memory and the pieces that have to go there -> an address for each piece.

import { type MemoryRange, max, min, rangeOfSize, roundUp, subtractRanges } from "../range.ts";

/** A piece that needs memory: a kernel, its tree, its initrd. */
export interface Piece {
  /** Bytes. */
  readonly size: bigint;
  /** The address is a multiple of this, or `offset` bytes above one. Positive. */
  readonly alignment: bigint;
  readonly offset?: bigint;
  /** Where the whole piece has to lie; anywhere unless said. */
  readonly within?: MemoryRange | undefined;
}

/**
 * An address for every piece, so that each lies in free memory and no two share any; undefined where there are none.
 *
 * Each piece in turn gets the lowest address that is left for it. If one then finds no room, every order is tried. That is
 * exact: if there are addresses for all, some order of pieces finds such. (Take any solution, and move its pieces down one
 * after the other, from the lowest on.) The time grows with the factorial of the number of pieces then; a kexec load has a
 * handful.
 *
 * @param free may overlap and be in any order; what touches is one range
 * @returns in the order of the pieces
 */
export function findAddresses(free: readonly MemoryRange[], wanted: readonly Piece[]): bigint[] | undefined {
  // Copies: one that is wanted twice is two pieces.
  const pieces = wanted.map((piece) => ({ ...piece }));
  const memory = subtractRanges(free, []);
  const chosen = inOrder(memory, pieces) ?? inAnyOrder(memory, pieces);
  return chosen && pieces.map((piece) => chosen.get(piece) ?? 0n);
}

/** The lowest address for one piece; undefined where there is no room. */
export function findAddress(free: readonly MemoryRange[], piece: Piece): bigint | undefined {
  return lowest(subtractRanges(free, []), piece);
}

type Addresses = Map<Piece, bigint>;

function inOrder(free: readonly MemoryRange[], pieces: readonly Piece[]): Addresses | undefined {
  const addresses: Addresses = new Map();
  let left = free;
  for (const piece of pieces) {
    const address = lowest(left, piece);
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

function clip(range: MemoryRange, within: MemoryRange = range): MemoryRange {
  return { start: max(range.start, within.start), end: min(range.end, within.end) };
}
