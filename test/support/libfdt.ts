// What libfdt, which is not ours, thinks of a blob: fdt_check_full, made for blobs that nobody vouches for.

import { dlopen, FFIType } from "bun:ffi";

const { symbols } = dlopen("libfdt.so.1", {
  fdt_check_full: { args: [FFIType.ptr, FFIType.u64], returns: FFIType.i32 },
});

/** Whether it can be read; libfdt knows no version 1. The blob has to be in memory of its own, and not empty. */
export function libfdtReads(blob: Uint8Array): boolean {
  return symbols.fdt_check_full(blob, blob.length) === 0;
}
