// fs2dt reads directories that change, fail, or hold what is neither a node nor a property.

import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { errno } from "../../src/sys/errno.ts";
import { bytesAt, nodeOf, readBlob } from "../support/blob-reader.ts";
import { type Answer, type FakeRun, type FakeWorld, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();
const MIB = 1024 * 1024;

/** Runs fs2dt on the tree; its folder is left out of the messages. In any case no descriptor stays open. */
function flattened(on: FakeWorld["on"], tree: Tree, ...options: string[]): FakeRun {
  makeTree(folder.in("tree"), tree);
  const run = runInside({ on: on ?? {} }, "fs2dt", "-b", "0", ...options, folder.in("tree"));
  expect(run.engine.leftOpen).toEqual([]);
  if (run.code !== 0) expect(run.out.length).toBe(0);
  return { ...run, err: run.err.replaceAll(folder.in("tree"), "") };
}

function paths(run: FakeRun, name: "openat" | "statx"): string[] {
  return run.engine.asked(name).map(({ path }) => path.replace(folder.in("tree"), ""));
}

/** Acts before the `turn`th opening of what lies at the path. */
function before(path: string, turn: number, act: () => void): Answer {
  let seen = 0;
  return (_, call) => {
    if (call.path === folder.in(`tree${path}`) && ++seen === turn) act();
    return call.pass();
  };
}

/** Lists entries whose name fits as of this d_type. */
function typed(type: number, fits: RegExp): Answer {
  return (args, { pass }) => {
    const filled = pass();
    const bytes = Buffer.from((args[1] as Uint8Array).buffer);
    for (let at = 0; at < filled; at += bytes.readUInt16LE(at + 16)) {
      if (fits.test(bytes.toString("latin1", at + 19, bytes.indexOf(0, at + 19)))) bytes[at + 18] = type;
    }
    return filled;
  };
}

test("properties of a wrong length are told, whether or not the tree is checked", () => {
  const tree: Tree = [["n", [["reg", "12345"]]]];
  expect(flattened({}, tree)).toMatchObject({ code: 0, err: "fs2dt: /n/reg: 5 bytes, not whole cells\n" });
});

test.each(["fs2dt -b 0 IN", "dtdump IN", "dtedit IN -", "dtdiff IN IN", "dtcheck IN"])(
  "%s takes no directory for a tree that has neither a property nor a node",
  (command) => {
    const words = command.split(" ");
    makeTree(folder.in("tree"), []);
    const run = (): FakeRun => runInside({}, ...words.map((word) => (word === "IN" ? folder.in("tree") : word)));
    const refused = () => {
      const { code, out, err } = run();
      const fact = `${folder.in("tree")}: not a device tree: neither a property nor a node is in it\n`;
      expect({ code, out: out.length, err: err.split("\n").at(-2) }).toEqual({
        code: words[0] === "dtdiff" ? 2 : 1,
        out: 0,
        err: `${words[0]}: ${fact}`.trimEnd(),
      });
    };
    refused();
    symlinkSync("/", folder.in("tree/link"));
    refused();
    rmSync(folder.in("tree/link"));
    mkdirSync(folder.in("tree/chosen"));
    expect(run().code).toBe(words[0] === "dtcheck" ? 1 : 0);
  },
);

describe("a tree that changes while it is read", () => {
  const tree: Tree = [
    ["a", "1"],
    ["b", "2"],
    ["node@1", [["x", "3"]]],
    ["node@2", [["y", "4"]]],
  ];

  test("is read without a property that was there when its node was listed", () => {
    const run = flattened({ openat: before("/b", 1, () => rmSync(folder.in("tree/b"))) }, tree);
    expect({ code: run.code, err: run.err }).toEqual({ code: 0, err: "" });
    const { root } = readBlob(run.out);
    expect(root.properties.map(({ name }) => name)).toEqual(["a"]);
    expect(root.children.map(({ name }) => name)).toEqual(["node@1", "node@2"]);
  });

  test("is read without a node that was there when its parent was listed, each other node once", () => {
    const gone = before("/node@2", 1, () => rmSync(folder.in("tree/node@2"), { recursive: true }));
    const { code, out } = flattened({ openat: gone }, tree);
    expect(code).toBe(0);
    expect(readBlob(out).root.children.map(({ name }) => name)).toEqual(["node@1"]);
  });

  test("is read with what has come meanwhile, once the node is read again", () => {
    const swapped = before("/b", 1, () => {
      rmSync(folder.in("tree/b"));
      makeTree(folder.in("tree/node@0"), [["z", "5"]]);
      writeFileSync(folder.in("tree/a"), "longer");
    });
    const { root } = readBlob(flattened({ openat: swapped }, tree).out);
    expect(root.children.map(({ name }) => name)).toEqual(["node@0", "node@1", "node@2"]);
    expect(bytesAt(root, "/", "a").toString()).toBe("longer");
  });

  test("is read with a node in place of a property of the same name", () => {
    const swapped = before("/b", 1, () => {
      rmSync(folder.in("tree/b"));
      makeTree(folder.in("tree/b"), [["z", "5"]]);
    });
    const { code, err, out } = flattened({ openat: swapped }, tree);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const { root } = readBlob(out);
    expect(root.properties.map(({ name }) => name)).toEqual(["a"]);
    expect(root.children.map(({ name }) => name)).toEqual(["b", "node@1", "node@2"]);
  });

  test("is read around a property that became a link, a link is not followed", () => {
    const linked = before("/b", 1, () => {
      rmSync(folder.in("tree/b"));
      symlinkSync("a", folder.in("tree/b"));
    });
    const { code, err, out } = flattened({ openat: linked }, tree);
    expect({ code, err }).toEqual({ code: 0, err: "fs2dt: /b: symbolic link, not followed\n" });
    expect(readBlob(out).root.properties).toHaveLength(1);
  });

  test.each(["/b", "/node@2"])("is an error when %s is listed and not there twice", (path) => {
    const never: Answer = (_, call) => (call.path === folder.in(`tree${path}`) ? -errno.ENOENT : call.pass());
    const run = flattened({ openat: never }, tree);
    expect({ code: run.code, err: run.err }).toEqual({
      code: 1,
      err: `fs2dt: ${path}: the tree changed while it was read\n`,
    });
    expect(paths(run, "openat").filter((each) => each === path)).toHaveLength(2);
  });

  test("is an error when the node that is read again has lost another entry", () => {
    const gone: Answer = (_, call) => {
      if (/\/(a|node@1)$/.test(call.path)) rmSync(call.path, { recursive: true, force: true });
      return call.pass();
    };
    expect(flattened({ openat: gone }, tree).err).toBe("fs2dt: /node@1: the tree changed while it was read\n");
  });

  test("is an error when a node is removed between its opening and its listing", () => {
    const removed: Answer = (_, call) => {
      if (call.path.endsWith("/node@1")) rmSync(call.path, { recursive: true, force: true });
      return call.pass();
    };
    const run = flattened({ getdents64: removed }, tree);
    expect({ code: run.code, err: run.err }).toEqual({
      code: 1,
      err: "fs2dt: /node@1: the tree changed while it was read\n",
    });
  });

  test("is read with a node that has become a property", () => {
    const replaced = before("/node@1", 1, () => {
      rmSync(folder.in("tree/node@1"), { recursive: true });
      writeFileSync(folder.in("tree/node@1"), "now a value");
    });
    const { root } = readBlob(flattened({ openat: replaced }, tree).out);
    expect(bytesAt(root, "/", "node@1").toString()).toBe("now a value");
    expect(root.children.map(({ name }) => name)).toEqual(["node@2"]);
  });
});

describe("what is neither a node nor a property", () => {
  test.each([
    [1, "fifo"],
    [2, "device"],
    [6, "device"],
    [12, "socket"],
  ] as const)("of type %d is an error, and never opened", (type, kind) => {
    const run = flattened({ getdents64: typed(type, /^odd$/) }, [
      ["a", "1"],
      ["odd", "x"],
      ["n", []],
    ]);
    expect({ code: run.code, err: run.err }).toEqual({
      code: 1,
      err: `fs2dt: /odd: a ${kind} is neither a node nor a property\n`,
    });
    expect(paths(run, "openat")).toEqual([""]);
  });

  test("is found with one more question where the listing does not tell types", () => {
    const tree: Tree = [
      ["file", "1"],
      ["node", [["file", "2"]]],
    ];
    const run = flattened({ getdents64: typed(0, /./) }, tree);
    expect({ code: run.code, err: run.err }).toEqual({ code: 0, err: "" });
    expect(bytesAt(readBlob(run.out).root, "/node", "file").toString()).toBe("2");
    expect(paths(run, "statx").sort()).toEqual(["/file", "/node", "/node/file"]);
  });

  test("is not asked about where the listing tells types", () => {
    expect(
      paths(
        flattened({}, [
          ["file", "1"],
          ["node", []],
        ]),
        "statx",
      ),
    ).toEqual([]);
  });
});

describe("a property", () => {
  const values = [0, 1, 4095, 4096, 4097, 65535, 65536, 65537, 262143, 262144, 262145, 480 * 1024].map(
    (size, index): [string, Buffer] => [
      `p${index}`,
      Buffer.from(Array.from({ length: size }, (_, at) => at * 7 + index + (at >> 8))),
    ],
  );

  test.each([4096, 65536])("that the kernel hands out in pages of %d bytes is whole, byte for byte", (page) => {
    const inPages: Answer = ([descriptor, bytes, length], { pass }) =>
      pass([present(descriptor), present(bytes), Math.min(Number(length), page)]);
    const { root } = readBlob(flattened({ read: inPages }, [["big", values]]).out);
    for (const [name, value] of values) expect(bytesAt(root, "/big", name).equals(value)).toBe(true);
  });

  test("is read on when a signal interrupts it", () => {
    let interrupted = false;
    const signalled: Answer = (_, { pass }) => {
      interrupted = !interrupted;
      return interrupted ? -errno.EINTR : pass();
    };
    expect(bytesAt(readBlob(flattened({ read: signalled }, [["a", "whole"]]).out).root, "/", "a").toString()).toBe(
      "whole",
    );
  });

  test.each([
    ["EACCES", "permission denied"],
    ["EMFILE", "too many open files"],
  ] as const)("that cannot be opened (%s) is an error that names it", (name, text) => {
    const refused: Answer = (_, call) => (call.path.endsWith("/b") ? -errno[name] : call.pass());
    const { code, err } = flattened({ openat: refused }, [
      ["a", "1"],
      ["n", [["b", "2"]]],
    ]);
    expect({ code, err }).toEqual({ code: 1, err: `fs2dt: /n/b: ${name} (${text})\n` });
  });

  test("that cannot be read (EIO) is an error that names it, whether at once or after a page", () => {
    for (const pages of [0, 1]) {
      let reads = 0;
      const broken: Answer = ([descriptor, bytes], { path, pass }) => {
        if (!path.endsWith("/b")) return pass();
        return reads++ === pages ? -errno.EIO : pass([present(descriptor), present(bytes), 4096]);
      };
      rmSync(folder.in("tree"), { recursive: true, force: true });
      const { code, err } = flattened({ read: broken }, [
        ["a", "1"],
        ["n", [["b", Buffer.alloc(8192)]]],
      ]);
      expect({ code, err }).toEqual({ code: 1, err: "fs2dt: /n/b: EIO (input/output error)\n" });
    }
  });

  test("without end is an error at 16 MiB, for which little more than that is read and held", () => {
    let read = 0;
    const endless: Answer = ([, , length], { path, pass }) => {
      if (!path.endsWith("/zero")) return pass();
      read += Number(length);
      return Number(length);
    };
    const { code, err, engine } = flattened({ read: endless }, [
      ["a", "1"],
      ["zero", ""],
    ]);
    expect({ code, err }).toEqual({ code: 1, err: "fs2dt: /zero: larger than 16777216 bytes\n" });
    expect(read).toBe(16 * MIB + 1);
    const held = Math.max(...engine.asked("mremap").map(({ args }) => Number(args[2])));
    expect(held).toBeGreaterThan(16 * MIB);
    expect(held).toBeLessThan(16 * MIB + 100);
  });

  test("of 16 MiB is taken, one of a byte more is not", () => {
    const value = Buffer.alloc(16 * MIB, "device tree");
    expect(bytesAt(readBlob(flattened({}, [["p", value]]).out).root, "/", "p").equals(value)).toBe(true);
    rmSync(folder.in("tree"), { recursive: true });
    expect(flattened({}, [["p", Buffer.alloc(16 * MIB + 1)]]).err).toBe("fs2dt: /p: larger than 16777216 bytes\n");
  });

  test("after which the tree is larger than --max-size ends the reading", () => {
    const run = flattened(
      {},
      [
        ["a", Buffer.alloc(600)],
        ["b", Buffer.alloc(500)],
        ["c", ""],
      ],
      "--max-size",
      "1000",
    );
    expect({ code: run.code, err: run.err }).toEqual({
      code: 1,
      err: "fs2dt: /b: the tree is larger than 1000 bytes\n",
    });
    expect(paths(run, "openat")).toEqual(["", "/a", "/b"]);
  });
});

describe("security-* properties", () => {
  const tree: Tree = [
    ["security-password", "secret"],
    ["security-mode", ""],
    ["n", [["security-#badlogins", "3"]]],
    ["security", "plain"],
  ];

  test("are emptied, never opened, and named", () => {
    const run = flattened({}, tree);
    const { root } = readBlob(run.out);
    expect(run.err.split("\n")).toEqual([
      "fs2dt: /security-mode: left empty (--secrets copies it)",
      "fs2dt: /security-password: left empty (--secrets copies it)",
      "fs2dt: /n/security-#badlogins: left empty (--secrets copies it)",
      "",
    ]);
    expect(run.out.includes("secret")).toBe(false);
    expect(bytesAt(root, "/", "security-password").length).toBe(0);
    expect(bytesAt(root, "/", "security").toString()).toBe("plain");
    expect(paths(run, "openat")).toEqual(["", "/security", "/n"]);
  });

  test("are copied with --secrets, without a word", () => {
    const { out, err } = flattened({}, tree, "--secrets");
    expect(err).toBe("");
    expect(bytesAt(readBlob(out).root, "/", "security-password").toString()).toBe("secret");
    expect(bytesAt(nodeOf(readBlob(out).root, "/n"), "/", "security-#badlogins").toString()).toBe("3");
  });
});

test("a file that always says it is ready, and has nothing, is an error and no endless loop", () => {
  // As a sensor of sysfs whose driver answers EAGAIN: poll(2) tells of none that it has to be waited for.
  writeFileSync(folder.in("blob"), "");
  const { code, err } = runInside({ on: { read: () => -errno.EAGAIN } }, "dtdump", folder.in("blob"));
  expect({ code, err: err.replaceAll(folder.path, "") }).toEqual({
    code: 1,
    err: "dtdump: /blob: EAGAIN (resource temporarily unavailable)\n",
  });
});

describe("a file that is read in small pieces", () => {
  const SIZE = 10_000;
  const tree: Tree = [["big", Buffer.alloc(SIZE, "B")]];
  const inPieces: Answer = ([descriptor, bytes, length], { pass }) =>
    pass([descriptor as number, bytes as Uint8Array, Math.min(Number(length), 1000)]);
  /** statfs(2) of a file system of this kind (linux/magic.h). */
  const ofKind =
    (magic: bigint): Answer =>
    (args) => {
      new DataView((args[1] as Uint8Array).buffer).setBigUint64(0, magic, true);
      return 0;
    };

  test.each([
    ["FUSE", 0x6573_5546n],
    ["9p", 0x0102_1997n],
    ["NFS", 0x6969n],
    ["ext4", 0xef53n],
  ])("is whole on %s, where a short read is not the last", (_, magic) => {
    const run = flattened({ fstatfs: ofKind(magic), read: inPieces }, tree);
    expect(run.code).toBe(0);
    expect(bytesAt(readBlob(run.out).root, "/", "big").length).toBe(SIZE);
  });

  test("is whole where the file system does not tell its kind", () => {
    const run = flattened({ fstatfs: () => -errno.ENOSYS, read: inPieces }, tree);
    expect(bytesAt(readBlob(run.out).root, "/", "big").length).toBe(SIZE);
  });

  test.each([
    ["proc", 0x9fa0n],
    ["sysfs", 0x6265_6572n],
  ])("of less than a page is read once on %s", (_, magic) => {
    const run = flattened({ fstatfs: ofKind(magic) }, [["small", "abc\0"]]);
    expect(run.code).toBe(0);
    expect(run.engine.asked("read")).toHaveLength(1);
  });

  /** Nothing of `path` lies on the mount that the tree begins on. */
  const mountedAt =
    (path: string): Answer =>
    (_, call) =>
      call.path === folder.in(`tree${path}`) ? -errno.EXDEV : call.pass();
  const OF_SYSFS = { fstatfs: ofKind(0x6265_6572n), read: inPieces };

  test.each([
    ["a directory", "/fuse", "/fuse/below"],
    ["a file", "/fuse/below/big", "/fuse/below"],
  ])(
    "is whole where %s is mounted inside a tree of sysfs, and what lies beside it is read once",
    (_, mounted, node) => {
      const inside: Tree = [
        ["fuse", [["below", [["big", Buffer.alloc(SIZE, 7)]]]]],
        ["plain", [["small", "abc\0"]]],
      ];
      const run = flattened({ ...OF_SYSFS, openat2: mountedAt(mounted) }, inside);
      expect(run.code).toBe(0);
      expect(bytesAt(readBlob(run.out).root, node, "big")).toEqual(Buffer.alloc(SIZE, 7));
      expect(run.engine.asked("read").filter(({ path }) => path.endsWith("/small"))).toHaveLength(1);
    },
  );

  test.each(["ENOSYS", "EPERM"] as const)("is whole where the kernel says %s when asked for other mounts", (name) => {
    const run = flattened({ ...OF_SYSFS, openat2: () => -errno[name] }, tree);
    expect(run.code).toBe(0);
    expect(bytesAt(readBlob(run.out).root, "/", "big").length).toBe(SIZE);
    expect(run.engine.asked("openat2")).toHaveLength(1);
  });
});

describe("a property that has nothing yet", () => {
  const slow = (times: number): FakeWorld["on"] => {
    let waits = 0;
    return { read: (_, { pass }) => (waits++ < times ? -errno.EAGAIN : pass()) };
  };

  test("is waited for", () => {
    const run = flattened(slow(3), [["late", "abc\0"]]);
    expect(run.code).toBe(0);
    expect(run.engine.asked("ppoll")).toHaveLength(3);
    expect(bytesAt(readBlob(run.out).root, "/", "late").toString()).toBe("abc\0");
  });

  test("but says each time that it has is given up", () => {
    const run = flattened(slow(Infinity), [["late", "abc\0"]]);
    expect(run).toMatchObject({ code: 1, err: "fs2dt: /late: EAGAIN (resource temporarily unavailable)\n" });
  });
});

test("memory for properties grows by whole words, which their padding ends in", () => {
  const run = flattened({}, [["large", Buffer.alloc(16 * MIB, "L")]]);
  expect(run.code).toBe(0);
  const sizes = run.engine.asked("mremap").map(({ args }) => Number(args[2]));
  expect(Math.max(...sizes)).toBeGreaterThan(16 * MIB);
  expect(sizes.filter((size) => size % 4 !== 0)).toEqual([]);
});

describe("standard output", () => {
  const tree: Tree = [["p", Buffer.alloc(100_000, "0123456789")]];

  test("that takes little at a time, that is interrupted, or that is not ready gets the whole blob", () => {
    let turn = 0;
    const answers: Answer = ([descriptor, bytes, length], { name }) => {
      if (descriptor !== 1) return -errno.EBADF;
      expect(name).toBe("write");
      turn++;
      if (turn % 3 === 1) return -errno.EINTR;
      if (turn % 3 === 2) return -errno.EAGAIN;
      const taken = Math.min(Number(length), 7777);
      parts.push(Buffer.from(bytes as Uint8Array).subarray(0, taken));
      return taken;
    };
    const parts: Buffer[] = [];
    const run = flattened({ write: answers }, tree);
    expect(run.code).toBe(0);
    expect(bytesAt(readBlob(Buffer.concat(parts)).root, "/", "p").length).toBe(100_000);
    // Each time it was not ready, it was waited for until it can be written to (POLLOUT).
    const waits = run.engine.asked("ppoll");
    expect(waits).toHaveLength(parts.length);
    expect(Buffer.from(present(waits[0]).args[0] as Uint8Array).toString("hex")).toBe("0100000004000000");
  });

  test.each([
    ["ENOSPC", "no space left on device"],
    ["EPIPE", "broken pipe"],
    ["EIO", "input/output error"],
  ] as const)("that fails half way (%s) is an error of one line, never 0", (name, text) => {
    let written = 0;
    const failing: Answer = ([descriptor], { pass }) => {
      if (descriptor !== 1) return pass();
      return written++ === 0 ? 1000 : -errno[name];
    };
    makeTree(folder.in("tree"), tree);
    const { code, err } = runInside({ on: { write: failing } }, "fs2dt", "-b", "0", folder.in("tree"));
    expect({ code, err }).toEqual({ code: 1, err: `fs2dt: standard output: ${name} (${text})\n` });
  });

  test("gets nothing before the last of the tree is read", () => {
    const { engine } = flattened({}, [
      ["a", "1"],
      ["n", [["b", "2"]]],
    ]);
    const names = engine.calls.map(({ name }) => name);
    expect(names.indexOf("write")).toBeGreaterThan(names.lastIndexOf("read"));
  });

  test("that is a terminal is refused before anything is read", () => {
    const { code, out, err, engine } = runInside({ terminals: [1] }, "fs2dt", "-b", "0", "/nonexistent");
    expect({ code, out: out.length, err }).toEqual({
      code: 2,
      out: 0,
      err: "fs2dt: standard output: refusing to write binary to a terminal\n",
    });
    expect(engine.asked("openat")).toEqual([]);
  });
});

describe("a machine of the other byte order", () => {
  test("makes the same blob", () => {
    const tree: Tree = [
      ["b", "1"],
      ["a", "22"],
      ["cpu@10", [["reg", "1234"]]],
      ["cpu@8", []],
    ];
    makeTree(folder.in("tree"), tree);
    const made = (["x86_64", "aarch64", "ppc64", "ppc64le"] as const).map((machine) => {
      const { code, out } = runInside({ machine }, "fs2dt", "-b", "0", folder.in("tree"));
      expect(code).toBe(0);
      return out.toString("hex");
    });
    expect(new Set(made).size).toBe(1);
  });
});
