// A kernel's load image written to a descriptor, without its bytes going through the heap.

import { type Piece, partOf, pieceSize, readInto, refuseChanged } from "../kexec/piece.ts";
import type { System } from "../sys/system.ts";

/** Bytes at a time. */
const WINDOW = 1024 * 1024;

/**
 * Writes pieces one after the other.
 * @param place what the descriptor is, for messages
 * @throws Failure where they cannot be written, or a file has changed since it was opened
 */
export function writePieces(system: System, pieces: readonly Piece[], descriptor: number, place: string): void {
  refuseChanged(system, pieces);
  const largest = pieces.reduce((most, piece) => Math.max(most, piece.kind === "bytes" ? 0 : pieceSize(piece)), 0);
  const window = largest === 0 ? new Uint8Array(0) : system.allocate(Math.min(WINDOW, largest), place);
  for (const piece of pieces) writePiece(system, piece, window, descriptor, place);
  if (largest > 0) system.free(window);
  refuseChanged(system, pieces);
}

/** Bytes that are here already as they are, those of a file by a window that they are read into, all others as zeros. */
function writePiece(system: System, piece: Piece, window: Uint8Array, descriptor: number, place: string): void {
  if (piece.kind === "bytes") {
    system.writeAll(descriptor, piece.bytes, place);
    return;
  }
  const size = pieceSize(piece);
  if (piece.kind !== "file") window.fill(0);
  for (let at = 0; at < size; at += window.length) {
    const bytes = window.subarray(0, Math.min(window.length, size - at));
    if (piece.kind === "file") readInto(system, bytes, partOf(piece, at, bytes.length));
    system.writeAll(descriptor, bytes, place);
  }
}
