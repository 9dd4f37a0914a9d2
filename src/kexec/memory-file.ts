// Several files joined into one that lies in memory: the kernel takes one initrd, by its descriptor.

import { Failure } from "../failure.ts";
import { errno } from "../sys/errno.ts";
import type { System } from "../sys/system.ts";
import type { OpenFile } from "./file-checks.ts";
import { type Piece, pieceSize } from "./piece.ts";

/** Bytes that are copied at once. */
const STEP = 1024 * 1024;

/** To memfd_create(2), linux/memfd.h. */
const MFD_CLOEXEC = 1;

/**
 * A file of these pieces in memory. It is gone when its descriptor is closed.
 * @param name for messages
 * @throws Failure for a file that changes meanwhile, for a kernel without such files, for want of memory
 */
export function joinInMemory(system: System, name: string, pieces: readonly Piece[]): OpenFile {
  const descriptor = system.call("memfd_create", "joined", MFD_CLOEXEC);
  if (descriptor === -errno.ENOSYS) {
    throw new Failure(name, "the running kernel has no memfd_create, by which they are joined: cat joins them before");
  }
  system.must(descriptor, `${name}: memfd_create`);
  const buffer = system.allocate(STEP, name);
  for (const piece of pieces) append(system, descriptor, piece, buffer);
  return { name, descriptor, status: system.must(system.status(descriptor), name) };
}

function append(system: System, target: number, piece: Piece, buffer: Uint8Array): void {
  if (piece.kind === "padding") {
    system.writeAll(target, new Uint8Array(piece.size), "padding");
    return;
  }
  if (piece.kind === "bytes") {
    system.writeAll(target, piece.bytes, piece.name);
    return;
  }
  const { name, descriptor, status } = piece;
  const size = pieceSize(piece);
  for (let at = 0; at < size; ) {
    const got = system.must(system.read(descriptor, buffer, 0, Math.min(STEP, size - at)), name);
    if (got === 0) throw new Failure(name, `ended after ${at} of ${size} bytes`);
    system.writeAll(target, buffer.subarray(0, got), `${name}: its copy in memory`);
    at += got;
  }
  const now = system.status(descriptor);
  if (typeof now === "number" || (now.size === status.size && now.modified === status.modified)) return;
  throw new Failure(name, `changed while it was read: ${status.size} bytes before, ${now.size} now`);
}
