// How options are parsed, and what is said of wrong ones.

import { describe, expect, test } from "bun:test";
import type { Option } from "../../src/cli/applet.ts";
import findNearest from "../../src/cli/nearest.ts";
import { parse, parseInOrder } from "../../src/cli/options.ts";
import { Failure } from "../../src/failure.ts";

const options: readonly Option[] = [
  { short: "a", long: "address", value: "ADDR", help: "" },
  { short: "v", long: "verbose", help: "" },
  { short: "q", long: "quiet", help: "" },
  { long: "no-checks", help: "" },
  { long: "set", value: "VALUE", inTurn: true, help: "" },
  { long: "no-initrd", inTurn: true, help: "" },
];

function given(...args: readonly string[]): Record<string, string> {
  return Object.fromEntries(parse(options, args).given);
}

/** What a wrong command line is refused with. */
function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return `${error.exitCode} ${error.message}`;
    throw error;
  }
  return "taken";
}

describe("options in any order", () => {
  test("are the same however they are written", () => {
    const lines = [
      ["-v", "-a", "1", "x"],
      ["-va1", "x"],
      ["x", "-va", "1"],
      ["--address=1", "x", "--verbose"],
      ["--address", "1", "-v", "--", "x"],
    ];
    for (const line of lines) {
      expect(given(...line)).toEqual({ address: "1", verbose: "" });
      expect(parse(options, line).operands).toEqual(["x"]);
    }
  });

  test("have their values as they are written: numbers, dashes, nothing, equals signs", () => {
    for (const value of ["18446744073709551615", "0x10", "-v", "--", "", "a=b", "=", "true", "\xff\n\n"]) {
      expect(given("-a", value)).toEqual({ address: value });
      expect(given("--address", value)).toEqual({ address: value });
      expect(given(`--address=${value}`)).toEqual({ address: value });
    }
  });

  test("may begin with --no-", () => {
    expect(given("--no-checks")).toEqual({ "no-checks": "" });
    expect(given("--no-checks", "-v")).toEqual({ "no-checks": "", verbose: "" });
  });

  test("are given once, with a value or without", () => {
    expect(refusal(() => given("-a", "1", "--address=1"))).toBe("2 --address: given twice");
    expect(refusal(() => given("-v", "--verbose"))).toBe("2 --verbose: given twice");
    expect(refusal(() => given("-vv"))).toBe("2 --verbose: given twice");
    expect(refusal(() => given("--no-checks", "-q", "--no-checks"))).toBe("2 --no-checks: given twice");
  });

  test("that act in their turn keep their order and their number", () => {
    const line = ["--set", "b", "--no-initrd", "-v", "--set=a", "--set", "b", "--no-initrd"];
    expect(parse(options, line).inTurn).toEqual([
      { long: "set", value: "b", place: "argument 1 (--set)" },
      { long: "no-initrd", value: "", place: "argument 3 (--no-initrd)" },
      { long: "set", value: "a", place: "argument 5 (--set)" },
      { long: "set", value: "b", place: "argument 6 (--set)" },
      { long: "no-initrd", value: "", place: "argument 8 (--no-initrd)" },
    ]);
    expect(given(...line)).toEqual({ verbose: "" });
  });
});

describe("options from left to right", () => {
  test("keep their order and their number", () => {
    const words = parseInOrder(options, ["-qa1", "-v", "-a", "2", "-v", "--no-checks"]).map(
      ({ long, value }) => `${long}=${value}`,
    );
    expect(words).toEqual(["quiet=", "address=1", "verbose=", "address=2", "verbose=", "no-checks="]);
  });

  test("have no operands beside them", () => {
    expect(refusal(() => parseInOrder(options, ["-v", "x"]))).toBe(
      "2 'x': not an option, and nothing else is expected",
    );
  });
});

describe("a wrong option", () => {
  test.each([
    ["--adress", "did you mean --address?"],
    ["--vrebose", "did you mean --verbose?"],
    ["--verb", "did you mean --verbose?"],
    ["--no", "--help lists them"],
    ["--cmdline", "--help lists them"],
    ["--something", "--help lists them"],
    ["-x", "--help lists them"],
    ["--", "taken"],
  ])("%s: %s", (typed, said) => {
    const expected = said === "taken" ? said : `2 argument 1 (${typed}): no such option: ${said}`;
    expect(refusal(() => given(typed))).toBe(expected);
  });

  test("of 100,000 letters is refused at once", () => {
    const typed = "x".repeat(100_000);
    expect(refusal(() => given(`-${typed}`))).toStartWith("2 argument 1 (-x): no such option");
    expect(refusal(() => given(`--${typed}`))).toStartWith("2 argument 1 (--xxx");
  });
});

describe("the nearest name", () => {
  const names = ["loadem", "ls", "echo", "dtdiff", "dtdump", "bootargs", "initrd", "boot-cpu", "dry-run"];

  test.each([
    ["laodem", "loadem"],
    ["loaden", "loadem"],
    ["load", "loadem"],
    ["lss", "ls"],
    ["ehco", "echo"],
    ["ecoh", "echo"],
    ["append", "bootargs"],
    ["cmdline", "bootargs"],
    ["command-line", "bootargs"],
    ["ramdisk", "initrd"],
    ["dry", "dry-run"],
    ["dryrun", "dry-run"],
    ["boot-args", "bootargs"],
  ])("to %s is %s", (typed, meant) => expect(findNearest(typed, names)).toBe(meant));

  test.each(["", "l", "lz", "cp", "kexec", "boot", "dtd", "toString"])("to %s is not certain", (typed) => {
    expect(findNearest(typed, names)).toBeUndefined();
  });

  test("is not certain where two are as near", () => expect(findNearest("cot", ["cat", "cut"])).toBeUndefined());

  test("is none where there are no names", () => expect(findNearest("x", [])).toBeUndefined());
});
