// Too little memory, in steps from where a program cannot be started to where it succeeds: each run ends with a documented
// code and one line. Of the small engine: Bun ends by itself where it has too little, mostly.

import { beforeAll, expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { build } from "../../scripts/build.ts";
import { temporaryFolder } from "../support/folder.ts";
import { bun, type Run, runWith, x64 } from "../support/run.ts";
import { largeTree, makeTree } from "../support/tree.ts";

const STEP_KB = 64;
/** Where every command below has enough. */
const PLENTY_KB = 40_000;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  await build("x64-small");
  makeTree(folder.in("tree"), largeTree(7, 200, 2000));
  writeFileSync(folder.in("kernel"), new Uint8Array(3_000_000).fill(0x60));
  runWith(x64, ["dtedit", "tree", "blob"], { cwd: folder.path });
  while (!isStarted(limited(start, ["v2wrap", "--help"]))) start += 8;
  // Longer lines may want another page of the stack.
  start += 16;
}, 600_000);

/** KiB with which the kernel can start the program, and it gets as far as to its own name. */
let start = 1024;

function isStarted({ code, err }: Run): boolean {
  return code === 0 || err.startsWith("v2wrap: ");
}

function limited(kilobytes: number, args: readonly string[]): Run {
  const shell = ["sh", "-c", `ulimit -v ${kilobytes}; exec "$@"`, "sh"];
  return runWith(x64, args, { cwd: folder.path, under: shell });
}

test("is told by Bun too where it is not enough for its compiler's code", () => {
  // What it does where it has no room for code.
  const { code, out, err } = runWith(bun, ["echo", "a"], { under: ["env", "BUN_JSC_useJIT=0"] });
  expect({ code, out: `${out}`, err }).toEqual({
    code: 1,
    out: "",
    err: "kexecbox: memory: out of memory for code: bun:ffi requires the JIT\n",
  });
});

test.each([
  ["fs2dt -b 0 tree", 1],
  ["dtdump tree", 1],
  ["dtedit -d /n1 tree out", 1],
  ["dtcheck blob", 1],
  ["dtdiff tree blob", 2],
  ["kexec --help", 1],
  ["loadem -n --no-checks -r 0x1000 -a 0x1000000 -e -f kernel", 1],
] as const)(
  "%s ends in one line with every amount of memory that is too little",
  (line, failed) => {
    const args = line.split(" ");
    const plenty = limited(PLENTY_KB, args);
    let kilobytes = start;
    for (; ; kilobytes += STEP_KB) {
      const { code, out, err } = limited(kilobytes, args);
      if (code === plenty.code && err === plenty.err && out.equals(plenty.out)) break;
      expect({ kilobytes, code, out: `${out}` }).toEqual({ kilobytes, code: failed, out: "" });
      expect(err).toMatch(/^\w+: [^\n]*: (out of memory|ENOMEM \(cannot allocate memory\))\n$/);
    }
    expect(kilobytes).toBeGreaterThan(start);
    expect(kilobytes).toBeLessThan(PLENTY_KB);
    expect(readdirSync(folder.path).filter((name) => /\.\d+$/.test(name))).toEqual([]);
  },
  300_000,
);
