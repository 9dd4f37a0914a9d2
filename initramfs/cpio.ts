// Writes cpio archives in the newc format, which the kernel unpacks.
// Linux: Documentation/driver-api/early-userspace/buffer-format.rst, init/initramfs.c.

import { Failure } from "../src/failure.ts";

/** Paths have no leading slash: they begin at the root of the archive. */
export type Entry = { readonly path: string } & (
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly content: Uint8Array; readonly mode: 0o644 | 0o755 }
  | { readonly kind: "symlink"; readonly target: string }
  | ({ readonly kind: "character device"; readonly mode: number } & DeviceNumber)
);

interface DeviceNumber {
  readonly major: number;
  readonly minor: number;
}

const HEADER_LENGTH = 110;
const TRAILER = "TRAILER!!!";
/** Of the kernel, with the NUL at the end; a longer name is skipped without a word (init/initramfs.c). */
const PATH_MAX = 4096;
const NAME_MAX = 255;
/** The size field has eight hexadecimal digits. */
const SIZE_LIMIT = 2 ** 32;

const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;

/**
 * The archive as a list of chunks: what is in a file is passed through, not copied. The same entries give the
 * same bytes: no times, owner 0, inode numbers in order. The length of the whole is a multiple of 4.
 * @param entries in the order in which they are unpacked; missing parent directories are put before them
 * @throws Failure naming the entry that the format or the kernel has no room for, or that stands twice
 */
export function cpio(entries: readonly Entry[]): Uint8Array[] {
  const whole = withParents(entries);
  const links = linkCounts(whole);
  const members = whole.map((entry, row) => member(entry, row + 1, links.get(entry.path) ?? 1));
  const trailer = header({ path: TRAILER, inode: 0, mode: 0, links: 1, size: 0, major: 0, minor: 0 });
  return [...members.flat(), trailer];
}

/** The entries as they come into the archive: each after the directories that it is in. */
export function withParents(entries: readonly Entry[]): Entry[] {
  const kinds = new Map<string, Entry["kind"]>();
  const whole: Entry[] = [];
  function add(entry: Entry): void {
    kinds.set(entry.path, entry.kind);
    whole.push(entry);
  }
  for (const entry of entries) {
    checkPath(entry.path);
    for (const parent of parentsOf(entry.path)) {
      const kind = kinds.get(parent);
      if (kind === undefined) add({ kind: "directory", path: parent });
      else if (kind !== "directory") throw new Failure(entry.path, `${parent} is a ${kind}, not a directory`);
    }
    const present = kinds.get(entry.path);
    if (present === undefined) {
      add(entry);
    } else if (present !== "directory" || entry.kind !== "directory") {
      throw new Failure(entry.path, "is there already");
    }
  }
  return whole;
}

function checkPath(path: string): void {
  const names = path.split("/");
  if (names.some((name) => name === "" || name === "." || name === "..")) {
    throw new Failure(path, "is no plain path from the archive's root");
  }
  if (path.includes("\0")) throw new Failure(path, "NUL byte");
  if (path === TRAILER) throw new Failure(path, "is what ends an archive");
  const longest = Math.max(...names.map((name) => Buffer.byteLength(name)));
  if (longest > NAME_MAX) throw new Failure(path, `a name of ${longest} bytes; ${NAME_MAX} is the limit`);
  const length = Buffer.byteLength(path);
  if (length >= PATH_MAX) throw new Failure(path, `${length} bytes long; ${PATH_MAX - 1} is the limit`);
}

/** `a/b/c` → `a`, `a/b` */
function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) parents.push(path.slice(0, end));
  return parents;
}

/** A directory is linked from its parent, from itself and from each directory inside. */
function linkCounts(whole: readonly Entry[]): ReadonlyMap<string, number> {
  const counts = new Map(whole.flatMap(({ kind, path }) => (kind === "directory" ? [[path, 2]] : [])));
  for (const path of counts.keys()) {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    counts.set(parent, (counts.get(parent) ?? 0) + 1);
  }
  return counts;
}

function member(entry: Entry, inode: number, links: number): Uint8Array[] {
  const { path } = entry;
  const plain = { path, inode, links, size: 0, major: 0, minor: 0 };
  switch (entry.kind) {
    case "directory":
      return [header({ ...plain, mode: S_IFDIR | 0o755 })];
    case "character device":
      return [header({ ...plain, mode: S_IFCHR | entry.mode, major: entry.major, minor: entry.minor })];
    case "symlink":
      return withContent({ ...plain, mode: S_IFLNK | 0o777 }, targetBytes(path, entry.target));
    case "file":
      return withContent({ ...plain, mode: S_IFREG | entry.mode }, entry.content);
  }
}

function targetBytes(path: string, target: string): Uint8Array {
  const bytes = Buffer.from(target);
  if (bytes.length === 0 || bytes.length >= PATH_MAX || bytes.includes(0)) {
    throw new Failure(path, "its target must have 1 to 4095 bytes, none of them NUL");
  }
  return bytes;
}

interface Fields extends DeviceNumber {
  readonly path: string;
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly size: number;
}

/**
 * Asks before a file is read whether the format has room for it.
 * @throws Failure that names `path`
 */
export function checkSize(path: string, size: number): void {
  if (size >= SIZE_LIMIT) throw new Failure(path, `${size} bytes; a file in a cpio archive ends below 4 GiB`);
}

function withContent(fields: Fields, content: Uint8Array): Uint8Array[] {
  const size = content.length;
  checkSize(fields.path, size);
  const chunks = [header({ ...fields, size }), content, new Uint8Array(padding(size))];
  return chunks.filter(({ length }) => length > 0);
}

/** The header and then the name, padded so that what follows begins on a multiple of 4. */
function header({ path, inode, mode, links, size, major, minor }: Fields): Uint8Array {
  const name = Buffer.from(`${path}\0`);
  const [owner, group, time, deviceMajor, deviceMinor, checksum] = [0, 0, 0, 0, 0, 0];
  const numbers = [
    inode,
    mode,
    owner,
    group,
    links,
    time,
    size,
    deviceMajor,
    deviceMinor,
    major,
    minor,
    name.length,
    checksum,
  ];
  const text = `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}`;
  const length = HEADER_LENGTH + name.length;
  const bytes = new Uint8Array(length + padding(length));
  bytes.set(Buffer.from(text));
  bytes.set(name, HEADER_LENGTH);
  return bytes;
}

function padding(length: number): number {
  return -length & 3;
}
