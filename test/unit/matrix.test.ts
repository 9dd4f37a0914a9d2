// The table of machines, and what is told of a run of it.

import { describe, expect, test } from "bun:test";
import { cells, nameOf, type Row, rows, shardOf, titleOf, WAYS } from "../../scripts/matrix/cells.ts";
import { parseMatrix } from "../../scripts/matrix/choices.ts";
import { drawMatrix } from "../../scripts/matrix/picture.ts";
import { junit, ktapHead, ktapLine } from "../../scripts/matrix/report.ts";
import { choicesOf, type Result } from "../../scripts/matrix/run.ts";
import { present } from "../support/present.ts";

describe("the table of machines", () => {
  test("has cells that npm run boot takes, each with a name of its own", () => {
    for (const cell of cells) expect(choicesOf(cell, 60).target).toBe(cell.row.target);
    expect(new Set(cells.map(nameOf)).size).toBe(cells.length);
  });

  // What chainOf() takes of a row.
  test("has chains of the usual cpu and kernels alone", () => {
    const chains = cells.filter(({ way }) => way === "chain" || way === "file");
    expect(chains.filter(({ row }) => !/^(--small|--smp [0-9]+)$/.test(row.options)).map(nameOf)).toEqual([]);
    expect(chains).not.toEqual([]);
  });

  test.each([1, 2, 7])("is in %d parts as a whole", (count) => {
    const parts = Array.from({ length: count }, (_, index) => shardOf(cells, index + 1, count));
    expect(parts.flat().map(nameOf).sort()).toEqual(cells.map(nameOf).sort());
    const sizes = parts.map(({ length }) => length);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
  });
});

describe("the command line", () => {
  test("chooses cells by all texts that are given", () => {
    const { chosen } = present(parseMatrix(["ppc64 ", "POWER10", ": crash"]));
    expect(chosen.map(nameOf)).toEqual(["ppc64 --cpu POWER10: crash"]);
  });

  test.each([
    [["--shard", "0/2"], "--shard: '0/2' is not I/N"],
    [["--shard", "3/2"], "--shard: '3/2' is not I/N"],
    [["--shard", "1/2x"], "--shard: '1/2x' is not I/N"],
    [["--timeout", "0"], "--timeout: '0' is not a number above 0"],
    // A timer has 31 bits of milliseconds.
    [["--timeout", "9999999"], "--timeout: '9999999' is not a number above 0"],
    [["VAX"], "VAX: no cell has that in its name"],
    [["--junk"], "arguments: Unknown option '--junk'"],
  ])("%j is refused: %s", (words, message) => {
    expect(() => parseMatrix(words)).toThrow(message);
  });
});

const passed: Result = { name: "ppc64 --smp 1: chain", passed: true, reason: "3 kernels", seconds: 12.34, log: null };
const failed: Result = {
  ...{ name: "ppc64 --smp 1: loadem", passed: false, seconds: 300, log: "/tmp/console" },
  reason: 'no <nonce> & "no\nend"\x00',
};

test("KTAP numbers the cells, and says before one that failed why", () => {
  const told = ktapHead(2) + ktapLine(passed, 1) + ktapLine(failed, 2);
  expect(told).toBe(
    [
      "KTAP version 1",
      "1..2",
      "ok 1 ppc64 --smp 1: chain # 12.3 s",
      '# no <nonce> & "no end"\x00; /tmp/console',
      "not ok 2 ppc64 --smp 1: loadem # 300.0 s",
      "",
    ].join("\n"),
  );
});

test("JUnit's XML has a case for each cell, and what a console printed cannot break it", () => {
  const text = junit([passed, failed]);
  expect(text).toStartWith(
    '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="2" failures="1" time="312.3">\n',
  );
  expect(text).toContain('<testcase classname="ppc64 --smp 1" name="chain" time="12.3"/>\n');
  expect(text).toContain(
    '<failure message="no &lt;nonce&gt; &amp; &quot;no end&quot;\ufffd">/tmp/console</failure></testcase>\n',
  );
});

test("the picture has each cell: passed, failed, not run, and none where there is none", () => {
  const [first, second] = rows.filter(({ target }) => target === "ppc64").map((row) => present(row));
  const some: Row[] = [
    { ...present(first), ways: ["loadem", "chain"] },
    { ...present(second), ways: ["crash"] },
  ];
  const title = titleOf(present(first));
  const svg = drawMatrix(some, [
    { ...passed, name: `${title}: loadem` },
    { ...failed, name: `${title}: chain` },
  ]);
  const count = (text: string) => svg.split(text).length - 1;
  expect(count(">12 s<")).toBe(1);
  expect(count(">✗ 300 s<")).toBe(1);
  expect(count(">not run<")).toBe(1);
  expect(count('fill="#f2f3f5"')).toBe(2 * WAYS.length - 3);
});
