// fs2dt on trees that no kernel makes: named and refused, or read as they are, under every engine.

import { beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { abis } from "../../src/sys/abi.ts";
import { engine } from "../../src/sys/bun.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../src/sys/system.ts";
import { bytesAt, nodeAt, readBlob } from "../support/blob-reader.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners, fused, type Run, type RunOptions, runners, runWith, runWithBytes } from "../support/run.ts";
import { cells, fillTree, makeTree, type Tree } from "../support/tree.ts";

beforeAll(buildRunners, 600_000);

const folder = temporaryFolder({ on: "disk" });
const MIB = 1024 * 1024;

describe.each(runners.map((runner) => [runner.name, runner] as const))("fs2dt under %s", (_, runner) => {
  /** Runs it on the folder's `tree`; paths are shown from there. */
  function fs2dt(args: readonly string[] = [], options: RunOptions = {}): Run {
    const run = runWith(runner, ["fs2dt", "-b", "0x8000", ...args, "tree"], { cwd: folder.path, ...options });
    if (run.code !== 0) expect(run.out.length).toBe(0);
    return run;
  }

  function refused(code: number, err: string): { code: number; err: string; out: Buffer } {
    return { code, err, out: Buffer.alloc(0) };
  }

  function make(tree: Tree): void {
    makeTree(folder.in("tree"), tree);
  }

  describe("given as DIR", () => {
    test("what is not there, or is neither a directory nor a blob, names it", () => {
      expect(fs2dt()).toMatchObject(refused(1, "fs2dt: tree: ENOENT (no such file or directory)\n"));
      writeFileSync(folder.in("tree"), "a file");
      expect(fs2dt()).toMatchObject(refused(1, "fs2dt: tree: bad-magic: neither a directory nor a device tree blob\n"));
    });

    test("a symbolic link to the tree, or a path with slashes behind, makes the same blob", () => {
      makeTree(folder.in("real"), [
        ["a", "1"],
        ["n", [["b", "2"]]],
      ]);
      symlinkSync("real", folder.in("tree"));
      const { code, err, out } = fs2dt();
      expect({ code, err }).toEqual({ code: 0, err: "" });
      const direct = runWith(runner, ["fs2dt", "-b", "0x8000", "real//"], { cwd: folder.path });
      expect(out.equals(direct.out)).toBe(true);
      const { version, root } = readBlob(out);
      expect(version).toBe(17);
      expect(root.children).toHaveLength(1);
    });

    test("no directory or two of them is a usage error", () => {
      expect(runWith(runner, ["fs2dt", "-b", "0"])).toMatchObject(
        refused(2, "fs2dt: operands: one directory or blob is needed, 0 are given\n"),
      );
      make([]);
      expect(fs2dt(["."]).code).toBe(2);
    });
  });

  test("refuses a directory that holds nothing", () => {
    make([]);
    expect(fs2dt()).toMatchObject(
      refused(1, "fs2dt: tree: not a device tree: neither a property nor a node is in it\n"),
    );
    symlinkSync("/etc", folder.in("tree/link"));
    expect(fs2dt()).toMatchObject({ code: 1 });
  });

  describe("with a symbolic link inside", () => {
    function makeLinks(): void {
      make([
        ["a", "1"],
        ["n", []],
      ]);
      symlinkSync("loop", folder.in("tree/loop"));
      symlinkSync("/nonexistent", folder.in("tree/n/dangling"));
      symlinkSync("/etc/shadow", folder.in("tree/shadow"));
      symlinkSync("..", folder.in("tree/n/up"));
    }

    test("passes over it with one line", () => {
      makeLinks();
      const { code, err, out } = fs2dt();
      expect(code).toBe(0);
      expect(err.split("\n").sort()).toEqual([
        "",
        ...["loop", "n/dangling", "n/up", "shadow"].map((name) => `fs2dt: tree/${name}: symbolic link, not followed`),
      ]);
      const { root } = readBlob(out);
      expect(root.properties.map(({ name }) => name)).toEqual(["a"]);
      expect(root.children).toEqual([{ name: "n", properties: [], children: [] }]);
      const withSlashes = runWith(runner, ["fs2dt", "-b", "0x8000", "tree//"], { cwd: folder.path });
      expect(withSlashes.err).toBe(err);
    });

    test("refuses it with --strict", () => {
      make([
        ["a", "1"],
        ["n", []],
      ]);
      symlinkSync("a", folder.in("tree/n/link"));
      expect(fs2dt(["--strict"])).toMatchObject(
        refused(1, "fs2dt: tree/n/link: a symlink is neither a node nor a property\n"),
      );
    });
  });

  test("does not wait for a FIFO's other end, but refuses it", () => {
    make([["a", "1"]]);
    expect(Bun.spawnSync(["mkfifo", folder.in("tree/pipe")]).success).toBe(true);
    expect(fs2dt()).toMatchObject(refused(1, "fs2dt: tree/pipe: a fifo is neither a node nor a property\n"));
  });

  test("refuses a socket", async () => {
    make([["n", []]]);
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(folder.in("tree/n/socket"), resolve));
    expect(fs2dt()).toMatchObject(refused(1, "fs2dt: tree/n/socket: a socket is neither a node nor a property\n"));
    server.close();
  });

  test("names a property that it may not read, and writes no part of the blob", () => {
    make([
      ["a", "1"],
      ["n", [["secret", "2"]]],
    ]);
    chmodSync(folder.in("tree/n/secret"), 0);
    expect(asNobody(fs2dt)).toMatchObject(refused(1, "fs2dt: tree/n/secret: EACCES (permission denied)\n"));
    chmodSync(folder.in("tree/n/secret"), 0o644);
    expect(asNobody(fs2dt).code).toBe(0);
  });

  test("names a node that it may not enter", () => {
    make([["n", []]]);
    chmodSync(folder.in("tree/n"), 0);
    expect(asNobody(fs2dt)).toMatchObject(refused(1, "fs2dt: tree/n: EACCES (permission denied)\n"));
  });

  /** Root may read everything. */
  function asNobody(run: typeof fs2dt): Run {
    if (userInfo().uid !== 0) return run();
    const under = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const executable = join(folder.path, "program");
    copyFileSync(runner.executable ?? process.execPath, executable);
    chmodSync(executable, 0o755);
    const command =
      runner.executable === undefined ? [executable, bundled()] : [...runner.command.slice(0, -1), executable];
    const child = Bun.spawnSync([...under, ...command, "fs2dt", "-b", "0x8000", "tree"], {
      cwd: folder.path,
    });
    return { code: child.exitCode, signal: null, out: child.stdout, err: child.stderr.toString("latin1") };
  }

  /** One file that another user can read, wherever the sources lie. */
  function bundled(): string {
    const { success } = Bun.spawnSync([
      process.execPath,
      "build",
      "--target=bun",
      join(import.meta.dir, "../../src/main.ts"),
      "--outfile",
      folder.in("main.js"),
    ]);
    expect(success).toBe(true);
    chmodSync(folder.in("main.js"), 0o644);
    return folder.in("main.js");
  }

  test("copies files that have content and a size of 0, as those of /proc have", () => {
    const directory = "/proc/sys/fs/inotify";
    const { code, out } = runWith(runner, ["fs2dt", "-b", "0", directory]);
    expect(code).toBe(0);
    const { properties } = readBlob(out).root;
    expect(properties.map(({ name }) => name)).toEqual(readdirSync(directory).sort());
    expect(properties.every(({ value }) => /^[0-9]+\n$/.test(value.toString()))).toBe(true);
  });

  test("refuses a property of a byte more than 16 MiB", () => {
    make([
      ["a", "1"],
      ["n", [["large", ""]]],
    ]);
    truncateSync(folder.in("tree/n/large"), 16 * MIB + 1);
    expect(fs2dt()).toMatchObject(refused(1, "fs2dt: tree/n/large: larger than 16777216 bytes\n"));
  });

  test("refuses a blob of a byte more than --max-size", () => {
    make([
      ["a", Buffer.alloc(1000)],
      ["n", [["b", "2"]]],
    ]);
    const { length } = fs2dt().out;
    expect(fs2dt(["--max-size", String(length)]).out.length).toBe(length);
    expect(fs2dt(["--max-size", String(length - 1)])).toMatchObject(
      refused(1, `fs2dt: blob: ${length} bytes are more than ${length - 1}\n`),
    );
    expect(fs2dt(["--max-size", "2147483648"])).toMatchObject(
      refused(2, "fs2dt: --max-size: 2147483648 is more than 2147483647\n"),
    );
  });

  describe("with a deep tree", () => {
    /** Directories one inside the other, each `name`; made from inside, where no path gets long. */
    function nest(depth: number, name: string): void {
      mkdirSync(folder.in("tree"));
      const script = `cd tree; for ((i = 0; i < ${depth}; i++)); do mkdir $1; cd $1; done; echo -n deep > p`;
      expect(Bun.spawnSync(["bash", "-c", script, "bash", name], { cwd: folder.path }).exitCode).toBe(0);
    }

    test("takes 64 nodes one below the other", () => {
      nest(64, "n");
      expect(bytesAt(readBlob(fs2dt().out).root, "/n".repeat(64), "p").toString()).toBe("deep");
    });

    test("takes 60 nodes with names of 24 characters, in every version", () => {
      nest(60, "abcdefghijklmnopqrstuvwx");
      for (const version of ["2", "3", "16", "17"]) {
        const { root } = readBlob(fs2dt(["-V", version]).out);
        expect(bytesAt(root, "/abcdefghijklmnopqrstuvwx".repeat(60), "p").toString()).toBe("deep");
      }
    });

    test("refuses the 65th node", () => {
      nest(65, "n");
      expect(fs2dt()).toMatchObject(refused(1, `fs2dt: tree${"/n".repeat(65)}: deeper than 64 nodes\n`));
    });

    test("refuses a path of more than 4096 bytes, with its beginning", () => {
      nest(41, "x".repeat(100));
      expect(fs2dt()).toMatchObject(refused(1, `fs2dt: tree/${"x".repeat(55)}...: path longer than 4096 bytes\n`));
    });
  });

  test("preserves names of any bytes, and shows them escaped where they are refused", () => {
    const names = [
      "\xff\xfe",
      "with space",
      "tab\there",
      "new\nline",
      "cpu#1",
      "quote'\"",
      "\xc3\xa9",
      "\x01",
      "back\\slash",
      "-x",
    ];
    make([
      ...names.map((name): Tree[number] => [name, name]),
      ["\x80@0", names.map((name): Tree[number] => [name, []])],
    ]);
    const { root } = readBlob(fs2dt().out);
    expect(root.properties.map(({ name, value }) => [name, value.toString("latin1")])).toEqual(
      [...names].sort().map((name) => [name, name]),
    );
    expect(present(root.children[0]).name).toBe("\x80@0");
    expect(present(root.children[0]).children.map(({ name }) => name)).toEqual([...names].sort());
    Bun.spawnSync(["bash", "-c", "mkfifo $'tree/bad\\xff\\n\\x1b[31m\\\\'"], { cwd: folder.path });
    expect(fs2dt()).toMatchObject(
      refused(1, "fs2dt: tree/bad\\xff\\x0a\\x1b[31m\\\\: a fifo is neither a node nor a property\n"),
    );
  });

  test("takes DIR and texts of any bytes, and shows them escaped", () => {
    makeTree(folder.in("d\xff\xfeir"), [["p", "1"]]);
    const run = (...args: string[]): Run => runWithBytes(runner, ["fs2dt", ...args], { cwd: folder.path });
    expect(
      bytesAt(readBlob(run("-b", "0", "-B", "\xff\xc3\x28", "d\xff\xfeir").out).root, "/chosen", "bootargs").toString(
        "latin1",
      ),
    ).toBe("\xff\xc3\x28\0");
    expect(run("-b", "0", "\xe9\n")).toMatchObject(
      refused(1, "fs2dt: \\xe9\\x0a: ENOENT (no such file or directory)\n"),
    );
    expect(run("-b", "\xff", "x").err).toStartWith("fs2dt: -b: '\\xff' is not a number");
  });

  test("keeps names of more than 31 bytes, and says nothing of it", () => {
    const [long, usual] = ["n".repeat(32), "n".repeat(31)];
    make([
      [long, "1"],
      [usual, "2"],
      [`${long}@0`, []],
      [`${usual}@00000000`, []],
    ]);
    const { code, err, out } = fs2dt();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(readBlob(out).root.children.map(({ name }) => name)).toEqual([`${usual}@00000000`, `${long}@0`]);
  });

  test("takes 2,100 different names, and a property of a child's name", () => {
    const names = Array.from({ length: 2100 }, (_, index) => `property-${index}`);
    make([...names.map((name): Tree[number] => [name, name]), ["twin", []], ["twin#1", "of the node"]]);
    const { root } = readBlob(fs2dt().out);
    expect(root.properties).toHaveLength(2101);
    for (const name of names) expect(bytesAt(root, "/", name).toString()).toBe(name);
    expect(nodeAt(root, "/twin")).toBeDefined();
  });

  test("copies a reg or interrupt-parent of a wrong length as it is, with a line for each", () => {
    make([
      [
        "n",
        [
          ["reg", "12345"],
          ["interrupt-parent", "12345"],
        ],
      ],
      ["reg", ""],
      [
        "m",
        [
          ["reg", "12345678"],
          ["interrupt-parent", "1234"],
        ],
      ],
    ]);
    const { code, err, out } = fs2dt();
    expect({ code, err }).toEqual({
      code: 0,
      err: "fs2dt: /n/interrupt-parent: 5 bytes, not 4\nfs2dt: /n/reg: 5 bytes, not whole cells\n",
    });
    expect(bytesAt(readBlob(out).root, "/n", "reg").toString()).toBe("12345");
    expect(bytesAt(readBlob(out).root, "/n", "interrupt-parent").toString()).toBe("12345");
  });

  test("refuses a reservation that is none, and says why", () => {
    make([["rtas", [["linux,rtas-base", cells(0x1000)]]]]);
    expect(fs2dt()).toMatchObject(refused(1, "fs2dt: /rtas: linux,rtas-base without rtas-size\n"));
    fillTree(folder.in("tree/rtas"), [["rtas-size", "\0\0\x10"]]);
    expect(fs2dt()).toMatchObject(refused(1, "fs2dt: /rtas/rtas-size: 3 bytes are neither one cell nor two\n"));
  });

  describe("asked for an address", () => {
    function at(...words: string[]): Run {
      make([["model", "x\0"]]);
      return runWith(runner, ["fs2dt", ...words, folder.in("tree")]);
    }

    test("that is missing says so", () => {
      expect(at()).toMatchObject(refused(2, "fs2dt: -b: missing: the address at which the blob will lie\n"));
    });

    test.each([
      "0x",
      "-1",
      "1e3",
      "0x5000_100",
      "",
      " 8",
      "8 ",
      "0o10",
      "08",
      "0b1000",
      "0x1g",
      "+8",
      "1.0",
      "0x10000000000000000",
      "18446744073709551616",
      "NaN",
    ])("of '%s' says that it is no number", (text) => {
      const fact = `'${text}' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)`;
      expect(at("-b", text)).toMatchObject(refused(2, `fs2dt: -b: ${fact}\n`));
    });

    test("that is no multiple of 8 says so", () => {
      expect(at("-b", "0x5000104")).toMatchObject(refused(2, "fs2dt: -b: 0x5000104 is not a multiple of 8\n"));
    });

    test.each([
      ["0", 0n],
      ["4096", 4096n],
      ["0X1F8", 0x1f8n],
      ["0777770", 0o777770n],
      ["9007199254740992", 2n ** 53n],
      ["0xFFFFFFFFFFFF0000", 2n ** 64n - 65536n],
    ] as const)("of %s takes it to the last digit", (text, address) => {
      expect(present(readBlob(at("-b", text).out).reserved[0]).start).toBe(address);
    });

    test("twice, for an unknown version or with an unknown option says so", () => {
      make([]);
      const err = (...words: string[]): string => runWith(runner, ["fs2dt", ...words, folder.in("tree")]).err;
      expect(err("-b", "0", "-b", "8")).toBe("fs2dt: --address: given twice\n");
      expect(err("-b", "0", "-V", "4")).toBe("fs2dt: -V: 4 is none of 1 2 3 16 17\n");
      expect(err("-b", "0", "-V", "17.0")).toStartWith("fs2dt: -V: '17.0' is not a number");
      expect(err("-b", "0", "-x")).toBe("fs2dt: argument 3 (-x): no such option: --help lists them\n");
      expect(err("-b", "0", "--strict=1")).toBe("fs2dt: argument 3 (--strict): takes no value\n");
      expect(runWith(runner, ["fs2dt", "tree", "-b"]).err).toBe("fs2dt: argument 2 (-b): needs ADDR\n");
    });
  });

  describe("writing", () => {
    const large: Tree = [["p", Buffer.alloc(MIB, "0123456789abcde")]];
    /** For a shell. */
    const command = [...runner.command, "fs2dt", "-b", "0", "tree"].map((word) => `'${word}'`).join(" ");

    test("to a pipe that nobody reads ends with 1 and one line", () => {
      make(large);
      const { stdout, stderr } = Bun.spawnSync(["bash", "-c", `${command} | true; echo \${PIPESTATUS[0]}`], {
        cwd: folder.path,
      });
      expect(stdout.toString()).toBe("1\n");
      expect(stderr.toString()).toBe("fs2dt: standard output: EPIPE (broken pipe)\n");
    });

    test("to a full disk ends with 1 and one line", () => {
      for (const tree of [[["p", "1"]], large] as Tree[]) {
        makeTree(folder.in(`tree${present(tree[0])[1].length}`), tree);
        const full = openSync("/dev/full", "w");
        const { code, err } = runWith(runner, ["fs2dt", "-b", "0", folder.in(`tree${present(tree[0])[1].length}`)], {
          stdout: full,
        });
        closeSync(full);
        expect({ code, err }).toEqual({ code: 1, err: "fs2dt: standard output: ENOSPC (no space left on device)\n" });
      }
    });

    // Bun's own executable does not even start there: the libraries inside become files of 2 MB in memory.
    if (runner !== fused)
      test("to a file that may not grow ends with 1, whatever was taken before", () => {
        make(large);
        // The limit is in units of 1024 bytes, and sends a signal that would end the program before its error.
        const script = `trap '' XFSZ; ulimit -f 64; exec ${command} > blob`;
        const { exitCode, stderr } = Bun.spawnSync(["bash", "-c", script], { cwd: folder.path });
        expect({ code: exitCode, err: stderr.toString() }).toEqual({
          code: 1,
          err: "fs2dt: standard output: EFBIG (file too large)\n",
        });
      });

    test("to a slow pipe delivers every byte", () => {
      make(large);
      const { stdout } = Bun.spawnSync(["bash", "-c", `${command} | (sleep 0.2; cat); exit \${PIPESTATUS[0]}`], {
        cwd: folder.path,
      });
      expect(readBlob(stdout).totalsize).toBe(stdout.length);
      expect(stdout.length).toBeGreaterThan(MIB);
    });

    test("to a slow pipe that does not block delivers every byte", async () => {
      make(large);
      const { read, write } = nonblockingPipe();
      const child = Bun.spawn([...runner.command, "fs2dt", "-b", "0", "tree"], {
        cwd: folder.path,
        stdout: write,
      });
      closeSync(write);
      const parts: Buffer[] = [];
      for (let part = await nextPart(read); part.length > 0; part = await nextPart(read)) parts.push(part);
      closeSync(read);
      expect(await child.exited).toBe(0);
      expect(readBlob(Buffer.concat(parts)).totalsize).toBeGreaterThan(MIB);
    });

    test("to a terminal is refused", () => {
      make([["p", "1"]]);
      const { exitCode, stdout } = Bun.spawnSync(["script", "-q", "-e", "-c", command, "/dev/null"], {
        cwd: folder.path,
        stdin: null,
      });
      expect({ code: exitCode, out: stdout.toString() }).toEqual({
        code: 2,
        out: "fs2dt: standard output: refusing to write binary to a terminal\r\n",
      });
    });
  });
});

/** Both ends say EAGAIN rather than wait. */
function nonblockingPipe(): { read: number; write: number } {
  const ends = new Int32Array(2);
  const { pipe2 } = abis[engine.machine].call;
  expect(engine.syscall(pipe2, new Uint8Array(ends.buffer), O_NONBLOCK | O_CLOEXEC)).toBe(0);
  return { read: present(ends[0]), write: present(ends[1]) };
}

/** Half of what a pipe holds at most, and none before a moment has passed: the writer meets a full pipe. */
async function nextPart(descriptor: number): Promise<Buffer> {
  const part = Buffer.alloc(32 * 1024);
  for (;;) {
    await Bun.sleep(1);
    try {
      return part.subarray(0, readSync(descriptor, part));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
    }
  }
}
