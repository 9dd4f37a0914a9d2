// The programs that measure, themselves measured: strace sees what the limit does, and known processes are weighed.

import { beforeEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memoryIn } from "../../scripts/bench/guest-load.ts";
import { compile } from "../../scripts/bench/programs.ts";
import { sampleIn } from "../../scripts/bench/sample.ts";
import { ensure } from "../../scripts/setup.ts";
import { sortedSource } from "../support/dtc.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { largeTree, makeTree, type Tree } from "../support/tree.ts";

const NODES = 60;
const PROPERTIES = 700;
const MIB = 2 ** 20;

const folder = temporaryFolder({ on: "disk" });
beforeEach(() => ensure("bench"), 600_000);

function ran(...command: readonly string[]): { code: number; out: Buffer; err: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { stdin: null, stdout: "pipe", stderr: "pipe" });
  return { code: exitCode, out: stdout, err: stderr.toString() };
}

/** Names of all properties and of all nodes, as often as there are. */
function namesIn(tree: Tree): { files: string[]; directories: string[] } {
  const found = { files: [] as string[], directories: [] as string[] };
  for (const [name, content] of tree) {
    if (!Array.isArray(content)) found.files.push(name);
    else {
      const below = namesIn(content as Tree);
      found.directories.push(name, ...below.directories);
      found.files.push(...below.files);
    }
  }
  return found;
}

describe("the limit", () => {
  test("opens, reads and closes each property once, lists each node once, and does nothing else", async () => {
    const limit = await compile("gcc", "limit", folder.path);
    const tree = largeTree(11, NODES, PROPERTIES);
    makeTree(folder.in("tree"), tree);
    expect(ran("strace", "-o", folder.in("trace"), limit, folder.in("tree"))).toMatchObject({ code: 0, err: "" });
    const calls = readFileSync(folder.in("trace"), "latin1")
      .trimEnd()
      .split("\n")
      .map((line) => /^(\w+)\((?:[^"]*"([^"]*)"[^)]*(O_DIRECTORY))?(?:[^"]*"([^"]*)")?/.exec(line))
      .flatMap((found) => (found === null ? [] : [{ name: present(found[1]), directory: found[2], file: found[4] }]));
    const own = calls.slice(calls.findIndex(({ directory }) => directory === folder.in("tree")));
    const opened = own.filter(({ name }) => name === "openat");
    const { files, directories } = namesIn(tree);
    expect(opened.flatMap(({ file }) => file ?? []).sort()).toEqual(files.sort());
    const nodes = [folder.in("tree"), ...directories].sort();
    expect(opened.flatMap(({ directory }) => directory ?? []).sort()).toEqual(nodes);
    const counted = (wanted: string) => own.filter(({ name }) => name === wanted).length;
    expect([...new Set(own.map(({ name }) => name))].map((name) => [name, counted(name)]).sort()).toEqual([
      ["close", PROPERTIES + NODES],
      ["exit_group", 1],
      ["getdents64", 2 * NODES],
      ["openat", PROPERTIES + NODES],
      ["read", PROPERTIES],
    ]);
  });

  test("fails where there is nothing to read", async () => {
    const limit = await compile("gcc", "limit", folder.path);
    expect(ran(limit, folder.in("none"))).toMatchObject({ code: 1 });
  });
});

describe("measure", () => {
  const measure = () => compile("gcc", "measure", folder.path);
  /** A process that writes into so much memory. */
  const dd = (mebibytes: number) => [
    "dd",
    "if=/dev/zero",
    "of=/dev/null",
    `bs=${mebibytes}M`,
    "count=1",
    "status=none",
  ];

  test("tells the memory of what it runs, not of what started it", async () => {
    const program = await measure();
    const peak = (...command: string[]) => present(sampleIn(ran(program, "it", ...command).out.toString())).sample.peak;
    expect(process.memoryUsage.rss()).toBeGreaterThan(20 * MIB);
    expect(peak("true")).toBeLessThan(4 * MIB);
    expect(peak(...dd(40))).toBeGreaterThan(40 * MIB);
    expect(peak(...dd(40))).toBeLessThan(50 * MIB);
  });

  test("adds up a pipeline, whose processes get each other's output", async () => {
    const { code, out } = ran(await measure(), "a-name", ...dd(20), "|", ...dd(30), "|", "cat");
    expect(code).toBe(0);
    const { name, sample } = present(sampleIn(out.toString()));
    expect(name).toBe("a-name");
    expect(sample.peak).toBeGreaterThan(50 * MIB);
    expect(ran(await measure(), "it", "echo", "hello", "|", "tr", "h", "j", "|", "tee", folder.in("out")).code).toBe(0);
    expect(readFileSync(folder.in("out"), "utf8")).toBe("jello\n");
  });

  test.each([["false"], ["false | true"], ["true | false"], ["/nonexistent"], ["ls /nonexistent"]])(
    "has no figure for what fails: %s",
    async (command) => {
      expect(ran(await measure(), "it", ...command.split(" "))).toMatchObject({ code: 1, out: Buffer.alloc(0) });
    },
  );
});

test("memory sets mapped files aside, and only those", async () => {
  const memory = await compile("gcc", "memory", folder.path);
  writeFileSync(folder.in("large"), new Uint8Array(32 * MIB));
  writeFileSync(
    folder.in("map.c"),
    `#include <fcntl.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/mman.h>
    int main(int argc, char **argv) {
      volatile const char *file = mmap(0, 32 << 20, PROT_READ, MAP_PRIVATE, open(argv[1], O_RDONLY), 0);
      int sum = argc;
      for (int at = 0; at < 32 << 20; at += 4096) sum += file[at];
      volatile char *own = malloc(8 << 20);
      memset((void *)own, 1, 8 << 20);
      return sum + own[5] != 3;
    }`,
  );
  expect(ran("gcc", "-O0", "-o", folder.in("map"), folder.in("map.c")).code).toBe(0);
  const { code, err } = ran(memory, "it", folder.in("map"), folder.in("large"));
  expect(code).toBe(0);
  const { peak, mapped } = present(memoryIn(err.trimEnd(), "it"));
  expect(mapped).toBeGreaterThan(32 * MIB);
  expect(peak - mapped).toBeGreaterThan(8 * MIB);
  expect(peak - mapped).toBeLessThan(10 * MIB);
});

test("the naive script does the whole of what fs2dt does, so that the two may be compared", () => {
  makeTree(folder.in("tree"), largeTree(12, NODES, PROPERTIES));
  const naive = join(import.meta.dir, "../../scripts/bench/naive.ts");
  const { code, out } = ran(process.execPath, naive, folder.in("tree"));
  expect(code).toBe(0);
  writeFileSync(folder.in("blob"), out);
  expect(sortedSource("dtb", folder.in("blob"))).toBe(sortedSource("fs", folder.in("tree")));
});
