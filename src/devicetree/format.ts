// How a flattened device tree is laid out, in all its versions: what its writer and its reader both have to know.
// Devicetree Specification 0.4 chapter 5 for 16 and 17; Linux Documentation/powerpc/booting-without-of.txt
// (2005 to 2016) for 1 to 3.

import { type MemoryRange, rangeOfSize } from "../range.ts";

export const versions = [1, 2, 3, 16, 17] as const;
export type Version = (typeof versions)[number];

/** totalsize is unsigned, but readers hold it in an int. */
export const MAX_BLOB = 2 ** 31 - 1;

export const MAGIC = 0xd00dfeed;
/** Where the fields of the header are, in bytes. */
export const FIELD = {
  totalSize: 4,
  structure: 8,
  strings: 12,
  reserveMap: 16,
  version: 20,
  compatible: 24,
  bootCpu: 28,
  stringsSize: 32,
  structureSize: 36,
} as const;
/** What the structure block is made of. */
export const TOKEN = { beginNode: 1, endNode: 2, property: 3, nop: 4, end: 9 } as const;
/** Bytes of the shortest header, of version 1. */
export const SMALLEST_HEADER = 28;

/** Bytes of the header, and the oldest version whose readers still understand the blob. */
export const layouts: Readonly<Record<Version, { header: number; compatible: number; fullPaths: boolean }>> = {
  1: { header: 28, compatible: 1, fullPaths: true },
  2: { header: 32, compatible: 2, fullPaths: true },
  3: { header: 36, compatible: 2, fullPaths: true },
  16: { header: 36, compatible: 16, fullPaths: false },
  17: { header: 40, compatible: 16, fullPaths: false },
};

/** Before version 16 values of 8 bytes or more begin on a multiple of 8. The structure block does so in all versions. */
export function valueStart(at: number, length: number, fullPaths: boolean): number {
  return fullPaths && length >= 8 ? align(at, 8) : at;
}

/** `value` rounded up to a multiple of `to`. */
export function align(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** How far into the structure block the root's first child is looked for. */
const ROOT_SPAN = 65536;

/** Whether the blob that `bytes` begin with is a FIT, U-Boot's form of a kernel: /images is its root's first child. */
export function isFit(bytes: Uint8Array): boolean {
  if (headOf(bytes) === undefined) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // The root has no name: its token and one word.
  const start = view.getUint32(FIELD.structure) + 8;
  const end = Math.min(bytes.length, start + ROOT_SPAN) - 12;
  for (let at = start; at <= end; ) {
    const token = view.getUint32(at);
    if (token === TOKEN.property) at = align(at + 12 + view.getUint32(at + 4), 4);
    else if (token === TOKEN.nop) at += 4;
    else
      return token === TOKEN.beginNode && ["images\0", "configurations\0"].some((name) => hasText(view, at + 4, name));
  }
  return false;
}

function hasText(view: DataView, start: number, text: string): boolean {
  return [...text].every((character, at) => {
    return start + at < view.byteLength && view.getUint8(start + at) === character.charCodeAt(0);
  });
}

/** What a blob says of itself. */
export interface BlobHead {
  /** totalsize, in bytes; the bytes at hand may be fewer. */
  readonly size: number;
  readonly version: number;
  /** Where in the blob the reserve map begins. */
  readonly start: number;
  /** The reserve map, as far as it lies within the blob and the bytes at hand, and no more of it than is ever made. */
  readonly reserved: readonly MemoryRange[];
}

/** Entries of a reserve map that are looked at. prom_init makes 16 at most; of a map without end not all are of use. */
const MOST_RESERVED = 4096;

/** The head of the blob that `bytes` begin with, whatever its version; undefined where there is none. */
export function headOf(bytes: Uint8Array): BlobHead | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.byteLength < SMALLEST_HEADER || view.getUint32(0) !== MAGIC) return undefined;
  const size = view.getUint32(FIELD.totalSize);
  const start = view.getUint32(FIELD.reserveMap);
  const end = Math.min(size, view.byteLength, start + 16 * MOST_RESERVED);
  const reserved: MemoryRange[] = [];
  for (let at = start; at + 16 <= end; at += 16) {
    const length = view.getBigUint64(at + 8);
    if (length === 0n) break;
    reserved.push(rangeOfSize(view.getBigUint64(at), length));
  }
  return { size, version: view.getUint32(FIELD.version), start, reserved };
}
