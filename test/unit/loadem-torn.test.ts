// A mapped file that becomes shorter while it is in use: told in one line, and nothing is printed, saved or loaded of it.

import { beforeEach, expect, test } from "bun:test";
import { readdirSync, truncateSync, writeFileSync } from "node:fs";
import { errno } from "../../src/sys/errno.ts";
import type { Answer } from "../support/fake-engine.ts";
import { fileCalls } from "../support/file-calls.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended } from "../support/loading.ts";

const folder = temporaryFolder();
const SIZE = 2 * 1024 * 1024;
let file = "";

beforeEach(() => {
  file = folder.in("F");
  writeFileSync(file, new Uint8Array(SIZE).fill(1));
});

/** Once the file is mapped, and before anything is looked for in it. */
const shrinkingBeforeChecks: Pretended["on"] = {
  openat: (_, { path, pass }) => {
    if (path === "/proc/meminfo") truncateSync(file, 4096);
    return pass();
  },
};

function loadingFile(on: Pretended["on"], ...words: readonly string[]): LoadRun {
  return loadem(
    folder.in("machine"),
    { on, guards: true },
    ...words,
    "-r",
    "0x1000",
    "-a",
    "0x10000000",
    "-e",
    "-f",
    file,
  );
}

const SHORTER = `F: became shorter while it was in use: 4096 bytes are left of ${SIZE}`;

function told({ err }: LoadRun): string {
  return err.replaceAll(`${folder.path}/`, "");
}

test("is an error of what looks at all of it, and nothing is printed", () => {
  const run = loadingFile(shrinkingBeforeChecks, "-n", "--json");
  expect({ code: run.code, out: `${run.out}`, err: told(run) }).toEqual({
    code: 1,
    out: "",
    err: `loadem: ${SHORTER}\n`,
  });
});

test("is the cause that is told where the kernel cannot read it", () => {
  const shrinking: Answer = () => {
    truncateSync(file, 4096);
    return -errno.EFAULT;
  };
  const run = loadingFile({ kexec_load: shrinking }, "--no-checks");
  expect(run.code).toBe(3);
  expect(told(run)).toEndWith(`EFAULT (bad address): ${SHORTER}\n`);
});

test("is an error where it happens while the kernel copies, and what was loaded is unloaded", () => {
  const asked: number[] = [];
  const shrinking: Answer = ([, count]) => {
    truncateSync(file, 4096);
    asked.push(Number(count));
    return 0;
  };
  const run = loadingFile({ kexec_load: shrinking }, "--no-checks");
  expect(run.code).toBe(1);
  expect(told(run)).toBe(`loadem: F: changed while it was read: ${SIZE} bytes before, 4096 now\n`);
  expect(asked).toEqual([1, 0]);
});

test("leaves no file of it behind", () => {
  const calls = fileCalls(folder.path);
  const mkdirat: Answer = (args, call) => {
    truncateSync(file, 4096);
    return calls.mkdirat?.(args, call) ?? 0;
  };
  const run = loadingFile({ ...calls, mkdirat }, "--qemu", folder.in("qemu"));
  expect(run.code).toBe(1);
  expect(told(run)).toStartWith(`loadem: ${SHORTER}`);
  expect(readdirSync(folder.path)).not.toContain("qemu");
});
