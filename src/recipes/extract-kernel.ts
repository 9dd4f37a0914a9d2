// A kernel's load image written to a descriptor, without its bytes going through the heap.

import { type Piece, pieceSize, refuseChanged } from "../kexec/piece.ts";
import type { System } from "../sys/system.ts";

/**
 * Writes pieces one after the other.
 * @param place what the descriptor is, for messages
 * @throws Failure where they cannot be written, or a file has changed since it was opened
 */
export function writePieces(system: System, pieces: readonly Piece[], descriptor: number, place: string): void {
  refuseChanged(system, pieces);
  for (const piece of pieces) {
    if (pieceSize(piece) > 0) system.writeAll(descriptor, mapPiece(system, piece), place);
  }
  refuseChanged(system, pieces);
}

/** A piece's bytes, those of a file as a mapping of it. */
function mapPiece(system: System, piece: Piece): Uint8Array {
  if (piece.kind === "bytes") return piece.bytes;
  const size = pieceSize(piece);
  if (piece.kind === "padding") return system.allocate(size, "padding");
  const { descriptor, name, offset } = piece;
  const before = offset % system.pageSize;
  const memory = system.allocate(before + size, name);
  system.mapOver(memory, 0, descriptor, before + size, name, offset - before);
  return memory.subarray(before);
}
