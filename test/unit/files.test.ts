// What the kernel tells of files and of what is in directories, as it is decoded.

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { engine } from "../../src/sys/bun.ts";
import { errno } from "../../src/sys/errno.ts";
import { CWD, System } from "../../src/sys/system.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();
const system = new System(engine);

test("a file has its size, its permissions, its owner, and the time at which its content changed, to the nanosecond", () => {
  const path = folder.in("file");
  writeFileSync(path, "12345");
  chmodSync(path, 0o640);
  // The last access and the last change of the file's state are at other times.
  utimesSync(path, 7, 1_234_567_890.25);
  expect(system.statusOf(CWD, path)).toEqual({
    kind: "file",
    size: 5n,
    mode: 0o640,
    owner: { user: process.geteuid?.() ?? -1, group: process.getegid?.() ?? -1 },
    modified: 1_234_567_890_250_000_000n,
  });
});

test("a directory's entries are listed with their kinds, without itself and its parent", () => {
  writeFileSync(folder.in("file"), "");
  mkdirSync(folder.in("directory"));
  symlinkSync("nowhere", folder.in("link"));
  const entries = system.listIfThere(folder.path) ?? [];
  expect(entries.map(({ name, kind }) => `${name}: ${kind}`).sort()).toEqual([
    "directory: directory",
    "file: file",
    "link: symlink",
  ]);
});

describe("a file that dtedit replaces", () => {
  const refused = (name: "fchown" | "fchmod") => ({ [name]: () => -errno.EPERM });
  const permissions = "the permissions 0640 were not kept: EPERM (operation not permitted)";
  const id = `${process.geteuid?.()}:${process.getegid?.()}`;
  const owner = `the owner ${id} was not kept: EPERM (operation not permitted); its group may do nothing with it now`;

  test.each([
    ["its owner", refused("fchown"), owner],
    ["its permissions", refused("fchmod"), permissions],
    ["either", { ...refused("fchown"), ...refused("fchmod") }, `${owner}; ${permissions}`],
  ])("does not lose %s without a word", (_, on, lost) => {
    const path = folder.in("blob");
    mkdirSync(folder.in("tree"));
    writeFileSync(folder.in("tree/p"), "1");
    writeFileSync(path, "before");
    chmodSync(path, 0o640);
    const { code, err } = runInside({ on: { ...on, renameat2: () => 0 } }, "dtedit", folder.in("tree"), path);
    expect({ code, err }).toEqual({ code: 0, err: `dtedit: ${path}: ${lost}\n` });
  });
});

test("what is read outside the heap takes no memory beyond its limit", () => {
  const MIB = 1024 * 1024;
  const sizes: number[] = [];
  const counting = new System({
    ...engine,
    memory(address, length) {
      sizes.push(length);
      return engine.memory(address, length);
    },
  });
  const readUpTo = (length: number) => {
    const path = folder.in("file");
    writeFileSync(path, new Uint8Array(length).fill(7));
    const descriptor = counting.mustOpen(path, 0);
    const read = counting.readAllOutside(descriptor, 3 * MIB, "file");
    counting.close(descriptor);
    return typeof read === "number" ? read : read.length;
  };
  expect(readUpTo(3 * MIB)).toBe(3 * MIB);
  expect(readUpTo(3 * MIB + 1)).toBe(-errno.EFBIG);
  expect(Math.max(...sizes)).toBe(3 * MIB + engine.pageSize);
});
