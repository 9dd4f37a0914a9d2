// Unpacking under Bun, which has zlib and Zstandard inside, and nothing for xz.

import type { Packing } from "../unpack.ts";
import { UNPACK } from "../unpack.ts";

/** As Engine has it. */
export function unpack(method: Packing, input: Uint8Array, output: Uint8Array): number {
  if (method !== "gzip" && method !== "zstd") return UNPACK.unknown;
  try {
    const bytes = method === "gzip" ? gunzip(input, output.length) : unzstd(input, output.length);
    output.set(bytes);
    return bytes.length;
  } catch (error) {
    return codeOf(error as NodeJS.ErrnoException, input);
  }
}

/** Not imported: it takes time and memory when it is first used. */
function zlib(): typeof import("node:zlib") {
  return process.getBuiltinModule("node:zlib");
}

function gunzip(input: Uint8Array, most: number): Uint8Array {
  return zlib().gunzipSync(input, { maxOutputLength: most });
}

/** Bun's own function has no limit; that of node:zlib takes what is cut off, or followed by other bytes. */
function unzstd(input: Uint8Array, most: number): Uint8Array {
  zlib().zstdDecompressSync(input, { maxOutputLength: most });
  return Bun.zstdDecompressSync(input);
}

/** A header that is wrong is that of another member, unless there is none at all: a zboot image may say gzip, and hold none. */
function codeOf({ code, message }: NodeJS.ErrnoException, input: Uint8Array): number {
  if (code === "ERR_BUFFER_TOO_LARGE") return UNPACK.full;
  if (code === "Z_BUF_ERROR") return UNPACK.cutOff;
  if (code === "Z_MEM_ERROR" || code === "ERR_MEMORY_ALLOCATION_FAILED") return UNPACK.noMemory;
  const isFirst = input[0] !== 0x1f || input[1] !== 0x8b;
  return message.includes("incorrect header check") && !isFirst ? UNPACK.trailing : UNPACK.corrupt;
}
