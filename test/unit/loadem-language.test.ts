// What loadem makes of its arguments: the exact call that the kernel gets.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { v2wrapBytes } from "../../src/arch/ppc64/stub.ts";
import type { FakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, runPretended, segmentOf, WITHOUT_TREE } from "../support/loading.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder();
const KERNEL = bytes(0x3000, 7);

/** Bytes of which no two neighbouring pages are the same. */
function bytes(length: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, at) => (at * seed + (at >> 8) * 31 + seed) & 0xff));
}

function file(name: string, content: Uint8Array): string {
  writeFileSync(folder.in(name), content);
  return folder.in(name);
}

function run(pretended: Pretended, ...args: string[]): LoadRun {
  return loadem(folder.path, pretended, ...args);
}

/** The one call that a good load makes. */
function loaded(pretended: Pretended, ...args: string[]) {
  const { code, err, out, loads } = run(pretended, ...args);
  expect({ code, err, out: out.toString(), calls: loads.length }).toEqual({
    code: 0,
    err: "",
    out: "",
    calls: 1,
  });
  return present(loads[0]);
}

/** What the pretended machine's own fs2dt writes. */
function tree(address: string, pretended: Pretended = {}): Buffer {
  const { code, out } = runPretended(folder.path, pretended, "fs2dt", "-b", address, "/proc/device-tree/");
  expect(code).toBe(0);
  return out;
}

/** The stub as it has to be loaded: for three secondaries, with its kernel's address. */
function stub(kernel: bigint): Buffer {
  const expected = Buffer.from(v2wrapBytes());
  expected.writeUInt32BE(0x7fff_0003, 0xf4);
  expected.writeBigUInt64BE(kernel, 0xf8);
  return expected;
}

/** A segment without its bytes, as the README's reader would write it down. */
function shape({ segments }: { segments: readonly { bytes: Buffer; mem: bigint; memsz: bigint }[] }) {
  return segments.map(({ bytes: { length }, mem, memsz }) => [length, mem, memsz]);
}

describe("the README's examples of 2005", () => {
  test("the first one loads stub and tree as one segment, the kernel as another, and patches the stub's last word", () => {
    const blob = tree("0x5000100");
    const v2wrap = file("v2wrap", v2wrapBytes());
    const kernel = file("vmlinux.kexec", KERNEL);
    const load = loaded(
      { stdin: blob },
      ..."-t 21 -a 0x5000000 -e -f".split(" "),
      v2wrap,
      ..."-s -a 0x6000000 -c 0x100 -f".split(" "),
      kernel,
      "-r",
      "0x1000",
    );
    expect(load.entry).toBe(0x5000000n);
    expect(load.flags).toBe(21n << 16n);
    expect(shape(load)).toEqual([
      [0x100 + blob.length, 0x5000000n, 0x1000n],
      [0x3000, 0x6000000n, 0x3000n],
    ]);
    expect(segmentOf(load, 0).bytes.equals(Buffer.concat([stub(0x6000000n), blob]))).toBe(true);
    expect(segmentOf(load, 1).bytes.equals(KERNEL)).toBe(true);
  });

  test("the second one joins two cpios at a multiple of 4 and asks for zeros that are in no buffer", () => {
    const blob = tree("0x5000100");
    const v2wrap = file("v2wrap", v2wrapBytes());
    const kernel = file("vmlinux.kexec", KERNEL);
    const large = bytes(0x1235, 3);
    const small = bytes(0x77, 5);
    const load = loaded(
      { stdin: blob },
      ..."-t 0x15 -r 0x1000 -a 0x5000000 -e -f".split(" "),
      v2wrap,
      ..."-s -a 0x6000000 -c 0x100 -f".split(" "),
      kernel,
      "-a",
      "0x38000000",
      "-f",
      file("fs_large.cpio.gz", large),
      "-4",
      "-f",
      file("kexec.cpio.gz", small),
      "-a",
      "0x30000000",
      "-z",
      "0x10000",
    );
    expect(load.flags).toBe(0x15n << 16n);
    expect(shape(load)).toEqual([
      [0x100 + blob.length, 0x5000000n, 0x1000n],
      [0x3000, 0x6000000n, 0x3000n],
      [0x1238 + 0x77, 0x38000000n, 0x2000n],
      [0, 0x30000000n, 0x10000n],
    ]);
    expect(segmentOf(load, 0).bytes.equals(Buffer.concat([stub(0x6000000n), blob]))).toBe(true);
    expect(segmentOf(load, 2).bytes.equals(Buffer.concat([large, Buffer.alloc(3), small]))).toBe(true);
  });

  test.each(["ppc64", "ppc64le"] as const)("the first one with -r 0x10000 suits 64 KiB pages on %s", (machine) => {
    const pretended: Pretended = { machine, pageSize: 0x10000 };
    const blob = tree("0x5000100", pretended);
    const load = loaded(
      { ...pretended, stdin: blob },
      ..."-t 21 -a 0x5000000 -e -f".split(" "),
      file("v2wrap", v2wrapBytes()),
      ..."-s -a 0x6000000 -c 0x100 -f".split(" "),
      file("vmlinux.kexec", KERNEL),
      "-r",
      "0x10000",
    );
    expect(shape(load)).toEqual([
      [0x100 + blob.length, 0x5000000n, 0x10000n],
      [0x3000, 0x6000000n, 0x10000n],
    ]);
    expect(segmentOf(load, 0).bytes.equals(Buffer.concat([stub(0x6000000n), blob]))).toBe(true);
  });

  test("the built-in stub of -w is the file that v2wrap writes", () => {
    const blob = tree("0x5000100");
    const written = runPretended(folder.path, {}, "v2wrap").out;
    const kernel = file("vmlinux.kexec", KERNEL);
    const rest = ["-s", "-a", "0x6000000", "-c", "0x100", "-f", kernel, "-r", "0x1000"];
    const byFile = loaded({ stdin: blob }, "-a", "0x5000000", "-e", "-f", file("v2wrap", written), ...rest);
    expect(loaded({ stdin: blob }, "-a", "0x5000000", "-e", "-w", ...rest)).toEqual(byFile);
  });
});

describe("options in every spelling", () => {
  const short = ["-p", "-t", "21", "-a", "0x10000000", "-e", "-f", "F", "-s", "-4", "-z", "0x10", "-r", "0x1000"];
  const crash: Pretended = {
    stdin: Buffer.from("typed"),
    files: {
      "/proc/device-tree/chosen/linux,crashkernel-base": Uint8Array.of(0, 0, 0, 0, 0x10, 0, 0, 0),
      "/proc/device-tree/chosen/linux,crashkernel-size": Uint8Array.of(0, 0, 0, 0, 0x10, 0, 0, 0),
    },
  };
  const spelled: Record<string, string[]> = {
    short: short,
    "short, values attached": ["-p", "-t21", "-a0x10000000", "-e", "-fF", "-s", "-4", "-z0x10", "-r0x1000"],
    clustered: ["-pt21", "-a0x10000000", "-efF", "-s4z0x10", "-r0x1000"],
    "clustered with a value behind": ["-pt", "21", "-a", "0x10000000", "-ef", "F", "-s4z", "0x10", "-r", "0x1000"],
    long: [
      "--panic",
      "--type",
      "21",
      "--address",
      "0x10000000",
      "--entry",
      "--file",
      "F",
      "--stdin",
      "--pad",
      "--zero",
      "0x10",
      "--round",
      "0x1000",
    ],
    "long with =": [
      "--panic",
      "--type=21",
      "--address=0x10000000",
      "--entry",
      "--file=F",
      "--stdin",
      "--pad",
      "--zero=0x10",
      "--round=0x1000",
    ],
    "decimal and octal": [
      "-p",
      "-t",
      "025",
      "-a",
      "268435456",
      "-e",
      "-f",
      "F",
      "-s",
      "-4",
      "-z",
      "16",
      "-r",
      "010000",
    ],
  };

  test.each(Object.entries(spelled))("%s: all lead to the same call", (_, args) => {
    const name = file("some file", bytes(0x1006, 9));
    const load = loaded(crash, ...args.map((arg) => arg.replace(/F$/, name)));
    expect(load).toEqual({
      entry: 0x10000000n,
      flags: (21n << 16n) | 1n,
      segments: [
        {
          bytes: Buffer.concat([bytes(0x1006, 9), Buffer.from("typed\0")]),
          mem: 0x10000000n,
          memsz: 0x2000n,
        },
      ],
    });
  });
});

describe("-a and the sizes", () => {
  test("addresses are exact beyond 2^53, to the last digit", () => {
    const { loads } = run(
      {},
      "--no-checks",
      "-a",
      "0xfedcba9876543210",
      "-f",
      file("a", bytes(3, 1)),
      "-a",
      "18446744073709551615",
      "-f",
      folder.in("a"),
      "-a",
      "9007199254740993",
      "-z",
      "9007199254740995",
    );
    expect(loads.map(shape)).toEqual([
      [
        [3, 0xfedcba9876543210n, 3n],
        [3, 0xffffffffffffffffn, 3n],
        [0, 9007199254740993n, 9007199254740995n],
      ],
    ]);
  });

  test.each([0, 2, 5, 12])("-r holds for every segment, wherever it stands (before argument %i)", (at) => {
    const one = file("one", bytes(0x1001, 1));
    const args = [
      "-a",
      "0x10000000",
      "-e",
      "-f",
      one,
      "-a",
      "0x20000000",
      "-z",
      "1",
      "-a",
      "0x30000000",
      "-z0x1000",
      "-f",
      one,
    ];
    args.splice(at, 0, "-r", "0x2000");
    expect(shape(loaded({}, ...args))).toEqual([
      [0x1001, 0x10000000n, 0x2000n],
      [0, 0x20000000n, 0x2000n],
      [0x1001, 0x30000000n, 0x4000n],
    ]);
  });

  test("without -r nothing is rounded", () => {
    expect(shape(loaded({}, "-a", "0x10000000", "-e", "-f", file("a", bytes(0x2000, 1)), "-z", "0x1000"))).toEqual([
      [0x2000, 0x10000000n, 0x3000n],
    ]);
  });

  test("-z adds up, and bytes that follow it still come before the zeros", () => {
    const a = file("a", bytes(0x1800, 1));
    const load = loaded({}, "-a", "0x10000000", "-e", "-z", "0x1000", "-f", a, "-z", "0x800", "-f", a, "-z", "0x800");
    expect(shape(load)).toEqual([[0x3000, 0x10000000n, 0x5000n]]);
    expect(segmentOf(load, 0).bytes.equals(Buffer.concat([bytes(0x1800, 1), bytes(0x1800, 1)]))).toBe(true);
  });

  test("a segment may be zeros only, its buffer then is empty", () => {
    const load = loaded({}, "-a", "0x10000000", "-e", "-f", file("a", KERNEL), "-a", "0x20000000", "-z", "0x1000");
    expect(load.segments[1]).toEqual({ bytes: Buffer.alloc(0), mem: 0x20000000n, memsz: 0x1000n });
  });

  test("an empty file may stand in a segment that has zeros", () => {
    const load = loaded({}, "-a", "0x10000000", "-e", "-f", file("empty", new Uint8Array(0)), "-z", "0x1000");
    expect(shape(load)).toEqual([[0, 0x10000000n, 0x1000n]]);
  });

  test("files, standard input and padding follow each other without a gap", () => {
    const parts = [bytes(5, 1), bytes(0x1003, 2), bytes(1, 3)];
    const names = parts.map((part, index) => file(`part ${index}`, part));
    const load = loaded(
      { stdin: Buffer.from("pipe") },
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      present(names[0]),
      "-4",
      "-f",
      present(names[1]),
      "-s",
      "-4",
      "-4",
      "-f",
      present(names[2]),
    );
    expect(
      segmentOf(load, 0).bytes.equals(
        Buffer.concat([
          present(parts[0]),
          Buffer.alloc(3),
          present(parts[1]),
          Buffer.from("pipe"),
          Buffer.alloc(1),
          present(parts[2]),
        ]),
      ),
    ).toBe(true);
  });

  test("standard input that comes in small pieces is read to its end", () => {
    const whole = bytes(200_000, 11);
    let at = 0;
    const { loads } = run(
      {
        on: {
          read: ([descriptor, into, length], call) => {
            if (descriptor !== 0) return call.pass();
            const part = whole.subarray(at, at + Math.min(1 + (at % 4097), Number(length)));
            (into as Uint8Array).set(part);
            at += part.length;
            return part.length;
          },
        },
      },
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-s",
    );
    expect(segmentOf(loads[0], 0).bytes.equals(whole)).toBe(true);
  });

  test("a file that says it is empty, as all in /proc do, is read all the same", () => {
    const { loads } = run(
      {
        files: { "/proc/version": "Linux version" },
        on: {
          statx: (args, call) => {
            const result = call.pass();
            if (call.path === "/proc/version") (args[4] as Uint8Array).fill(0, 40, 48);
            return result;
          },
        },
      },
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      "/proc/version",
    );
    expect(segmentOf(loads[0], 0).bytes.toString()).toBe("Linux version");
  });
});

describe("a file of more than 1 MiB", () => {
  const LARGE = 1024 * 1024 + 5;

  /** Bytes that were asked for by reading. */
  function readOf(engine: FakeEngine, wanted: string): number {
    const reads = engine.asked("pread64").filter(({ path }) => path === wanted);
    return reads.reduce((sum, { args }) => sum + (args[1] as Uint8Array).length, 0);
  }

  test("is mapped, and what stands before it at an odd offset is exact", () => {
    const large = bytes(LARGE, 3);
    const other = bytes(2 * LARGE, 5);
    const names = [file("large", large), file("other", other)];
    const { engine, loads } = run(
      {},
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      present(names[0]),
      "-4",
      "-f",
      present(names[1]),
    );
    expect(segmentOf(loads[0], 0).bytes.equals(Buffer.concat([large, Buffer.alloc(3), other]))).toBe(true);
    // The larger one is mapped. Not both can be, since a page holds the end of the first and the start of the second.
    expect(readOf(engine, present(names[0]))).toBe(LARGE);
    expect(readOf(engine, present(names[1]))).toBeLessThan(4096);
  });

  test("keeps its bytes when a word is stored in its mapping", () => {
    const large = bytes(LARGE, 3);
    const name = file("large", large);
    const load = loaded({}, "-r", "0x1000", "-a", "0x10000000", "-e", "-f", name, "--poke", "0x5c=0x12345678");
    const expected = Buffer.from(large);
    expected.writeUInt32BE(0x12345678, 0x5c);
    expect(segmentOf(load, 0).bytes.equals(expected)).toBe(true);
    expect(readFileSync(name).equals(large)).toBe(true);
  });

  test("is mapped on 64 KiB pages too", () => {
    const large = bytes(LARGE, 3);
    const { engine, loads } = run(
      { pageSize: 0x10000 },
      "-r",
      "0x10000",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      file("large", large),
      "-f",
      file("more", bytes(9, 1)),
    );
    expect(segmentOf(loads[0], 0).bytes.equals(Buffer.concat([large, bytes(9, 1)]))).toBe(true);
    expect(readOf(engine, folder.in("large"))).toBe(0);

    // Such a kernel maps nothing at a multiple of 4 KiB: the segment's bytes begin inside a page.
    const behind = run(
      { pageSize: 0x10000 },
      "-r",
      "0x10000",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      file("small", bytes(0x1000, 1)),
      "-f",
      folder.in("large"),
    );
    expect(readOf(behind.engine, folder.in("large"))).toBe(0);
    expect(segmentOf(behind.loads[0], 0).bytes.equals(Buffer.concat([bytes(0x1000, 1), large]))).toBe(true);
  });
});

describe("-e", () => {
  test("behind an -a is the segment's start", () => {
    const a = file("a", KERNEL);
    expect(loaded({}, "-a", "0x10000000", "-f", a, "-a", "0x20000000", "-e", "-f", a).entry).toBe(0x20000000n);
  });

  test("behind data is the address behind the data", () => {
    const a = file("a", KERNEL);
    expect(loaded({}, "-a", "0x10000000", "-f", a, "-e", "-f", a).entry).toBe(0x10003000n);
  });

  test("does not count zeros that -z has asked for", () => {
    const a = file("a", bytes(0x1000, 1));
    expect(loaded({}, "-a", "0x10000000", "-f", a, "-z", "0x1000", "-e").entry).toBe(0x10001000n);
  });
});

describe("flags", () => {
  test("are 0 where neither -t nor -p is given", () => {
    expect(loaded({}, "-a", "0x10000000", "-e", "-f", file("a", KERNEL)).flags).toBe(0n);
  });

  test("on x86-64 take 62", () => {
    const iomem = { "/proc/iomem": "10000000-4fffffff : System RAM\n" };
    const world: Pretended = { machine: "x86_64", files: { ...WITHOUT_TREE, ...iomem } };
    expect(loaded(world, "-a", "0x10000000", "-e", "-f", file("a", KERNEL), "-t62").flags).toBe(62n << 16n);
  });
});

describe("-c", () => {
  const other = "0x20000000";

  /** Chains to a segment of 0x1000 bytes in front, and returns that segment's bytes. */
  function chained(pretended: Pretended, ...options: string[]): LoadRun {
    const a = file("a", new Uint8Array(0x1000).fill(0xee));
    return run(pretended, "-a", "0x10000000", "-e", "-f", a, "-a", other, ...options, "-f", a);
  }

  function expected(at: number, word: string): Buffer {
    const front = Buffer.alloc(0x1000, 0xee);
    Buffer.from(word, "hex").copy(front, at);
    return front;
  }

  const big = "0000000020000000";
  const little = "0000002000000000";

  test.each([
    ["ppc64", "0x8", 0, big],
    ["ppc64", "0x100", 0xf8, big],
    ["ppc64", "0x1000", 0xff8, big],
    ["ppc64le", "0", 0, little],
    ["ppc64le", "0x100", 0x100, little],
    ["ppc64le", "0xff8", 0xff8, little],
  ] as const)("on %s anchored at %s stores the word at %i", (machine, anchor, at, word) => {
    const { code, loads } = chained({ machine }, "-c", anchor);
    expect(code).toBe(0);
    expect(segmentOf(loads[0], 0).bytes.toString("hex")).toBe(expected(at, word).toString("hex"));
    expect(segmentOf(loads[0], 1).bytes.every((byte) => byte === 0xee)).toBe(true);
  });

  test.each([
    ["ppc64", "0", "the big endian word [-0x8, 0x0) is not within the 0x1000 bytes of the segment at 0x10000000"],
    ["ppc64", "1", "the big endian word [-0x7, 0x1) is not within the 0x1000 bytes of the segment at 0x10000000"],
    ["ppc64", "0xfff", "the big endian word [0xff7, 0xfff) is not aligned to 8 bytes"],
    [
      "ppc64",
      "0x1001",
      "the big endian word [0xff9, 0x1001) is not within the 0x1000 bytes of the segment at 0x10000000",
    ],
    ["ppc64", "0x104", "the big endian word [0xfc, 0x104) is not aligned to 8 bytes"],
    [
      "ppc64le",
      "0xff9",
      "the little endian word [0xff9, 0x1001) is not within the 0x1000 bytes of the segment at 0x10000000",
    ],
    [
      "ppc64le",
      "0x1000",
      "the little endian word [0x1000, 0x1008) is not within the 0x1000 bytes of the segment at 0x10000000",
    ],
    ["ppc64le", "0xff7", "the little endian word [0xff7, 0xfff) is not aligned to 8 bytes"],
    [
      "ppc64le",
      "0xffffffffffffffff",
      "the little endian word [0xffffffffffffffff, 0x10000000000000007) is not within the 0x1000 bytes of " +
        "the segment at 0x10000000",
    ],
  ] as const)("on %s anchored at %s is refused", (machine, anchor, fact) => {
    const { code, err, changes, out } = chained({ machine }, "-c", anchor);
    expect({ code, err, changes, out: out.length }).toEqual({
      code: 1,
      err: `loadem: argument 8 (-c): ${fact}\n`,
      changes: [],
      out: 0,
    });
  });

  test("follows --endian from there on, and -n says which was taken and why", () => {
    const a = file("a", new Uint8Array(0x1000));
    const { out } = run(
      { machine: "ppc64le" },
      "-n",
      "-a",
      "0x10000000",
      "-e",
      "-f",
      a,
      "-a",
      "0x20000000",
      "-c",
      "0x10",
      "-f",
      a,
      "--endian",
      "big",
      "-a",
      "0x30000000",
      "-c",
      "0x10",
      "--endian=little",
      "-f",
      a,
      "--poke",
      "4=5",
      "--endian",
      "big",
      "--poke",
      "8=6",
    );
    expect(
      out
        .toString()
        .split("\n")
        .filter((line) => /^(entry|stored) /.test(line)),
    ).toEqual([
      "entry 0x10000000, arch 21 (the running kernel's), pages of 0x1000 bytes",
      "stored 0x20000000 at 0x10000010, little endian as the running machine",
      "stored 0x30000000 at 0x20000008, big endian as --endian says",
      "stored 0x5 at 0x30000004, little endian as --endian says",
      "stored 0x6 at 0x30000008, big endian as --endian says",
    ]);
  });

  test.each(["ppc64", "ppc64le"] as const)("into our stub is big endian on %s, and so is a poke", (machine) => {
    const blob = tree("0x10000100", { machine });
    const { out, err } = run(
      { machine, stdin: blob },
      "-n",
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-w",
      "-s",
      "--poke",
      "0xf4=0x1230007",
      "-a",
      "0x20000000",
      "-c",
      "0x100",
      "-f",
      file("a", KERNEL),
    );
    expect(err).toBe("");
    expect(out.toString()).toContain("stored 0x1230007 at 0x100000f4, big endian as the stub has it\n");
    expect(out.toString()).toContain("stored 0x20000000 at 0x100000f8, big endian as the stub has it\n");
  });

  test("into our stub is big endian also after a poke into its code", () => {
    const blob = tree("0x10000100", { machine: "ppc64le" });
    const load = loaded(
      { machine: "ppc64le", stdin: blob },
      "-r",
      "0x1000",
      "-a",
      "0x10000000",
      "-e",
      "-w",
      "-s",
      "--poke",
      "0x10=0x60000000",
      "-a",
      "0x20000000",
      "-c",
      "0x100",
      "-f",
      file("a", KERNEL),
    );
    expect(segmentOf(load, 0).bytes.readBigUInt64BE(0xf8)).toBe(0x20000000n);
    expect(segmentOf(load, 0).bytes.subarray(0x100).equals(blob)).toBe(true);
  });

  test("goes to the segment before, whatever the order of the addresses", () => {
    const a = file("a", new Uint8Array(0x1000));
    const load = loaded(
      {},
      "-a",
      "0x30000000",
      "-f",
      a,
      "-a",
      "0x20000000",
      "-c",
      "8",
      "-f",
      a,
      "-a",
      "0x10000000",
      "-c",
      "16",
      "-e",
      "-f",
      a,
    );
    expect(load.segments.map((segment) => segment.bytes.readBigUInt64BE(0))).toEqual([0x20000000n, 0n, 0n]);
    expect(load.segments.map((segment) => segment.bytes.readBigUInt64BE(8))).toEqual([0n, 0x10000000n, 0n]);
  });
});

describe("--poke", () => {
  const words = [
    ["ppc64", "00000001"],
    ["ppc64le", "01000000"],
  ] as const;

  test.each(words)("stores a 32-bit word as %s has it", (machine, word) => {
    const load = loaded(
      { machine },
      "-a",
      "0x10000000",
      "-e",
      "-f",
      file("a", new Uint8Array(0x1000).fill(0xee)),
      "--poke=0x5c=1",
    );
    expect(segmentOf(load, 0).bytes.subarray(0x58, 0x64).toString("hex")).toBe(`eeeeeeee${word}eeeeeeee`);
  });

  test.each([
    ["0x5c", 2, "'0x5c' is not OFF=WORD"],
    ["1=2=3", 2, "'1=2=3' is not OFF=WORD"],
    ["0x=1", 2, "'0x' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)"],
    ["0=0x100000000", 2, "0x100000000 is not a 32-bit word"],
    ["0xffd=1", 1, "the big endian word [0xffd, 0x1001) is not within the 0x1000 bytes of the segment at 0x10000000"],
    ["0x5e=1", 1, "the big endian word [0x5e, 0x62) is not aligned to 4 bytes"],
  ])("%s is refused", (value, code, fact) => {
    const result = run({}, "-a", "0x10000000", "-e", "-f", file("a", new Uint8Array(0x1000)), "--poke", value);
    expect({ code: result.code, err: result.err, changes: result.changes }).toEqual({
      code,
      err: `loadem: argument 6 (--poke): ${fact}\n`,
      changes: [],
    });
  });
});

describe("-n", () => {
  test("prints the segments and all that was stored, and loads nothing", () => {
    const blob = tree("0x5000100");
    const kernel = file("vmlinux.kexec", KERNEL);
    const args = [
      "-a",
      "0x5000000",
      "-e",
      "-w",
      "-s",
      "-a",
      "0x6000000",
      "-c",
      "0x100",
      "-f",
      kernel,
      "-a",
      "0x30000000",
      "-z",
      "0x10000",
      "-r",
      "0x1000",
      "-t",
      "21",
    ];
    const { code, out, err, changes } = run({ stdin: blob }, "-n", ...args);
    expect({ code, err, changes }).toEqual({ code: 0, err: "", changes: [] });
    const bufsz = `0x${(0x100 + blob.length).toString(16)}`;
    expect(out.toString().slice(out.indexOf("segment  "))).toBe(
      [
        "segment  start       end         bufsz   memsz    from",
        `0        0x5000000   0x5001000   ${bufsz}   0x1000   v2wrap + standard input`,
        `1        0x6000000   0x6003000   0x3000  0x3000   ${kernel}`,
        "2        0x30000000  0x30010000  0x0     0x10000  zeros",
        "entry 0x5000000, arch 21, pages of 0x1000 bytes",
        "stored 0x6000000 at 0x50000f8, big endian as the stub has it",
        "stub waits for 3 secondary cpus, as the running machine has",
        "",
      ].join("\n"),
    );

    const verbose = run({ stdin: blob }, "-v", ...args);
    expect(verbose.out.length).toBe(0);
    expect(verbose.err).toBe(out.toString().replaceAll(/^(?=.)/gm, "loadem: "));
    expect(verbose.loads.length).toBe(1);
  });

  test("makes the same checks as a load, and shows what they refuse in the whole plan", () => {
    const { code, out, err } = run({}, "-n", "-a", "0x10000001", "-e", "-f", file("a", KERNEL));
    expect(code).toBe(1);
    expect(Buffer.from(out).toString("latin1")).toContain("\n0        0x10000001 ");
    expect(err).toContain("the start 0x10000001 is not a multiple");
  });

  test("with --no-checks prints even what cannot be loaded", () => {
    const { code, out } = run({}, "-n", "--no-checks", "-a", "0x10000001", "-f", file("a", KERNEL));
    expect(code).toBe(0);
    expect(out.toString()).toContain("0        0x10000001  0x10003001  0x3000  0x3000");
  });
});
