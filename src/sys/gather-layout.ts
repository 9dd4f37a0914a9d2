// Where the script finds things in the structures of gather/gather.h, and the numbers that both sides use.
// gather/layout.h is the same list for the compiler, which refuses one that is wrong.

/** struct gather: bytes from its start. */
export const GATHER = {
  records: 0x08,
  strings: 0x18,
  nodes: 0x28,
  frames: 0x38,
  others: 0x48,
  files: 0x58,
  listing: 0x68,
  names: 0x78,
  children: 0x88,
  beginTag: 0xa8,
  fileTag: 0xac,
  endTag: 0xb0,
  largest: 0xb4,
  room: 0xb8,
  deepest: 0xbc,
  longest: 0xc0,
  emptyMark: 0xc4,
  emptyPrefix: 0xc8,
  ownName: 0xd8,
  fileFlags: 0xe8,
  directoryFlags: 0xec,
  close: 0xf0,
  getdents64: 0xf4,
  mmap: 0xf8,
  mremap: 0xfc,
  openat: 0x100,
  openat2: 0x104,
  ppoll: 0x108,
  read: 0x10c,
  done: 0x118,
  length: 0x11c,
  error: 0x120,
  shortEnds: 0x124,
  rules: 0x128,
} as const;

/** Bytes of struct gather. */
export const GATHER_SIZE = 0x428;

/** struct area: bytes from its start. */
export const AREA = { start: 0, used: 12 } as const;

/** struct frame: bytes from its start. */
export const FRAME = { node: 0, descriptor: 4, next: 24 } as const;
export const FRAME_SIZE = 32;

/** struct rule: bytes from its start. */
export const RULE = { name: 0, mask: 36, value: 40, mark: 44 } as const;
export const RULE_SIZE = 48;
export const MOST_RULES = 16;

/** struct node: words of 32 bits from its start, since an array of them is read as words. */
export const NODE = { start: 0, end: 1, after: 2, next: 3, ownName: 4, count: 5, marks: 6, below: 7 } as const;
export const WORDS_OF_NODE = 8;

/** enum gather_action. */
export const ACTION = { begin: 0, walk: 1, addFile: 2, addDirectory: 3, again: 4, close: 5, key: 6, find: 7 } as const;

/** enum gather_stop: why the walk stopped, at the directory that is open. */
export const STOP = {
  /** Everything is read. */
  done: 0,
  /** The directory holds `others`. */
  others: 1,
  /** It has files that were taken for empty. */
  emptied: 2,
  /** It could not be listed: `error`. */
  listing: 3,
  /** One of its files could not be read: `error`; EFBIG where that file, or all files together, are too large. */
  file: 4,
  /** The next directory in it could not be opened: `error`. */
  opening: 5,
  /** The next directory in it is too deep. */
  depth: 6,
  /** The next directory in it has too long a path. */
  path: 7,
} as const;
