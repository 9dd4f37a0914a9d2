// Compressed bytes become bytes in memory of their own: how large that has to be, and what can be wrong.

import { Failure, hex } from "../failure.ts";
import { readMemoryInfo } from "../kexec/facts.ts";
import { type HeldPiece, pieceSize, readInto, refuseChanged } from "../kexec/piece.ts";
import type { System } from "../sys/system.ts";
import { type Packing, UNPACK } from "../sys/unpack.ts";
import { findUnpackedSize } from "./unpacked-size.ts";

/** Bytes: far more than any kernel has, and what a bomb may take. */
const MOST_UNPACKED = 512 * 1024 * 1024;

const METHODS: readonly string[] = ["gzip", "lzma", "xz", "zstd"] satisfies Packing[];

/** Whether some engine of ours can unpack it. */
export function isPacking(method: string): method is Packing {
  return METHODS.includes(method);
}

/**
 * What a piece unpacks to.
 * @returns undefined where this engine does not know the method, or not this way of it
 * @throws Failure for what is corrupt, cut off, followed by other bytes, or larger than a kernel can be
 */
export function unpackPiece(system: System, piece: HeldPiece, method: Packing): HeldPiece | undefined {
  const { name } = piece;
  if (piece.kind === "bytes") return unpackBytes(system, name, piece.bytes, method);
  // Read, not mapped: a mapping of a file that gets shorter meanwhile ends a process by a signal.
  const input = system.allocate(pieceSize(piece), name);
  try {
    readInto(system, input, piece);
    refuseChanged(system, [piece]);
    return unpackBytes(system, name, input, method);
  } finally {
    system.free(input);
  }
}

function unpackBytes(system: System, name: string, input: Uint8Array, method: Packing): HeldPiece | undefined {
  const told = findUnpackedSize(method, input);
  if (typeof told === "number") throw new Failure(name, describe(told, method));
  const limit = mostUnpacked(system);
  if (told.isSure && told.size > limit) throw tooLarge(name, method, limit);
  for (let size = Math.min(Math.max(told.size, 1), limit); ; size = Math.min(2 * size, limit)) {
    const output = system.allocate(size, `${name}: ${size} bytes`);
    const got = system.engine.unpack(method, input, output);
    if (got > 0) return { kind: "bytes", name, bytes: output.subarray(0, got), isMapped: true };
    system.free(output);
    if (got === UNPACK.unknown) return undefined;
    if (got !== UNPACK.full) throw new Failure(name, describe(got, method));
    if (size === limit) throw tooLarge(name, method, limit);
  }
}

/** As much as there is, too: memory that is not there would end the process. */
function mostUnpacked(system: System): number {
  const available = readMemoryInfo(system, "MemAvailable");
  return available === undefined ? MOST_UNPACKED : Math.min(MOST_UNPACKED, Math.max(Number(available), 1));
}

function tooLarge(name: string, method: Packing, limit: number): Failure {
  const why = limit === MOST_UNPACKED ? "more than any kernel has" : "more than there is memory for";
  return new Failure(name, `compressed with ${method}, to be more than ${hex(limit)} bytes: ${why}`);
}

/** @param error of UNPACK; 0: nothing at all came out */
function describe(error: number, method: Packing): string {
  const what = `compressed with ${method}`;
  switch (error) {
    case 0:
      return `${what}, and nothing is in it`;
    case UNPACK.cutOff:
      return `${what}, and cut off`;
    case UNPACK.trailing:
      return `${what}, and other bytes follow`;
    case UNPACK.noMemory:
      return `${what}: no memory to unpack it`;
    default:
      return `${what}, and corrupt`;
  }
}
