// What libfdt, which is not ours, thinks of a blob, and makes of it.

import { dlopen, FFIType } from "bun:ffi";

const { ptr, i32, u64 } = FFIType;
const { symbols } = dlopen("libfdt.so.1", {
  fdt_check_full: { args: [ptr, u64], returns: i32 },
  fdt_path_offset: { args: [ptr, ptr], returns: i32 },
  fdt_setprop: { args: [ptr, i32, ptr, ptr, i32], returns: i32 },
});

const NO_SPACE = -3;

/** Whether it can be read, by the function that was made for blobs that nobody vouches for. It knows no version 1. */
export function libfdtReads(blob: Uint8Array): boolean {
  return symbols.fdt_check_full(blob, blob.length) === 0;
}

/** Adds a property within the bytes that the blob has; false where those are too few. */
export function addedInPlace(blob: Uint8Array, node: string, name: string, value: Uint8Array): boolean {
  const at = symbols.fdt_path_offset(blob, Buffer.from(`${node}\0`));
  const result = at < 0 ? at : symbols.fdt_setprop(blob, at, Buffer.from(`${name}\0`), value, value.length);
  if (result !== 0 && result !== NO_SPACE) throw new Error(`libfdt: ${result}`);
  return result === 0;
}
