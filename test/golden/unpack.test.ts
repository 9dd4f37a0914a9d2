// What the libraries inside the small engine make of compressed bytes: what the tools make of them, on every machine, and
// an error of whatever else there is, never a crash.

import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFrom } from "../../scripts/build.ts";
import { emulatorFor, smallTargets } from "../../scripts/machines/machines.ts";
import { UNPACK } from "../../src/sys/unpack.ts";
import { temporaryFolder } from "../support/folder.ts";

const PROGRAM = join(import.meta.dir, "unpack-program.ts");
const TRIES = 200;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  for (const target of smallTargets) await buildFrom(target, PROGRAM, folder.in(target));
}, 15 * 60_000);

/** Code-like: texts, tables, zeros. */
const content = Buffer.concat([
  Buffer.from(Array.from({ length: 6000 }, (_, at) => `${(at * 7919) % 1009} ${at % 97}\n`).join("")),
  Buffer.from(Uint32Array.from({ length: 8000 }, (_, at) => 0x94000000 | at).buffer),
  Buffer.alloc(20_000),
]);

function tool(...command: readonly string[]): Buffer {
  const { stdout, success, stderr } = Bun.spawnSync([...command], { stdin: content });
  if (!success) throw new Error(stderr.toString());
  return Buffer.from(stdout);
}

const forms = [
  ["gzip", "gzip", () => tool("gzip", "-9")],
  ["two members of gzip", "gzip", () => Buffer.concat([tool("gzip", "-1"), tool("gzip", "-9")])],
  ["zstd -19", "zstd", () => tool("zstd", "-q", "-19")],
  ["zstd -3 without checksum", "zstd", () => tool("zstd", "-q", "-3", "--no-check")],
  ["two frames of zstd", "zstd", () => Buffer.concat([tool("zstd", "-q"), tool("zstd", "-q")])],
  ["xz -6", "xz", () => tool("xz", "-6")],
  // As Linux' scripts/xz_wrap.sh has it.
  ["xz of powerpc code", "xz", () => tool("xz", "--check=crc32", "--powerpc", "--lzma2=dict=1MiB")],
  ["xz of x86 code", "xz", () => tool("xz", "--check=crc32", "--x86", "--lzma2=dict=1MiB")],
  ["xz of arm64 code", "xz", () => tool("xz", "--check=crc32", "--arm64", "--lzma2=dict=1MiB")],
  ["two streams of xz, in blocks", "xz", () => Buffer.concat([tool("xz", "--block-size=20000"), tool("xz", "-0")])],
  ["lzma", "lzma", () => tool("xz", "--format=lzma")],
] as const;

describe.each(forms)("%s", (name, method, pack) => {
  const isTwice = name.startsWith("two");
  const size = content.length * (isTwice ? 2 : 1);

  test("gives the same bytes everywhere, and spoilt the same errors", () => {
    writeFileSync(folder.in("packed"), pack());
    const outputs = smallTargets.map((target) => {
      const command = [...emulatorFor(target), folder.in(target), method, "packed", String(size), String(TRIES)];
      const { exitCode, stdout, stderr, signalCode } = Bun.spawnSync(command, { cwd: folder.path });
      expect({ target, exitCode, signalCode, err: stderr.toString() }).toMatchObject({ exitCode: 0, err: "" });
      return stdout.toString().trimEnd().split("\n");
    });
    const [first = [], ...others] = outputs;
    // Without a checksum it depends on the machine which faults are seen.
    const count = name.includes("without") ? 2 : first.length;
    for (const lines of others) expect(lines.slice(0, count)).toEqual(first.slice(0, count));
    expect(first).toHaveLength(TRIES + 2);
    const [whole = "", small, ...spoilt] = first;
    expect(whole).toBe(`${size} ${digest(isTwice ? Buffer.concat([content, content]) : content)}`);
    expect(small).toBe(String(UNPACK.full));
    const known = Object.values(UNPACK).map(String);
    for (const line of spoilt) if (!known.includes(line)) expect(Number(line.split(" ")[0])).toBeLessThanOrEqual(size);
    const errors = spoilt.filter((line) => known.includes(line));
    expect(errors.length).toBeGreaterThan(TRIES / 4);
    // What has a checksum is never taken for right where it is not.
    if (!name.includes("without") && method !== "lzma") {
      const taken = spoilt.filter((line) => !known.includes(line) && line !== whole);
      for (const line of taken) expect(line).toBe(`${content.length} ${digest(content)}`);
    }
  }, 120_000);
});

test("what is not known of xz, and what follows all of it, has an error of its own", () => {
  const run = (method: string, bytes: Uint8Array): string => {
    writeFileSync(folder.in("packed"), bytes);
    const command = [...emulatorFor("x64-small"), folder.in("x64-small"), method, "packed", "1000000", "0"];
    return Bun.spawnSync(command, { cwd: folder.path }).stdout.toString().split("\n")[0] ?? "";
  };
  const more = Buffer.from("bytes of another kind");
  expect(run("xz", tool("xz", "--delta", "--lzma2"))).toBe(String(UNPACK.unknown));
  expect(run("bzip2", tool("xz"))).toBe(String(UNPACK.unknown));
  expect(run("gzip", Buffer.concat([tool("gzip"), more]))).toBe(String(UNPACK.trailing));
  expect(run("gzip", Buffer.concat([tool("gzip"), Buffer.alloc(9)]))).toStartWith(String(content.length));
  expect(run("lzma", Buffer.concat([tool("xz", "--format=lzma"), more]))).toBe(String(UNPACK.trailing));
  expect(run("xz", Buffer.concat([tool("xz"), more]))).toBe(String(UNPACK.corrupt));
  expect(run("xz", tool("xz", "--lzma2=dict=1GiB"))).toBe(String(UNPACK.noMemory));
});

/** As unpack-program.ts has it. */
function digest(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (let at = 0; at < bytes.length; at += 37) sum = (Math.imul(sum, 31) + (bytes[at] ?? 0)) >>> 0;
  return sum;
}
