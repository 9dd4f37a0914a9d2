// Archives of ours, read by Debian's cpio.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { cpio, type Entry } from "../../initramfs/cpio.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

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

/** Lets Debian's cpio unpack an archive in the test's folder, as anybody may. */
function unpack(bytes: Uint8Array): void {
  const command = ["cpio", "-i", "-d", "--quiet"];
  const { stderr, exitCode } = Bun.spawnSync(command, { cwd: folder.path, stdin: bytes });
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
}

function file(path: string, length: number): Entry {
  return { kind: "file", path, content: Buffer.alloc(length, path), mode: 0o644 };
}

describe("an archive read by Debian's cpio", () => {
  test("has names and contents of every length modulo 4, the empty file too", () => {
    const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    const names = ["n", "nm", "nme", "name"];
    const entries = lengths.flatMap((size) => names.map((name) => file(`${name}${size}`, size)));
    unpack(archive(entries));
    for (const entry of entries) {
      if (entry.kind !== "file") throw new Error("only files here");
      expect(readFileSync(folder.in(entry.path)).equals(entry.content)).toBe(true);
    }
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
