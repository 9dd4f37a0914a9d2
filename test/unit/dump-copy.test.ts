// Copies of a dump: what is in them, what is left out, and what a failure leaves behind.

import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { copyDump } from "../../src/dump/copy.ts";
import { type CoreFile, openCore } from "../../src/dump/core.ts";
import { BLOCK, MOST_PARTS, Parts } from "../../src/dump/parts.ts";
import { Failure } from "../../src/failure.ts";
import { engine } from "../../src/sys/bun.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { coreBytes } from "../support/core-file.ts";
import { type FakeWorld, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ on: "disk" });

const MIB = 0x100000;
const PAGE = 4096;

/** Zeros with something else at these places: [at, length]. No byte of that is zero: one alone would be a hole. */
function memory(size: number, ...spots: readonly (readonly [number, number])[]): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const [at, length] of spots)
    bytes.set(
      randomBytes(length).map((byte) => byte || 1),
      at,
    );
  return bytes;
}

const LOADS = [
  { physical: 0n, address: 0xc000_0000_0000_0000n, bytes: memory(0x9f000, [0x1000, 8]) },
  {
    physical: 0x10_0000n,
    address: 0xc000_0000_0010_0000n,
    bytes: memory(12 * MIB + PAGE, [0, MIB], [2 * MIB + 100, 70_000], [9 * MIB - 4, 8], [12 * MIB + 1, 1]),
  },
  { physical: 0x4000_0000n, address: 0xc000_0000_4000_0000n, bytes: memory(3 * MIB) },
];

const NOTE = { name: "CORE", type: 1, contents: new Uint8Array(randomBytes(336)) };

function writeDump(little = true): Uint8Array {
  const bytes = coreBytes({
    little,
    machine: 21,
    notes: [[NOTE], [{ ...NOTE, name: "VMCOREINFO", type: 0 }]],
    loads: LOADS,
  });
  writeFileSync(folder.in("dump"), bytes);
  return bytes;
}

function copy(world: FakeWorld, ...args: readonly string[]) {
  const run = runInside(world, "vmcore", ...args, folder.in("dump"));
  // Without the engine: it keeps what calls were given, memory that is gone among it, and a test that fails shows all.
  const { code, out, engine } = run;
  return { code, out, err: run.err.replaceAll(folder.path, "@"), leftOpen: engine.leftOpen };
}

/** Calls that the fake kernel lets through to this machine's, on files of this test alone. */
const FILES: NonNullable<FakeWorld["on"]> = Object.fromEntries(
  (["fsync", "ftruncate", "lseek", "renameat2", "unlinkat", "clock_gettime"] as const).map((name) => [
    name,
    (args) =>
      engine.syscall(
        { fsync: 74, ftruncate: 77, lseek: 8, renameat2: 316, unlinkat: 263, clock_gettime: 228 }[name],
        ...args,
      ),
  ]),
);

const WORLD: FakeWorld = { on: FILES };

/** All that a dump says, by what reads it. */
function contents(path: string) {
  const core: CoreFile = openCore(new System(engine), path);
  const notes = [...core.notes()].map(({ name, type, contents }) => ({ name, type, contents: Buffer.from(contents) }));
  const loads = LOADS.map(({ physical, bytes }) => Buffer.from(core.readPhysical(physical, bytes.length) ?? []));
  const byAddress = LOADS.map(({ address, bytes }) => Buffer.from(core.readVirtual(address, bytes.length) ?? []));
  const { littleEndian, machine } = core;
  core.close();
  return { littleEndian, machine, notes, loads, byAddress };
}

describe("to a file", () => {
  test("it has the same bytes, with holes for zero pages, and is the owner's alone", () => {
    const bytes = writeDump();
    expect(copy(WORLD, "--copy", folder.in("copy"))).toMatchObject({ code: 0, err: "" });
    expect(readFileSync(folder.in("copy")).equals(bytes)).toBe(true);
    const { blocks, mode, size } = statSync(folder.in("copy"));
    expect(size).toBe(bytes.length);
    expect(512 * blocks).toBeLessThan(2 * MIB);
    expect(mode & 0o777).toBe(0o600);
    expect(readdirSync(folder.path).sort()).toEqual(["copy", "dump"]);
  });

  test("it takes the place of a file at the end alone, and -v says how much was written", () => {
    const bytes = writeDump();
    writeFileSync(folder.in("copy"), "old");
    let before = "";
    const renameat2: NonNullable<typeof FILES.renameat2> = (args, call) => {
      before = readFileSync(folder.in("copy"), "latin1");
      return FILES.renameat2?.(args, call) ?? 0;
    };
    const { err } = copy({ on: { ...FILES, renameat2 } }, "-v", "--copy", folder.in("copy"));
    expect(before).toBe("old");
    expect(err).toMatch(/^vmcore: @\/copy: 1\.1 MiB written for 15\.6 MiB, \d+\.\d s\n$/);
    expect(readFileSync(folder.in("copy")).equals(bytes)).toBe(true);
  });

  test.each([
    ["a full disk", { write: () => -errno.ENOSPC }, "ENOSPC (no space left on device)"],
    ["a disk that fails at the end", { fsync: () => -errno.EIO }, "EIO (input/output error)"],
    ["a name that cannot be taken", { renameat2: () => -errno.EACCES }, "EACCES (permission denied)"],
  ] as const)("%s leaves nothing behind", (_, on, fact) => {
    writeDump();
    const write: NonNullable<typeof FILES.write> = (args, call) =>
      Number(args[0]) > 2 && "write" in on ? on.write() : call.pass();
    const { code, err, leftOpen } = copy({ on: { ...FILES, ...on, write } }, "--copy", folder.in("copy"));
    expect([code, err]).toEqual([1, `vmcore: @/copy: ${fact}\n`]);
    expect(readdirSync(folder.path)).toEqual(["dump"]);
    expect(leftOpen).toEqual([]);
  });

  test("what takes bytes and is no file says at its close that it did not keep them", () => {
    writeDump();
    const on = { ...FILES, fsync: () => -errno.EIO };
    const { code, err, leftOpen } = copy({ on }, "--copy", "/dev/null");
    expect([code, err]).toEqual([1, "vmcore: /dev/null: EIO (input/output error)\n"]);
    expect(leftOpen).toEqual([]);
    expect(copy({ on: { ...FILES, fsync: () => -errno.EINVAL } }, "--copy", "/dev/null").code).toBe(0);
  });

  test("an interrupt leaves nothing behind", () => {
    writeDump();
    const rt_sigpending = ([set]: readonly unknown[]) => {
      if (set instanceof Uint8Array) set[0] = 2;
      return 0;
    };
    const { code, err } = copy({ name: "quickjs", on: { ...FILES, rt_sigpending } }, "--copy", folder.in("copy"));
    expect([code, err]).toEqual([1, "vmcore: @/copy: interrupted\n"]);
    expect(readdirSync(folder.path)).toEqual(["dump"]);
  });

  test("a directory, and a folder that is not there, are named", () => {
    writeDump();
    mkdirSync(folder.in("directory"));
    expect(copy(WORLD, "--copy", folder.in("directory")).err).toBe("vmcore: @/directory: is a directory\n");
    expect(copy(WORLD, "--copy", folder.in("none/copy")).err).toBe(
      "vmcore: @/none/copy: ENOENT (no such file or directory)\n",
    );
  });
});

describe("to a disk", () => {
  /** A file that passes for a disk, full of something else: an older dump. */
  function diskWorld(on: NonNullable<FakeWorld["on"]> = {}): FakeWorld {
    writeFileSync(folder.in("disk"), Buffer.concat([readFileSync(folder.in("dump")), randomBytes(MIB)]));
    const statx: NonNullable<typeof on.statx> = (args, call) => {
      const result = call.pass();
      const [, path, , , status] = args;
      if (path === folder.in("disk") && status instanceof Uint8Array)
        new DataView(status.buffer).setUint16(28, 0o060600, true);
      return result;
    };
    return { on: { ...FILES, statx, ...on } };
  }

  test("it begins with the first byte, and says the same with the zeros left out", () => {
    writeDump();
    expect(copy(diskWorld(), "--copy", folder.in("disk"))).toMatchObject({ code: 0, err: "" });
    expect(contents(folder.in("disk"))).toEqual(contents(folder.in("dump")));
    expect(statSync(folder.in("disk")).size).toBe(statSync(folder.in("dump")).size + MIB);
    expect(copy(WORLD, "--copy", folder.in("again")).code).toBe(0);
    expect(readdirSync(folder.path).sort()).toEqual(["again", "disk", "dump"]);
  });

  test("its first page is written last, after all else is there", () => {
    writeDump();
    const story: string[] = [];
    const told = (name: "fsync" | "lseek" | "write"): NonNullable<FakeWorld["on"]> => ({
      [name]: (
        args: Parameters<NonNullable<typeof FILES.lseek>>[0],
        call: Parameters<NonNullable<typeof FILES.lseek>>[1],
      ) => {
        if (name === "lseek") story.push(`at ${Number(args[1]) < 2 * PAGE ? args[1] : "more"}`);
        else if (name !== "write" || story.at(-1) !== "write") story.push(name);
        return FILES[name]?.(args, call) ?? call.pass();
      },
    });
    copy(diskWorld({ ...told("fsync"), ...told("lseek"), ...told("write") }), "--copy", folder.in("disk"));
    expect(story.join(" ")).toBe("write fsync at more write at 4096 fsync at 0 write fsync");
  });

  test("one that is full, and one that fails, hold no ELF file then", () => {
    for (const number of [errno.ENOSPC, errno.EIO]) {
      writeDump();
      let count = 0;
      const write: NonNullable<typeof FILES.write> = (args, call) =>
        Number(args[0]) > 2 && ++count > 6 ? -number : call.pass();
      const { code } = copy(diskWorld({ write }), "--copy", folder.in("disk"));
      expect(code).toBe(1);
      expect(count).toBe(7);
      expect(
        readFileSync(folder.in("disk"))
          .subarray(0, PAGE)
          .every((byte) => byte === 0),
      ).toBe(true);
    }
  });

  test("one that is mounted is refused, in the kernel's words, and left alone", () => {
    writeDump();
    const openat: NonNullable<typeof FILES.openat> = (args, call) => {
      const isExclusive = (Number(args[2]) & 0o200) !== 0 && args[1] === folder.in("disk");
      return isExclusive ? -errno.EBUSY : call.pass();
    };
    const world = diskWorld({ openat });
    const before = readFileSync(folder.in("disk"));
    expect(copy(world, "--copy", folder.in("disk")).err).toBe("vmcore: @/disk: EBUSY (device or resource busy)\n");
    expect(readFileSync(folder.in("disk")).equals(before)).toBe(true);
  });
});

describe("to standard output", () => {
  test.each([true, false])("it says the same with the zeros left out, little endian %p", (little) => {
    writeDump(little);
    const { code, out, err } = copy(WORLD, "--copy", "-");
    expect([code, err]).toEqual([0, ""]);
    expect(out.length).toBeLessThan(2 * MIB);
    writeFileSync(folder.in("stream"), out);
    expect(contents(folder.in("stream"))).toEqual(contents(folder.in("dump")));
    expect(contents(folder.in("stream"))).toMatchObject({ littleEndian: little, machine: 21 });
  });

  test("readelf has nothing to complain of, and every segment of memory begins on a page", () => {
    writeDump();
    writeFileSync(folder.in("stream"), copy(WORLD, "--copy", "-").out);
    const { stdout, stderr } = Bun.spawnSync(["readelf", "-h", "-l", "-n", "-W", folder.in("stream")]);
    expect(stderr.toString()).toBe("");
    const loads = [...stdout.toString().matchAll(/^ +LOAD +(0x\S+) \S+ \S+ (0x\S+) (0x\S+)/gm)];
    expect(loads.length).toBe(6);
    for (const [, offset, fileSize] of loads) expect([Number(offset) % PAGE, Number(fileSize) > 0]).toEqual([0, true]);
  });

  test("a copy of such a copy says the same again, also to a file", () => {
    writeDump();
    const whole = contents(folder.in("dump"));
    writeFileSync(folder.in("dump"), copy(WORLD, "--copy", "-").out);
    writeFileSync(folder.in("again"), copy(WORLD, "--copy", "-").out);
    expect(contents(folder.in("again"))).toEqual(whole);
    expect(copy(WORLD, "--copy", folder.in("file")).code).toBe(0);
    expect(contents(folder.in("file"))).toEqual(whole);
  });

  test("a terminal is refused, and a pipe that is closed is told", () => {
    writeDump();
    expect(copy({ ...WORLD, terminals: [1] }, "--copy", "-")).toMatchObject({
      code: 2,
      err: "vmcore: standard output: refusing to write binary to a terminal\n",
    });
    const write: NonNullable<typeof FILES.write> = (args, call) => (args[0] === 1 ? -errno.EPIPE : call.pass());
    expect(copy({ on: { ...FILES, write } }, "--copy", "-").err).toBe("vmcore: standard output: EPIPE (broken pipe)\n");
  });
});

describe("memory that cannot be read", () => {
  test.each([errno.EFAULT, errno.EIO, errno.EHWPOISON])(
    "is zeros in the copy, is named, and gives exit code 1 (%d)",
    (number) => {
      const bytes = writeDump();
      const start = bytes.length - 3 * MIB - 12 * MIB - PAGE;
      const bad = [start + MIB / 2, start + MIB / 2 + 3 * PAGE] as const;
      // What the kernel leaves in the buffer then is nobody's.
      const fail = (buffer: unknown): number => {
        if (buffer instanceof Uint8Array) buffer.fill(0xff);
        return -number;
      };
      const pread64: NonNullable<typeof FILES.pread64> = (args, call) => {
        const [, , length, at] = args.map(Number) as [number, number, number, number];
        return at < bad[1] && at + length > bad[0] ? fail(args[1]) : call.pass();
      };
      const { code, err } = copy({ on: { ...FILES, pread64 } }, "--copy", folder.in("copy"));
      expect(code).toBe(1);
      expect(err).toMatch(
        /^vmcore: @\/dump: could not be read, and is zeros in the copy: 0x1[78][0-9a-f]{4}-0x18[0-9a-f]{4}\n$/,
      );
      const copied = readFileSync(folder.in("copy"));
      const first = bad[0] - (bad[0] % PAGE);
      expect(copied.subarray(...bad).every((byte) => byte === 0)).toBe(true);
      expect(copied.subarray(0, first).equals(bytes.subarray(0, first))).toBe(true);
      const end = bad[1] + PAGE;
      expect(copied.subarray(end).equals(bytes.subarray(end))).toBe(true);
    },
  );

  test("is told where it could be read for the headers of a stream, and not once more for its bytes", () => {
    writeDump();
    let [last, isSecond] = [0, false];
    const pread64: NonNullable<typeof FILES.pread64> = (args, call) => {
      const at = Number(args[3]);
      isSecond ||= at < last && last > MIB;
      last = at;
      return isSecond ? -errno.EIO : call.pass();
    };
    const { code, err } = copy({ on: { ...FILES, pread64 } }, "--copy", "-");
    expect(code).toBe(1);
    expect(err).toMatch(/^vmcore: @\/dump: could not be read, and is zeros in the copy: 0x/);
  });

  test("any other failure ends the copy", () => {
    writeDump();
    let count = 0;
    const pread64: NonNullable<typeof FILES.pread64> = (_, call) => (++count > 8 ? -errno.ENOMEM : call.pass());
    const { code, err } = copy({ on: { ...FILES, pread64 } }, "--copy", folder.in("copy"));
    expect([code, err]).toEqual([1, "vmcore: @/dump: ENOMEM (cannot allocate memory)\n"]);
    expect(readdirSync(folder.path)).toEqual(["dump"]);
  });
});

test("a dump that was cut off is not copied", () => {
  const bytes = writeDump();
  writeFileSync(folder.in("dump"), bytes.subarray(0, bytes.length - 5000));
  expect(copy(WORLD, "--copy", folder.in("copy"))).toMatchObject({
    code: 1,
    err: "vmcore: @/dump: cut off: 5000 bytes of it are missing\n",
  });
  expect(readdirSync(folder.path)).toEqual(["dump"]);
});

test("memory in crumbs gives no more parts than a reader has room for, and every byte is in one", () => {
  const crumbs = 3 * MOST_PARTS;
  const bytes = memory(BLOCK);
  let written = 0;
  const parts = new Parts(0n, BigInt(2 * BLOCK * crumbs), ({ length }) => {
    written += length;
  });
  parts.begin({ type: 1, flags: 7, offset: 0n, address: 0n, physical: 0n, fileSize: 0n, memorySize: 0n, align: 0n });
  for (let crumb = 0; crumb < crumbs; crumb++) {
    parts.data(bytes);
    parts.zeros(BLOCK);
  }
  expect(parts.headers.length).toBeGreaterThan(MOST_PARTS / 2);
  expect(parts.headers.length).toBeLessThanOrEqual(MOST_PARTS + 1);
  let [at, offset] = [0n, 0n];
  for (const header of parts.headers) {
    expect([header.physical, header.offset]).toEqual([at, offset]);
    at += header.memorySize;
    offset += header.fileSize;
  }
  expect(at).toBe(BigInt(2 * BLOCK * crumbs));
  expect(offset).toBe(BigInt(written));
});

test("nothing is left beside the copy where there is no memory for what is read", () => {
  writeDump();
  const system = new System(engine);
  const core = openCore(system, folder.in("dump"));
  system.allocate = (_, place) => {
    throw new Failure(place, "ENOMEM (cannot allocate memory)");
  };
  const before = readdirSync(folder.path);
  expect(() => copyDump(system, core, folder.in("new"), { begin: () => {}, advance: () => {} })).toThrow("ENOMEM");
  expect(readdirSync(folder.path)).toEqual(before);
});
