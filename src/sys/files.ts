// What the kernel says of files, decoded: struct statx and the records of getdents64(2).

import type { ByteString, Engine } from "./engine.ts";

export type FileKind = "file" | "directory" | "symlink" | "fifo" | "socket" | "device" | "unknown";

export interface Entry {
  readonly name: ByteString;
  readonly kind: FileKind;
}

export interface FileStatus {
  readonly kind: FileKind;
  /** Only of a device that is one. */
  readonly isBlockDevice?: true;
  /** Bytes. */
  readonly size: bigint;
  /** Permissions, as of chmod(2), and whose it is. */
  readonly mode: number;
  readonly owner: { readonly user: number; readonly group: number };
  /** Nanoseconds since the epoch at which the content last changed. */
  readonly modified: bigint;
}

/** By d_type, which is the same number as S_IFMT of st_mode >> 12 (include/linux/fs_types.h). */
const kinds: Readonly<Record<number, FileKind>> = {
  1: "fifo",
  2: "device",
  4: "directory",
  6: "device",
  8: "file",
  10: "symlink",
  12: "socket",
};

/** S_IFBLK >> 12. */
const BLOCK_DEVICE = 6;

/** To statx(2): what decodeStatus reads, and more. */
export const STATX_BASIC_STATS = 0x7ff;

/** Bytes of struct statx, which has one layout on every machine (include/uapi/linux/stat.h). */
export const STATX_SIZE = 256;

export function kindOfType(type: number): FileKind {
  return kinds[type] ?? "unknown";
}

/** A struct statx. */
export function decodeStatus(bytes: Uint8Array, littleEndian: boolean): FileStatus {
  const fields = new DataView(bytes.buffer, bytes.byteOffset);
  const seconds = fields.getBigInt64(112, littleEndian);
  const mode = fields.getUint16(28, littleEndian);
  const type = mode >> 12;
  return {
    kind: kindOfType(type),
    mode: mode & 0o7777,
    owner: { user: fields.getUint32(20, littleEndian), group: fields.getUint32(24, littleEndian) },
    size: fields.getBigUint64(40, littleEndian),
    modified: seconds * 1_000_000_000n + BigInt(fields.getUint32(120, littleEndian)),
    ...(type === BLOCK_DEVICE ? { isBlockDevice: true } : {}),
  };
}

/** Of a struct statx, the device and the inode: of the same file the same text, whatever path leads there. */
export function decodeIdentity(bytes: Uint8Array, littleEndian: boolean): string {
  const fields = new DataView(bytes.buffer, bytes.byteOffset);
  const device = [136, 140].map((at) => fields.getUint32(at, littleEndian));
  return [...device, fields.getBigUint64(32, littleEndian)].join(":");
}

/** What getdents64 filled in, without `.` and `..`: struct linux_dirent64, one after the other. */
export function decodeEntries(engine: Engine, bytes: Uint8Array, littleEndian: boolean): Entry[] {
  const fields = new DataView(bytes.buffer, bytes.byteOffset);
  const entries: Entry[] = [];
  // u64 inode, s64 offset, u16 length of the record, u8 type, name with NUL
  for (let at = 0; at < bytes.length; at += fields.getUint16(at + 16, littleEndian)) {
    const name = engine.decode(bytes, at + 19, bytes.indexOf(0, at + 19));
    if (name !== "." && name !== "..") entries.push({ name, kind: kindOfType(fields.getUint8(at + 18)) });
  }
  return entries;
}
