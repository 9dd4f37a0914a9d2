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
  for (const piece of pieces) writePiece(system, piece, descriptor, place);
  refuseChanged(system, pieces);
}

/** Bytes that are here already as they are, those of a file by a window that they are read into. */
function writePiece(system: System, piece: Piece, descriptor: number, place: string): void {
  if (piece.kind === "bytes") {
    system.writeAll(descriptor, piece.bytes, place);
    return;
  }
  const size = pieceSize(piece);
  const window = system.allocate(WINDOW, place);
  for (let at = 0; at < size; at += WINDOW) {
    const bytes = window.subarray(0, Math.min(WINDOW, size - at));
    if (piece.kind === "file") readInto(system, bytes, partOf(piece, at, bytes.length));
    system.writeAll(descriptor, bytes, place);
  }
  system.free(window);
}
