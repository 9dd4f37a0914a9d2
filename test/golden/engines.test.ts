// Every engine makes the same of the same directories, option lines and names.

import { beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { SEED_SIZE } from "../../src/arch/x86_64/make-boot-params.ts";
import { SEED } from "../support/arbitraries.ts";
import { readBlob } from "../support/blob-reader.ts";
import { Codes } from "../support/codes.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type Case, fs2dtCases } from "../support/fs2dt-cases.ts";
import { lineFiles, loademLines, zeropageLines } from "../support/option-lines.ts";
import { present } from "../support/present.ts";
import { buildRunners, type Run, runners, runUnderEach, wideRunners } from "../support/run.ts";
import { fillTree, largeTree, type Tree } from "../support/tree.ts";

const CASES = 200;
const LINES = 60;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
let turn = 0;
beforeAll(async () => {
  await buildRunners();
  for (const [name, content] of Object.entries(lineFiles)) writeFileSync(folder.in(name), content);
}, 600_000);

/** What all engines make of it: they must agree in each byte of blob and messages, and in the exit code. */
async function agreed({ tree, extras, options }: Case): Promise<Run> {
  const path = folder.in(`tree${turn++}`);
  mkdirSync(path);
  fillTree(path, tree);
  for (const script of extras) Bun.spawnSync(["bash", "-c", script], { cwd: path });
  const run = await agreedOn(["fs2dt", ...options, path]);
  rmSync(path, { recursive: true });
  return run;
}

/** `settled` leaves out of what is written what cannot be the same. */
async function agreedOn(args: readonly string[], settled = (out: Buffer) => out, under = runners): Promise<Run> {
  const [reference, ...others] = await runUnderEach(args, folder.path, under);
  const first = present(reference);
  for (const { name, code, signal, err, out } of others) {
    expect({ name, code, signal, err, same: settled(out).equals(settled(first.out)) }).toEqual({
      name,
      code: first.code,
      signal: first.signal,
      err: first.err,
      same: true,
    });
  }
  return first;
}

/** A zero page but for the random seed at its end. */
function withoutSeed(page: Buffer): Buffer {
  return Buffer.concat([page.subarray(0, Math.max(0, page.length - SEED_SIZE)), Buffer.alloc(SEED_SIZE)]);
}

/** What loadem -n shows but for the running machine: its number, and what it does not tell. */
function withoutMachine(table: Buffer): Buffer {
  // The drawing before the table has the machine's own memory. test/golden/loadem-engines.test.ts compares drawings.
  const text = table
    .toString("latin1")
    .replace(/^.*?^(?=segment +start)/ms, "")
    .replaceAll(/^.* not checked: .*\n/gm, "");
  return Buffer.from(text.replace(/arch [0-9]+ \(the running kernel's\)/, "arch OURS"), "latin1");
}

describe("all engines make the same of", () => {
  test(`${CASES} generated directories and option lines`, async () => {
    const codes = new Codes();
    await fc.assert(
      fc.asyncProperty(fs2dtCases, async (each) => {
        const { code, out, err } = await agreed(each);
        codes.add(code);
        if (code === 0) readBlob(out);
        else expect(err).toMatch(/^([ -~]+\n)+$/);
      }),
      { numRuns: CASES, seed: SEED },
    );
    // Otherwise this would compare errors only, or none.
    expect(codes.of(0)).toBeGreaterThan(CASES / 2);
    expect(codes.of(1)).toBeGreaterThan(CASES / 20);
    expect(codes.of(2)).toBeGreaterThan(CASES / 20);
  }, 600_000);

  const lines = [
    // -c stores a word of the machine that this runs on.
    ["loadem", loademLines, withoutMachine, wideRunners],
    ["zeropage", zeropageLines, withoutSeed, runners],
  ] as const;
  test.each(lines)(
    `${LINES} generated option lines of %s`,
    async (_, line, settled, under) => {
      const codes = new Codes();
      await fc.assert(
        fc.asyncProperty(line, async (words) => {
          const { code, out, err } = await agreedOn(words, words.includes("--kernel") ? undefined : settled, under);
          codes.add(code);
          if (code === 0) expect(out.length).toBeGreaterThan(0);
          else {
            const refused = { words, out: 0, err: expect.stringMatching(/^[ -~]+\n$/) };
            expect({ words, out: out.length, err }).toEqual(refused);
          }
        }),
        { numRuns: LINES, seed: SEED },
      );
      expect(codes.of(0)).toBeGreaterThan(LINES / 2);
      expect(codes.of(1)).toBeGreaterThan(LINES / 20);
      expect(codes.of(2)).toBeGreaterThan(LINES / 20);
    },
    300_000,
  );

  test("properties of every size at which reading changes its ways", async () => {
    const sizes = [4096, 8192, 65536, 131072, 262144, 524288].flatMap((size) => [size - 1, size, size + 1]);
    const tree = sizes.map((size): Tree[number] => [`size-${size}`, Buffer.alloc(size, `${size} `)]);
    for (const version of ["2", "17"]) {
      const { code, out } = await agreed({ tree, extras: [], options: ["-b", "8", "-V", version] });
      expect(code).toBe(0);
      const { properties } = readBlob(out).root;
      for (const [name, value] of tree) {
        expect(present(properties.find((each) => each.name === name)).value.equals(value as Buffer)).toBe(true);
      }
    }
  }, 60_000);

  test("a tree as large as that of a real machine", async () => {
    const tree = largeTree(3, 400, 4000);
    const { code, out } = await agreed({ tree, extras: [], options: ["-b", "0", "-v"] });
    expect(code).toBe(0);
    expect(out.length).toBeGreaterThan(100_000);
  }, 60_000);

  test("names of all bytes that a name can have", async () => {
    const codes = Array.from({ length: 255 }, (_, index) => index + 1).filter((code) => code !== 0x2f);
    const single = codes.map((code) => String.fromCharCode(code)).filter((name) => name !== ".");
    const all = single.join("");
    const tree: Tree = [
      ...single.map((name): Tree[number] => [name, [[`${name}@${name}`, name]]]),
      [`p${all.slice(0, 200)}`, all],
      [`n${all.slice(0, 200)}`, []],
      [all.slice(54), "1"],
    ];
    const { code, out } = await agreed({ tree, extras: [], options: ["-b", "0", "-B", all, "-v"] });
    expect(code).toBe(0);
    expect(readBlob(out).root.children.map(({ name }) => name)).toEqual(expect.arrayContaining(single));
    expect(out.includes(Buffer.from(all, "latin1"))).toBe(true);
  }, 60_000);

  const commands = [
    [],
    ["--help"],
    ["--list"],
    ["nonesuch"],
    ["\xff\n"],
    ["fs2dt"],
    ["fs2dt", "--help"],
    ["loadem", "--help"],
    ["init", "--help"],
    ["fs2dt", "-b", "0", "/nonexistent"],
    ["fs2dt", "-b", "0", "/etc/passwd"],
    ["fs2dt", "-b", "0", "/dev"],
    ["v2wrap", "--machine", "ppc64"],
    ["v2wrap", "--machine", "arm64"],
    ["v2wrap", "x"],
    ["echo", "a", "\xe9"],
    ["ls", "/nonexistent"],
    ["cat", "/etc/passwd", "/nonexistent"],
    ["loadem", "-x"],
    ["loadem", "-f", "x"],
    // Longer than a path can be, and than what the engines keep room for.
    ["ls", "x".repeat(70_000)],
  ];
  test.each(commands.map((words): [string, string[]] => [JSON.stringify(words).slice(0, 80), words]))(
    "%s",
    async (_, words) => {
      const { code, err, out } = await agreedOn(words);
      expect(code === 0 ? out.length : err.length).toBeGreaterThan(0);
    },
  );
});
