// The options and the report of npm run corpus.

import { expect, test } from "bun:test";
import { HELP, parseChoices } from "../../scripts/corpus/choices.ts";
import type { Examined } from "../../scripts/corpus/examine.ts";
import { type Result, report } from "../../scripts/corpus/report.ts";

test("without options the trees are examined by the small executable for this machine", () => {
  expect(parseChoices(["trees", "more"])).toMatchObject({
    folders: ["trees", "more"],
    target: "x64-small",
    includes: [],
    show: new Set(),
    slowest: 5,
  });
  expect(
    parseChoices(["--include", "a", "--include", "b", "--show", "reg,memory", "--jobs", "3", "trees"]),
  ).toMatchObject({
    includes: ["a", "b"],
    show: new Set(["reg", "memory"]),
    jobs: 3,
  });
});

test.each([
  [[], "arguments: a folder of trees is needed"],
  [["--target", "riscv", "trees"], "--target: 'riscv' is none of"],
  [["--slowest", "0", "trees"], "--slowest: '0' is not a number above 0"],
  [["--jobs", "many", "trees"], "--jobs: 'many' is not a number above 0"],
  [["--fast", "trees"], "arguments: Unknown option '--fast'"],
])("%j is refused", (args, message) => {
  try {
    parseChoices(args);
    expect.unreachable();
  } catch (error) {
    const { place, fact, exitCode } = error as { place: string; fact: string; exitCode: number };
    expect(`${place}: ${fact}`).toStartWith(message);
    expect(exitCode).toBe(2);
  }
});

test("--help names every option", () => {
  expect(parseChoices(["--help"])).toBeUndefined();
  for (const word of ["--target", "--include", "--show", "--slowest", "--jobs", "x64-small"])
    expect(HELP).toContain(word);
});

const result = (name: string, group: string, examined: Partial<Examined>): Result => ({
  tree: { path: `/${name}`, group, name, isSource: false },
  examined: { faults: [], refusals: [], findings: [], seconds: 0, ...examined },
});

test("the report counts what was found, names each fault and the slowest trees, and shows what was asked for", () => {
  const finding = (check: string, severity: string, place: string) => ({
    check,
    line: `${place}: ${severity}: is odd [${check}]`,
  });
  const results: Result[] = [
    result("a/1.dtb", "a", {
      seconds: 0.5,
      findings: [finding("reg", "error", "/x"), finding("reg", "error", "/y"), finding("root", "warning", "/")],
      refusals: ["fs2dt: no", "fs2dt: no"],
    }),
    result("a/2.dtb", "a", {
      seconds: 1.25,
      findings: [finding("root", "warning", "/")],
      faults: [{ kind: "crash", what: "dtdump: SIGSEGV; " }],
    }),
    result("b/3.dtb", "b", {
      seconds: 0.25,
      faults: [{ kind: "round trip", what: "dtedit: another tree" }],
      refusals: ["fs2dt: no"],
    }),
    { tree: { path: "/b/4.dts", group: "b", name: "b/4.dts", isSource: true }, notCompiled: "dtc: exit code 1; no" },
  ];
  expect(report(results, { show: new Set(["reg"]), slowest: 2 })).toBe(`3 trees:
  2 a
  1 b
1 sources not compiled:
  b/4.dts: dtc: exit code 1; no
1 crashes:
  a/2.dtb: dtdump: SIGSEGV; 
1 wrong round trips:
  b/3.dtb: dtedit: another tree
3 refusals:
  2 fs2dt: no (a/1.dtb)
4 findings of dtcheck:
  root (warning): 2 in 2 trees
  reg (error): 2 in 1 trees
slowest, in seconds of a cpu for all commands:
  1.25 a/2.dtb
  0.50 a/1.dtb
findings shown:
  a/1.dtb: /x: error: is odd [reg]
  a/1.dtb: /y: error: is odd [reg]
`);
});
