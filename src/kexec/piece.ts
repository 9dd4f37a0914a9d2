// What a segment is made of: bytes that are here already, an open file that has not been read yet, or zeros between them.

import type { ByteString } from "../sys/engine.ts";
import type { FileStatus, System } from "../sys/system.ts";

export type Piece =
  | { readonly kind: "bytes"; readonly name: string; readonly bytes: Uint8Array }
  /** `status` is what the file's size and time were when it was opened. */
  | { readonly kind: "file"; readonly name: string; readonly descriptor: number; readonly status: FileStatus }
  | { readonly kind: "padding"; readonly size: number };

/** Limit, in bytes, for what does not tell its size before it is read: an endless file must not fill the memory. */
export const MOST_TO_READ = 1024 * 1024 * 1024;

export function pieceSize(piece: Piece): number {
  if (piece.kind === "padding") return piece.size;
  return piece.kind === "bytes" ? piece.bytes.length : Number(piece.status.size);
}

/**
 * Opens and measures a file. Files of /proc say that they are empty, so that those are read at once.
 * @param label what asked for it, for messages
 * @throws Failure for what cannot be opened, or is no file
 */
export function openPiece(system: System, label: string, name: ByteString): Piece {
  const where = `${label} ${name}`;
  const { descriptor, status } = system.mustOpenFile(name, where);
  const bytes = status.size === 0n ? system.must(system.readAll(descriptor, MOST_TO_READ), where) : new Uint8Array(0);
  if (bytes.length > 0) return { kind: "bytes", name, bytes };
  return { kind: "file", name, descriptor, status };
}
