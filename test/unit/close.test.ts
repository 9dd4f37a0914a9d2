// What the kernel says when a file is closed, and before when it is synchronised: NFS, quotas and FUSE say only there that
// what was written did not get anywhere.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type ErrnoName, errno } from "../../src/sys/errno.ts";
import { type Answer, type FakeWorld, runInside } from "../support/fake-engine.ts";
import { fileCalls } from "../support/file-calls.ts";
import { temporaryFolder } from "../support/folder.ts";
import { makeTree } from "../support/tree.ts";

const folder = temporaryFolder();

const STDOUT = 1;

/** Closes it, but says that what was written is lost. */
function losing(name: ErrnoName, isIt: (descriptor: number, path: string) => boolean): Answer {
  return ([descriptor], { path, pass }) => {
    const result = pass();
    return isIt(Number(descriptor), path) ? -errno[name] : result;
  };
}

/** Exit code and standard error of a command in which TREE is a tree. */
function outcome(on: FakeWorld["on"], command: string): { code: number | undefined; err: string } {
  const tree = folder.in("tree");
  if (!readdirSync(folder.path).includes("tree")) makeTree(tree, [["p", "x\0"]]);
  const words = command.split(" ").map((word) => word.replace("TREE", tree).replace("DIR", folder.path));
  const { code, err, engine } = runInside({ on: { ...fileCalls(folder.path), ...on } }, ...words);
  expect(engine.leftOpen).toEqual([]);
  return { code, err: err.replaceAll(folder.path, "DIR") };
}

describe("standard output that is lost when it is closed", () => {
  const lost = { close: losing("EIO", (descriptor) => descriptor === STDOUT) };

  test.each([
    ["fs2dt -b 0 TREE", "fs2dt", 1],
    ["dtdump TREE", "dtdump", 1],
    ["dtedit TREE -", "dtedit", 1],
    ["cat TREE/p", "cat", 1],
    ["echo a", "echo", 1],
    ["ls TREE", "ls", 1],
    ["v2wrap", "v2wrap", 1],
    ["--list", "kexecbox", 1],
    ["kexec --help", "kexec", 1],
    ["dtdiff TREE DIR", "dtdiff", 2],
  ])("is an error of %s", (command, tool, code) => {
    const run = outcome(lost, command);
    expect(run).toEqual({ code, err: `${tool}: standard output: EIO (input/output error)\n` });
  });

  test("is none of a command that printed nothing", () => {
    expect(outcome(lost, "dtdiff TREE TREE")).toEqual({ code: 0, err: "" });
  });
});

describe.each([
  ["fsync", "ENOSPC", "no space left on device"],
  ["close", "EIO", "input/output error"],
] as const)("a file whose %s fails", (call, name, text) => {
  const failing = { [call]: losing(name, (_, path) => path.startsWith(folder.in("out"))) };

  test("does not take the place of the one that was there, and nothing is left beside it", () => {
    writeFileSync(folder.in("out"), "before");
    const err = `dtedit: DIR/out: ${name} (${text})\n`;
    expect(outcome(failing, "dtedit TREE DIR/out")).toEqual({ code: 1, err });
    expect(readFileSync(folder.in("out"), "utf8")).toBe("before");
    expect(readdirSync(folder.path).sort()).toEqual(["out", "tree"]);
  });
});

test("a directory of which a file fails at its close is taken away again", () => {
  const failing = { close: losing("EIO", (_, path) => path.endsWith("/out/p")) };
  const err = "dtedit: DIR/out/p: EIO (input/output error)\n";
  expect(outcome(failing, "dtedit -O dir TREE DIR/out")).toEqual({ code: 1, err });
  expect(readdirSync(folder.path)).toEqual(["tree"]);
});

test("what has no disk need not be synchronised", () => {
  expect(outcome({ fsync: () => -errno.EINVAL }, "dtedit TREE DIR/out")).toEqual({ code: 0, err: "" });
});

test("a folder of which a file cannot take its place is taken away again", () => {
  const calls = fileCalls(folder.path);
  const renameat2: Answer = (args, call) =>
    String(args[3]).endsWith("/segment-0") ? -errno.EXDEV : (calls.renameat2?.(args, call) ?? 0);
  writeFileSync(folder.in("k"), new Uint8Array(0x1000));
  const command = `loadem --qemu ${folder.in("out")} -t 62 -r 0x1000 -a 0x1000000 -e -f ${folder.in("k")}`;
  const { code, err } = runInside({ on: { ...calls, renameat2 } }, ...command.split(" "));
  expect({ code, err }).toEqual({
    code: 1,
    err: `loadem: ${folder.in("out")}/segment-0: EXDEV (invalid cross-device link)\n`,
  });
  expect(readdirSync(folder.path)).toEqual(["k"]);
});
