// The initramfs of a chain, unpacked here as the kernel does it: what it holds makes the next one.

import { expect, test } from "bun:test";
import { Parts } from "../../scripts/soak/archive.ts";
import { present } from "../support/present.ts";

const HEADER = 110;
const S_IFMT = 0o170000;
const S_IFLNK = 0o120000;
const S_IFREG = 0o100000;

/** Paths and contents of all archives in a row, as init/initramfs.c goes through them. A link has its target. */
function unpack(bytes: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) {
      at++;
      continue;
    }
    expect(at % 4).toBe(0);
    expect(bytes.toString("latin1", at, at + 6)).toBe("070701");
    const number = (index: number) => parseInt(bytes.toString("latin1", at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const [mode, size, nameLength] = [number(1), number(6), number(11)];
    const name = bytes.toString("latin1", at + HEADER, at + HEADER + nameLength - 1);
    const start = (at + HEADER + nameLength + 3) & -4;
    const kind = mode & S_IFMT;
    if (kind === S_IFREG || kind === S_IFLNK) files.set(name, bytes.subarray(start, start + size));
    at = (start + size + 3) & -4;
  }
  return files;
}

function file(path: string, length: number, mode: 0o644 | 0o755 = 0o644) {
  return { path, content: Buffer.alloc(length, path), mode };
}

test("an initramfs has all parts of the next one, whose init and whose order may be others", () => {
  const large = [file("kernel/0", 1001), file("exe/0", 402, 0o755), file("exe/1", 403, 0o755), file("noise", 4)];
  let order: ((executable: string, turn: number) => string[]) | undefined;
  const parts = new Parts(large, (told) => {
    order = told;
    return [file("hop/0", 10), file("hop/1", 11)];
  });
  expect(present(order)("exe/0", 1)).not.toEqual(present(order)("exe/0", 2));
  let initrd = Buffer.from(parts.join("exe/0", 0));
  for (const [executable, turn] of [
    ["exe/1", 1],
    ["exe/0", 2],
    ["exe/1", 7],
  ] as const) {
    const files = unpack(initrd);
    for (const { path, content } of large) expect(present(files.get(path)).equals(content)).toBe(true);
    const paths = present(order)(executable, turn);
    const joined = Buffer.concat(paths.map((path) => present(files.get(path), path)));
    expect(joined.equals(Buffer.from(parts.join(executable, turn)))).toBe(true);
    expect(joined.length).toBe(initrd.length);
    expect(`${unpack(joined).get("init")}`).toBe(executable);
    initrd = joined;
  }
});
