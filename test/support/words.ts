// A blob of version 17 from the words of its structure block.

import { cells } from "./tree.ts";

/** The strings are "a" at 0 and "b" at 2; the reserve map is empty. */
export function blobOfWords(...structure: readonly number[]): Buffer {
  return blobOfStructure(cells(...structure));
}

export function blobOfStructure(
  structure: Uint8Array,
  strings: Uint8Array = Buffer.from("a\0b\0"),
  map = cells(0, 0, 0, 0),
): Buffer {
  const start = 40 + map.length;
  const end = start + structure.length;
  const header = cells(0xd00dfeed, end + strings.length, start, end, 40, 17, 16, 0, strings.length, structure.length);
  return Buffer.concat([header, map, structure, strings]);
}
