// Where a crash kernel saves its dump to: what its command line asks for, and how it goes through a console.

import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Base64 } from "../../src/dump/base64.ts";
import { coreBytes } from "../support/core-file.ts";
import { type FakeWorld, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

/** What uudecode makes of text. */
function decoded(text: string): Buffer {
  const python =
    "import sys, binascii; lines = sys.stdin.read().split('\\n'); sys.stdout.buffer.write(b''.join(binascii.a2b_base64(x) for x in lines[1:lines.index('====')]))";
  return Bun.spawnSync(["python3", "-c", python], { stdin: Buffer.from(text) }).stdout as Buffer;
}

describe("bytes as text", () => {
  test.each([0, 1, 2, 3, 56, 57, 58, 113, 114, 115, 10_000])("of %d bytes in pieces are read back", (length) => {
    const bytes = randomBytes(length);
    let text = "";
    const encoder = new Base64((lines) => {
      text += lines;
    });
    encoder.begin("name");
    for (let at = 0; at < length; at += 41) encoder.add(bytes.subarray(at, at + 41));
    encoder.end();
    expect(text).toBe(`begin-base64 600 name\n${bytes.toString("base64").replace(/.{1,76}/g, "$&\n")}====\n`);
  });
});

/** Milliseconds that pass with each look at the clock. */
const STEP = 250;

/** A crash kernel with this command line, whose /dev/disk is there from the given look on. */
function run(
  line: string,
  { thereAfter = 0, args = ["--as-asked"], step = STEP, terminals = [] as readonly number[] } = {},
) {
  writeFileSync(
    folder.in("dump"),
    coreBytes({ little: true, machine: 62, loads: [{ physical: 0n, bytes: randomBytes(5000) }] }),
  );
  let [now, looks] = [0n, 0];
  const on: NonNullable<FakeWorld["on"]> = {
    clock_gettime([, time]) {
      now += BigInt(step);
      if (time instanceof Uint8Array) {
        const view = new DataView(time.buffer, time.byteOffset);
        view.setBigInt64(0, now / 1000n, true);
        view.setBigInt64(8, (now % 1000n) * 1_000_000n, true);
      }
      return 0;
    },
    statx(args, call) {
      if (args[1] !== "/dev/disk") return call.pass();
      return ++looks > thereAfter ? call.pass([args[0] ?? 0, folder.in("dump"), ...args.slice(2)]) : -2;
    },
    openat: (args, call) => (args[1] === "/dev/disk.1000" ? -30 : call.pass()),
  };
  const world = { root: folder.path, files: { "/proc/cmdline": line }, on, terminals };
  const { code, out, err } = runInside(world, "vmcore", ...args, folder.in("dump"));
  return { code, out: out.toString("latin1"), err, looks };
}

describe("as the command line asks", () => {
  test("nothing is copied where it does not, and nothing said", () => {
    for (const line of ["console=ttyS0\n", "kexecbox.dump=\n", "quiet -- kexecbox.dump=/dev/disk\n"]) {
      expect(run(line)).toEqual({ code: 0, out: "", err: "", looks: 0 });
    }
  });

  test("the last word counts, and console gets text that is the dump", () => {
    const { code, out } = run("kexecbox.dump=/dev/disk quiet kexecbox.dump=console\n");
    expect(code).toBe(0);
    expect(out.startsWith("begin-base64 600 vmcore\n")).toBe(true);
    const bytes = decoded(out);
    expect(bytes.subarray(4096).equals(readFileSync(folder.in("dump")).subarray(120))).toBe(true);
  });

  test("how far the copy is does not come between the lines of a dump on the console", () => {
    const { err } = run("kexecbox.dump=console\n", { step: 1000, terminals: [1, 2] });
    expect(err).toBe("");
  });

  test("a disk that is not there yet is waited for", () => {
    const { looks, err } = run("kexecbox.dump=/dev/disk\n", { thereAfter: 5 });
    expect(looks).toBe(7);
    expect(err).toBe(
      "vmcore: /dev/disk: not there; waiting up to 30 s for it\nvmcore: /dev/disk: EROFS (read-only file system)\n",
    );
  });

  test("one that never comes is told", () => {
    const { code, err, looks } = run("kexecbox.dump=/dev/disk\n", { thereAfter: 1e9 });
    expect(code).toBe(1);
    expect(looks).toBe(30_000 / STEP);
    expect(err).toBe(
      "vmcore: /dev/disk: not there; waiting up to 30 s for it\nvmcore: /dev/disk: no such device, 30 s after it was asked for by kexecbox.dump=\n",
    );
  });

  test("an option cannot ask for another place besides", () => {
    expect(run("", { args: ["--as-asked", "--copy", "x"] }).err).toBe("vmcore: --as-asked: does not go with --copy\n");
  });
});
