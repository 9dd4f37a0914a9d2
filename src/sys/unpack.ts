// How bytes are compressed that the engine can unpack, and what it says where it cannot: both sides of Engine.unpack.

export type Packing = "gzip" | "lzma" | "xz" | "zstd";

/** What went wrong, in place of a length. host/unpack.h has the same list. */
export const UNPACK = {
  /** The output is too small. */
  full: -1,
  corrupt: -2,
  /** The input ends too early. */
  cutOff: -3,
  /** Other bytes follow what is packed. */
  trailing: -4,
  /** There is no memory for what the method needs besides the output. */
  noMemory: -5,
  /** A method, or a way of it, that this engine does not know. */
  unknown: -6,
} as const;
