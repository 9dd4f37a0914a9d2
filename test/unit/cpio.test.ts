// Archives of ours, and what is refused for one.

import { describe, expect, test } from "bun:test";
import { cpio, type Entry } from "../../initramfs/cpio.ts";
import { present } from "../support/present.ts";

function archive(entries: readonly Entry[]): Buffer {
  return Buffer.concat(cpio(entries));
}

function file(path: string, length: number): Entry {
  return { kind: "file", path, content: Buffer.alloc(length, path), mode: 0o644 };
}

describe("an archive", () => {
  test("is the same for the same entries, and has inode numbers in their order", () => {
    const entries = [file("a", 1), file("b/c", 2)];
    const bytes = archive(entries);
    expect(archive(entries).equals(bytes)).toBe(true);
    const inodes = [...bytes.toString("latin1").matchAll(/070701([0-9a-f]{8})/g)];
    expect(inodes.map(([, inode]) => parseInt(present(inode), 16))).toEqual([1, 2, 3, 0]);
  });

  test("passes contents through without copying them", () => {
    const content = new Uint8Array(1000);
    expect(cpio([{ kind: "file", path: "a", content, mode: 0o644 }])).toContain(content);
  });
});

describe("refused, by name, is", () => {
  const content = new Uint8Array(0);
  test.each([
    [
      "a file of 4 GiB",
      "a: 4294967296 bytes; a file in a cpio archive ends below 4 GiB",
      [{ kind: "file", path: "a", content: { length: 2 ** 32 } as Uint8Array, mode: 0o644 }],
    ],
    ["an absolute path", "/a: is no plain path from the archive's root", [file("/a", 0)]],
    ["a path that climbs", "a/../b: is no plain path from the archive's root", [file("a/../b", 0)]],
    ["an empty path", ": is no plain path from the archive's root", [file("", 0)]],
    ["a path with a NUL", "a\0b: NUL byte", [file("a\0b", 0)]],
    ["the name that ends an archive", "TRAILER!!!: is what ends an archive", [file("TRAILER!!!", 0)]],
    ["the same file twice", "a: is there already", [file("a", 0), file("a", 0)]],
    ["a directory where a file is", "a: is there already", [file("a", 0), { kind: "directory", path: "a" }]],
    ["a file in a file", "a/b: a is a file, not a directory", [file("a", 0), file("a/b", 0)]],
    [
      "a file behind a link",
      "a/b: a is a symlink, not a directory",
      [
        { kind: "symlink", path: "a", target: "c" },
        { kind: "file", path: "a/b", content, mode: 0o755 },
      ],
    ],
    [
      "a link to nothing",
      "a: its target must have 1 to 4095 bytes, none of them NUL",
      [{ kind: "symlink", path: "a", target: "" }],
    ],
    [
      "a link whose target is too long",
      "a: its target must have 1 to 4095 bytes, none of them NUL",
      [{ kind: "symlink", path: "a", target: "t".repeat(4096) }],
    ],
  ] satisfies [string, string, Entry[]][])("%s", (_, message, entries) => {
    expect(() => cpio(entries)).toThrow(new Error(message));
  });

  test("a name that the kernel would skip: longer than 255 bytes, not characters", () => {
    expect(() => cpio([file("\u00e9".repeat(128), 0)])).toThrow("a name of 256 bytes; 255 is the limit");
    expect(() => cpio([file("\u00e9".repeat(127), 0)])).not.toThrow();
  });

  test("a path that the kernel would skip: 4096 bytes", () => {
    const path = (length: number) => `${"a/".repeat(2048).slice(0, length - 1)}b`;
    expect(() => cpio([file(path(4096), 0)])).toThrow("4096 bytes long; 4095 is the limit");
    expect(() => cpio([file(path(4095), 0)])).not.toThrow();
  });
});
