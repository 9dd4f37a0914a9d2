// A kernel's load image written to a descriptor, without its bytes going through the heap.

import { type Piece, pieceSize, refuseChanged } from "../kexec/piece.ts";
import type { System } from "../sys/system.ts";

/** Bytes that are mapped at a time: a file may be larger than what an engine takes for an array. */
const WINDOW = 256 * 1024 * 1024;

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

/** Bytes that are here already as they are, those of a file by mappings of it. */
function writePiece(system: System, piece: Piece, descriptor: number, place: string): void {
  if (piece.kind === "bytes") {
    system.writeAll(descriptor, piece.bytes, place);
    return;
  }
  const size = pieceSize(piece);
  for (let at = 0; at < size; at += WINDOW) {
    const length = Math.min(WINDOW, size - at);
    const before = piece.kind === "file" ? (piece.offset + at) % system.pageSize : 0;
    const memory = system.allocate(before + length, piece.kind === "file" ? piece.name : "padding");
    if (piece.kind === "file") {
      const { descriptor: source, name, offset } = piece;
      system.mapOver(memory, 0, source, before + length, name, offset + at - before);
    }
    system.writeAll(descriptor, memory.subarray(before), place);
    system.free(memory);
  }
}
