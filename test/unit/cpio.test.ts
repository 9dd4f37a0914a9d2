import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpio, type Entry } from "../../initramfs/cpio.ts";

function archive(entries: readonly Entry[]): Buffer {
  return Buffer.concat(cpio(entries));
}

/** What Debian's cpio says about an archive, its complaints included. */
function listed(bytes: Uint8Array): string[] {
  const { stdout, stderr, exitCode } = Bun.spawnSync(["cpio", "-t", "-v", "-n", "--quiet"], {
    stdin: bytes,
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
  return stdout
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " "));
}

/** Lets Debian's cpio unpack an archive, as anybody may, and looks at what there is then. */
function unpacked<T>(bytes: Uint8Array, look: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "kexecbox-cpio-"));
  try {
    const command = ["cpio", "-i", "-d", "--quiet"];
    const { stderr, exitCode } = Bun.spawnSync(command, { cwd: folder, stdin: bytes });
    expect(stderr.toString()).toBe("");
    expect(exitCode).toBe(0);
    return look(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function file(path: string, length: number): Entry {
  return { kind: "file", path, content: Buffer.alloc(length, path), mode: 0o644 };
}

describe("an archive read by Debian's cpio", () => {
  test("has names and contents of every length modulo 4, the empty file too", () => {
    const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    const names = ["n", "nm", "nme", "name"];
    const entries = lengths.flatMap((size) => names.map((name) => file(`${name}${size}`, size)));
    unpacked(archive(entries), (folder) => {
      for (const entry of entries) {
        if (entry.kind !== "file") throw new Error("only files here");
        expect(readFileSync(join(folder, entry.path)).equals(entry.content)).toBe(true);
      }
    });
  });

  test("has directories, files, links and devices with modes, link counts, no owner and no time", () => {
    expect(
      listed(
        archive([
          { kind: "directory", path: "dev" },
          { kind: "character device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
          { kind: "file", path: "bin/tool", content: Buffer.from("12345"), mode: 0o755 },
          { kind: "symlink", path: "bin/link", target: "tool" },
          { kind: "file", path: "text", content: Buffer.alloc(0), mode: 0o644 },
        ]),
      ),
    ).toEqual([
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 dev",
      "crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 bin",
      "-rwxr-xr-x 1 0 0 5 Jan 1 1970 bin/tool",
      "lrwxrwxrwx 1 0 0 4 Jan 1 1970 bin/link -> tool",
      "-rw-r--r-- 1 0 0 0 Jan 1 1970 text",
    ]);
  });

  test("has each missing parent directory once, before what is inside, and with the right link count", () => {
    expect(listed(archive([file("a/b/c/d", 1), file("a/b/e", 1), file("a/f/g", 1)]))).toEqual([
      "drwxr-xr-x 4 0 0 0 Jan 1 1970 a",
      "drwxr-xr-x 3 0 0 0 Jan 1 1970 a/b",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 a/b/c",
      "-rw-r--r-- 1 0 0 1 Jan 1 1970 a/b/c/d",
      "-rw-r--r-- 1 0 0 1 Jan 1 1970 a/b/e",
      "drwxr-xr-x 2 0 0 0 Jan 1 1970 a/f",
      "-rw-r--r-- 1 0 0 1 Jan 1 1970 a/f/g",
    ]);
  });

  test("keeps names that are not ASCII, and the longest ones there may be", () => {
    const long = `${"n".repeat(255)}/`.repeat(15) + "n".repeat(255);
    expect(listed(archive([file(long, 1)])).at(-1)).toEndWith(` ${long}`);
    expect(listed(archive([file("\u00e9", 1)])).at(-1)).toEndWith(" \u00e9");
  });

  test("is followed by another one without a gap, since its length is a multiple of 4", () => {
    for (const size of [0, 1, 2, 3]) expect(archive([file("a", size)]).length % 4).toBe(0);
  });

  test("may be empty", () => {
    expect(listed(archive([]))).toEqual([""]);
  });
});

describe("an archive", () => {
  test("is the same for the same entries, and has inode numbers in their order", () => {
    const entries = [file("a", 1), file("b/c", 2)];
    const bytes = archive(entries);
    expect(archive(entries).equals(bytes)).toBe(true);
    const inodes = [...bytes.toString("latin1").matchAll(/070701([0-9a-f]{8})/g)];
    expect(inodes.map(([, inode]) => parseInt(inode!, 16))).toEqual([1, 2, 3, 0]);
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
    const path = (length: number) => "a/".repeat(2048).slice(0, length - 1) + "b";
    expect(() => cpio([file(path(4096), 0)])).toThrow("4096 bytes long; 4095 is the limit");
    expect(() => cpio([file(path(4095), 0)])).not.toThrow();
  });
});
