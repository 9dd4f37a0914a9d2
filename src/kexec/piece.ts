// What a segment is made of: bytes that are here already, a part of an open file that has not been read yet, or zeros.

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { FileStatus, System } from "../sys/system.ts";

export type Piece = HeldPiece | { readonly kind: "padding"; readonly size: number };

/** What holds bytes of its own. */
export type HeldPiece =
  /** `isMapped`: in memory of its own outside the heap, which may become a segment's as it is. */
  | { readonly kind: "bytes"; readonly name: string; readonly bytes: Uint8Array; readonly isMapped?: true }
  /** `length` bytes from `offset` on. `status` is what the file's size and time were when it was opened. */
  | {
      readonly kind: "file";
      readonly name: string;
      readonly descriptor: number;
      readonly status: FileStatus;
      readonly offset: number;
      readonly length: number;
    };

/** Limit, in bytes, for what does not tell its size before it is read: an endless file must not fill the memory. */
export const MOST_TO_READ = 1024 * 1024 * 1024;

/** Bytes from a file's start by which it is nearly always known what it is (forms.ts). */
export const FORM_SPAN = 4096;

export function pieceSize(piece: Piece): number {
  if (piece.kind === "padding") return piece.size;
  return piece.kind === "bytes" ? piece.bytes.length : piece.length;
}

/**
 * Opens and measures a file. Files of /proc say that they are empty, so that those are read at once.
 * @param label what asked for it, for messages; "" where the name says it all
 * @throws Failure for what cannot be opened, or is no file
 */
export function openPiece(system: System, label: string, name: ByteString): HeldPiece {
  const where = label === "" ? name : `${label} ${name}`;
  const { descriptor, status } = system.mustOpenFile(name, where);
  const bytes = status.size === 0n ? system.must(system.readAll(descriptor, MOST_TO_READ), where) : new Uint8Array(0);
  if (bytes.length > 0) return { kind: "bytes", name, bytes };
  return { kind: "file", name, descriptor, status, offset: 0, length: Number(status.size) };
}

/** Some of a piece's bytes as a piece, which has to hold them all. */
export function partOf(piece: HeldPiece, at: number, length: number): HeldPiece {
  if (at < 0 || length < 0 || at + length > pieceSize(piece)) throw new RangeError(`no ${length} bytes from ${at} on`);
  if (piece.kind === "bytes") return { ...piece, bytes: piece.bytes.subarray(at, at + length) };
  return { ...piece, offset: piece.offset + at, length };
}

/**
 * At most `length` bytes of a piece from `at` on, fewer where it ends. Those of a file are read into the heap.
 * @throws Failure where the file cannot be read, or has become shorter
 */
export function readPiece(system: System, piece: Piece, at: number, length: number): Uint8Array {
  const size = Math.max(0, Math.min(length, pieceSize(piece) - at));
  if (piece.kind === "bytes") return piece.bytes.subarray(at, at + size);
  const bytes = new Uint8Array(size);
  if (piece.kind === "file" && size > 0) readInto(system, bytes, partOf(piece, at, size));
  return bytes;
}

/** The same of several pieces, one after the other. */
export function readStart(system: System, pieces: readonly Piece[], length: number): Uint8Array {
  const [first] = pieces;
  if (first !== undefined && (pieces.length === 1 || pieceSize(first) >= length)) {
    return readPiece(system, first, 0, length);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    const part = readPiece(system, piece, 0, length - at);
    bytes.set(part, at);
    at += part.length;
    if (at === length) break;
  }
  return bytes.subarray(0, at);
}

/**
 * Puts the whole of a piece into memory of the same size.
 * @throws Failure where the file cannot be read, or has become shorter
 */
export function readInto(system: System, memory: Uint8Array, piece: HeldPiece): void {
  if (piece.kind === "bytes") {
    memory.set(piece.bytes);
    return;
  }
  const { descriptor, name, offset } = piece;
  for (let at = 0; at < memory.length; ) {
    const got = system.must(system.readAt(descriptor, memory.subarray(at), BigInt(offset + at)), name);
    if (got === 0) throw new Failure(name, `ended after ${offset + at} of ${piece.status.size} bytes`);
    at += got;
  }
}

/** A file that changed after it was measured would be loaded torn. */
export function refuseChanged(system: System, pieces: readonly Piece[]): void {
  for (const piece of pieces) {
    if (piece.kind !== "file") continue;
    const now = system.status(piece.descriptor);
    if (typeof now === "number") continue;
    if (now.size !== piece.status.size || now.modified !== piece.status.modified) {
      throw new Failure(piece.name, `changed while it was read: ${piece.status.size} bytes before, ${now.size} now`);
    }
  }
}
