// npm run bench from its command line to its files.

import { afterEach, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Result } from "../../scripts/bench/result.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";
import { buildRunners } from "../support/run.ts";

const ROOT = join(import.meta.dir, "../..");
const folder = temporaryFolder({ on: "disk" });
const written: string[] = [];

beforeAll(buildRunners, 600_000);
afterEach(() => {
  for (const path of written.splice(0)) rmSync(path);
});

function bench(...args: readonly string[]): { code: number; out: string; err: string } {
  const command = [process.execPath, join(ROOT, "scripts/bench.ts"), ...args];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command, { cwd: ROOT, stdout: "pipe", stderr: "pipe" });
  const out = stdout.toString();
  written.push(...(out.match(/^bench\/\S+$/gm) ?? []).map((path) => join(ROOT, path)));
  return { code: exitCode, out, err: stderr.toString() };
}

test("a run leaves its samples and what it came from, and can be compared with", async () => {
  const { code, out } = bench("--only", "start,load", "--rounds", "2");
  expect(code).toBe(0);
  const path = present(written.find((name) => name.endsWith(".json")));
  const result: Result = JSON.parse(await readFile(path, "utf8"));
  expect(result).toMatchObject({ where: "host", rounds: 2, origin: { bun: Bun.version } });
  expect(result.origin.commit).toMatch(/^([0-9a-f]{12}\+?|unknown)$/);
  for (const samples of Object.values(result.samples)) expect(samples).toHaveLength(2);
  for (const { what } of result.rows) expect(out).toContain(`| ${what} `);
  expect(result.rows.map(({ spread }) => spread.count)).toEqual(result.rows.map(() => 2));

  const same = bench("--compare", path, path);
  expect(same).toMatchObject({ code: 0, err: "" });
  for (const { what } of result.rows) expect(same.out).toContain(`| ${what} `);
  expect(same.out).not.toMatch(/\| (less|more|new|gone) +\|$/m);
}, 120_000);

test("a file that is no result is refused before anything is measured", async () => {
  await Bun.write(folder.in("other.json"), "{}");
  expect(bench("--compare", folder.in("other.json"))).toEqual({
    code: 1,
    out: "",
    err: `bench: ${folder.in("other.json")}: not what npm run bench wrote\n`,
  });
  expect(bench("--compare", folder.in("none"))).toEqual({
    code: 1,
    out: "",
    err: `bench: ${folder.in("none")}: cannot be read: ENOENT\n`,
  });
});
