// Samples as other programs print them, and the tables made of them.

import { describe, expect, test } from "bun:test";
import { totalCalls } from "../../scripts/bench/calls.ts";
import { drawChart, hasSpreads } from "../../scripts/bench/chart.ts";
import { comparison, differences } from "../../scripts/bench/compare.ts";
import { millisecondsBetween } from "../../scripts/bench/guest-jump.ts";
import { memoryIn } from "../../scripts/bench/guest-load.ts";
import { figure, report } from "../../scripts/bench/report.ts";
import { atMost, row } from "../../scripts/bench/row.ts";
import { cpu, sampleIn, samplesIn } from "../../scripts/bench/sample.ts";
import { spreadOf } from "../../scripts/bench/statistics.ts";
import { present } from "../support/present.ts";

describe("what other programs say", () => {
  test("of one run's cost is read in milliseconds and bytes", () => {
    const found = sampleIn("measured kexec-l wall=1500000 user=200 system=1300 peak=2\r");
    expect(found).toEqual({ name: "kexec-l", sample: { wall: 1.5, user: 0.2, system: 1.3, peak: 2048 } });
    expect(cpu(present(found).sample)).toBe(1.5);
  });

  test("of many runs is kept by name, in order, among other lines", () => {
    const line = (name: string, wall: number) => `measured ${name} wall=${wall}000000 user=0 system=0 peak=0`;
    const lines = ["+ measure a", line("a", 1), line("b", 2), "kexec: no", line("a", 3), ` ${line("a", 4)}`];
    const walls = [...samplesIn(lines)].map(([name, found]) => [name, found.map(({ wall }) => wall)]);
    expect(walls).toEqual([
      ["a", [1, 3]],
      ["b", [2]],
    ]);
  });

  test("of memory is read in bytes, and only for the name that is meant", () => {
    expect(memoryIn("memory kexec-l peak=100 mapped=60", "kexec-l")).toEqual({ peak: 102400, mapped: 61440 });
    expect(memoryIn("memory kexec-l peak=100 mapped=60", "kexec")).toBeUndefined();
  });

  test("of the timebase is the time from one reading's end to the next one's begin, however large they are", () => {
    const start = 2n ** 62n;
    const reading = (ticks: bigint) => `timebase ${start + ticks} ${start + ticks + 1_000_000n} 512000000`;
    expect(millisecondsBetween(["a", reading(0n), "b", reading(257_000_000n)])).toBe(500);
    expect(() => millisecondsBetween([reading(0n)])).toThrow("1 readings");
    expect(() => millisecondsBetween([reading(0n), reading(1n), reading(2n)])).toThrow("3 readings");
  });

  test("of system calls is the sum in the last line of strace's table", () => {
    const table =
      "% time     seconds  usecs/call     calls    errors syscall\n" +
      "------ ----------- ----------- --------- --------- ----------------\n" +
      " 97.92    0.000094          94         1           execve\n" +
      "------ ----------- ----------- --------- --------- ----------------\n" +
      "100.00    0.000096           1     65012        10 total\n";
    expect(totalCalls(table)).toBe(65012);
  });
});

test("figures stand in the words of their unit", () => {
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: a time, and no pi
  expect([figure(3.14159, "ms"), figure(31.4159, "ms")]).toEqual(["3.14 ms", "31.4 ms"]);
  expect([figure(780_184, "bytes"), figure(8_388_608, "bytes")]).toEqual(["780 KB", "8.4 MB"]);
  expect([figure(1.456, "ratio"), figure(3.0049, "calls")]).toEqual(["1.46 ×", "3.00"]);
  expect(figure(123_800_000, "instructions")).toBe("123.8 million");
});

test("the table has a line for each row, with its goal and whether it was met", () => {
  const [quick, slow] = [row("quick", "ms", [1, 2, 3], atMost(2)), row("slow", "ms", [9, 9], atMost(2))];
  const text = report([quick, slow, row("large", "bytes", [5e6])]);
  const cells = text
    .trimEnd()
    .split("\n")
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  expect(cells.slice(2)).toEqual([
    ["quick", "≤ 2.00 ms", "2.00 ms", "1.50 ms – 2.50 ms", "pass"],
    ["slow", "≤ 2.00 ms", "9.00 ms", "9.00 ms – 9.00 ms", "MISS"],
    ["large", "", "5.0 MB", "", ""],
  ]);
  expect(
    new Set(
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.length),
    ).size,
  ).toBe(1);
});

describe("a comparison", () => {
  const rows = (all: Record<string, number[]>) => Object.entries(all).map(([what, values]) => row(what, "ms", values));
  const before = rows({ a: [10, 11, 12], b: [10, 11, 12], c: [10, 20, 30], f: [10, 20, 30], d: [1] });
  const after = rows({ a: [5, 6, 7], b: [20, 21, 22], c: [14, 24, 34], f: [6, 16, 26], e: [1] });

  test("calls less or more only what lies apart in half of all runs", () => {
    expect(differences(before, after).map(({ what, change }) => `${what} ${change}`)).toEqual([
      "a less",
      "b more",
      "c same",
      "f same",
      "e new",
      "d gone",
    ]);
  });

  test("of a result with itself finds all the same", () => {
    expect(differences(before, before).map(({ change }) => change)).toEqual(before.map(() => "same"));
  });

  test("shows both medians and by how much they differ", () => {
    const lines = comparison(differences(before, after))
      .trimEnd()
      .split("\n")
      .slice(2)
      .map((line) =>
        line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    expect(lines).toEqual([
      ["a", "11.0 ms", "6.00 ms", "-45.5 %", "less"],
      ["b", "11.0 ms", "21.0 ms", "+90.9 %", "more"],
      ["c", "20.0 ms", "24.0 ms", "+20.0 %", ""],
      ["f", "20.0 ms", "16.0 ms", "-20.0 %", ""],
      ["e", "", "1.00 ms", "", "new"],
      ["d", "1.00 ms", "", "", "gone"],
    ]);
  });
});

describe("the chart", () => {
  const spread = spreadOf([1, 2, 3]);

  test("is an SVG document that names its groups and its series", () => {
    const svg = drawChart({
      title: "a title",
      unit: "ms",
      groups: ["left", "right"],
      series: [
        { name: "one", spreads: [spread, undefined] },
        { name: "two", spreads: [spread, spread] },
      ],
    });
    expect(svg).toMatch(/^<svg [\s\S]*<\/svg>\s*$/);
    for (const text of ["a title", "ms", "left", "right", "one", "two"]) expect(svg).toContain(`>${text}</text>`);
  });

  test("is not drawn where nothing of it was measured", () => {
    const chart = { title: "", unit: "", groups: ["left"] };
    expect(hasSpreads({ ...chart, series: [{ name: "one", spreads: [undefined] }] })).toBe(false);
    expect(hasSpreads({ ...chart, series: [{ name: "one", spreads: [spread] }] })).toBe(true);
  });
});
