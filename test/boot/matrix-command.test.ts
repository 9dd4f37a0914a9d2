// npm run matrix as a whole: a cell is booted, told, kept, and not booted again.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();
const SCRIPT = join(import.meta.dir, "../../scripts/matrix.ts");

function matrix(...words: readonly string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, SCRIPT, ...words]);
  return { exitCode, out: stdout.toString(), err: stderr.toString() };
}

test("a cell that has passed is told in all forms, and left out when the run is gone on with", () => {
  const cell = "ppc64 --cpu POWER9 --smp 1: loadem";
  const record = ["--record", folder.in("record"), cell];
  const files = ["--junit", folder.in("junit"), "--svg", folder.in("svg")];
  const { exitCode, out } = matrix("--ktap", ...files, ...record);
  expect(out).toMatch(/^KTAP version 1\n1\.\.1\nok 1 ppc64 --cpu POWER9 --smp 1: loadem # [0-9.]+ s\n$/);
  expect(exitCode).toBe(0);
  expect(readFileSync(folder.in("junit"), "utf8")).toContain('tests="1" failures="0"');
  expect(readFileSync(folder.in("svg"), "utf8")).toContain("</svg>");
  expect(matrix("--resume", "--junit", folder.in("again"), ...record).exitCode).toBe(0);
  expect(readFileSync(folder.in("again"), "utf8")).toContain('tests="1" failures="0"');
  expect(matrix("--resume", ...record)).toMatchObject({ exitCode: 0, out: "0 cells, 0 failed, 1 passed before\n" });
}, 600_000);

test("a cell whose guest takes too long fails, and is tried again when the run is gone on with", () => {
  const cell = "ppc64 --cpu POWER9 --smp 1: loadem";
  const words = ["--timeout", "1", "--record", folder.in("slow"), cell];
  const first = matrix(...words);
  expect(first.exitCode).toBe(1);
  expect(first.out).toMatch(/^FAIL .* ppc64 --cpu POWER9 --smp 1: loadem\n {2}.*\n1 cells, 1 failed\n$/);
  expect(matrix("--resume", ...words).out).toEndWith("1 cells, 1 failed\n");
}, 600_000);
