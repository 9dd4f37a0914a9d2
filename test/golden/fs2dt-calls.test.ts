// The system calls of fs2dt, as strace counts them.

import { beforeAll, expect, test } from "bun:test";
import { readFileSync, symlinkSync } from "node:fs";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners, runWith, x64 } from "../support/run.ts";
import { largeTree, makeTree } from "../support/tree.ts";

const NODES = 200;
const PROPERTIES = 2000;

beforeAll(buildRunners, 600_000);
const folder = temporaryFolder({ on: "disk" });
const memory = temporaryFolder();

interface SystemCall {
  readonly name: string;
  readonly arguments: string;
  readonly result: number;
}

/** Every system call from the program's start to its end. */
function traced(...args: string[]): { calls: SystemCall[]; bytes: number } {
  const { code, out } = runWith(x64, args, {
    cwd: folder.path,
    under: ["strace", "-o", folder.in("trace"), "-s", "4096"],
  });
  expect(code).toBe(0);
  const lines = readFileSync(folder.in("trace"), "latin1").split("\n");
  const matches = lines.map((line) => /^(\w+)\((.*)\) += (-?\w+)/.exec(line)).filter((match) => match !== null);
  const calls = matches.map(([, name, text, result]) => ({
    name: present(name),
    arguments: present(text),
    result: Number(result),
  }));
  expect(present(calls[0]).name).toBe("execve");
  return { calls: calls.slice(1), bytes: out.length };
}

function named(calls: readonly SystemCall[], name: RegExp): SystemCall[] {
  return calls.filter((call) => name.test(call.name));
}

test("each property costs one open, one read and one close, and no question for its status", () => {
  // As in proc and sysfs, a read that is short says there that it was the last.
  const tree = memory.in("tree");
  makeTree(tree, largeTree(7, NODES, PROPERTIES));
  const { calls } = traced("fs2dt", "-b", "0", tree);
  expect(named(calls, /stat|access|readlink|fcntl|lseek/).map(({ name }) => name)).toEqual(["fstatfs"]);
  expect(named(calls, /^open/)).toHaveLength(NODES + PROPERTIES);
  const opened = new Set(named(calls, /^open/).map(({ arguments: text }) => text));
  expect(opened.size).toBeGreaterThan(PROPERTIES / 2);
  // A property of 4 KiB and more needs a second read, which only the large ones have.
  expect(named(calls, /^read$/).length).toBeLessThan(PROPERTIES * 1.02);
  // And that of standard output, whose answer counts.
  expect(named(calls, /^close$/)).toHaveLength(NODES + PROPERTIES + 1);
  expect(named(calls, /^getdents64$/)).toHaveLength(2 * NODES);
  const all = calls.length - 4 * NODES;
  expect(all).toBeLessThan(3.02 * PROPERTIES + 60);
});

test("nothing is opened but DIR by its path, and what lies in it by its name, never through a link", () => {
  makeTree(folder.in("tree"), [
    ["a", "1"],
    ["n", [["b", "2"]]],
  ]);
  symlinkSync("/etc/shadow", folder.in("tree/n/shadow"));
  symlinkSync("../..", folder.in("tree/n/up"));
  const { calls } = traced("fs2dt", "-b", "0", "tree");
  const opened = named(calls, /^openat$/).map(({ arguments: text }) => {
    const [directory, name, flags] = text.split(", ");
    return [directory === "AT_FDCWD" ? directory : "a node", name, present(flags).split("|").sort().join(" ")];
  });
  expect(opened).toEqual([
    ["AT_FDCWD", '"tree"', "O_CLOEXEC O_DIRECTORY O_RDONLY"],
    ["a node", '"a"', "O_CLOEXEC O_NOFOLLOW O_NONBLOCK O_RDONLY"],
    ["a node", '"n"', "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_RDONLY"],
    ["a node", '"b"', "O_CLOEXEC O_NOFOLLOW O_NONBLOCK O_RDONLY"],
  ]);
  expect(named(calls, /^open$|link|^exec|^creat/)).toEqual([]);
});

test("the blob is written at the end, and in one call where it fits", () => {
  makeTree(folder.in("tree"), largeTree(9, 20, 100));
  const { calls, bytes } = traced("fs2dt", "-b", "0", "tree");
  const writes = calls
    .map(({ name, arguments: text, result }, index) => ({ name, text, result, index }))
    .filter(({ name }) => name === "write");
  expect(writes.map(({ result }) => result)).toEqual([bytes]);
  const reading = ({ name, arguments: text }: SystemCall) =>
    /^(openat|read|getdents64|close)$/.test(name) && `${name} ${text}` !== "close 1";
  expect(present(writes[0]).index).toBeGreaterThan(calls.findLastIndex(reading));
});
