// The options of npm run bench.

import { expect, test } from "bun:test";
import { HELP, parseChoices } from "../../scripts/bench/choices.ts";
import { GUEST_NAMES } from "../../scripts/bench/guests.ts";

test("without options all parts are measured on this machine, twenty times", () => {
  const parts = ["trees", "start", "load", "calls", "functions", "sizes"];
  expect(parseChoices([])).toEqual({
    where: "host",
    rounds: 20,
    parts,
    compare: undefined,
    with: undefined,
    page: undefined,
  });
});

test.each(GUEST_NAMES)("a guest of %s has parts of its own", (where) => {
  expect(parseChoices(["--guest", where])).toMatchObject({ where, parts: ["count", "load", "jump", "boot", "bytes"] });
});

test("some parts of a guest are chosen", () => {
  expect(parseChoices(["--guest", "ppc64le", "--only", "jump,boot"])).toMatchObject({ parts: ["jump", "boot"] });
});

test("two files are compared without measuring, one with what is measured", () => {
  expect(parseChoices(["--compare", "old"])).toMatchObject({ compare: "old", with: undefined });
  expect(parseChoices(["--compare", "old", "new"])).toMatchObject({ compare: "old", with: "new" });
});

test.each([
  [["--rounds", "0"], "--rounds: '0' is not a number above 0"],
  [["--rounds", "1e3"], "--rounds: '1e3' is not a number above 0"],
  [["--only", "trees,jump"], "--only: 'jump' is none of trees start load calls functions sizes"],
  [["--guest", "ppc64"], "--guest: 'ppc64' is none of ppc64le arm64 x64"],
  [["more"], "arguments: 'more' is one too many"],
  [["--compare", "a", "b", "c"], "arguments: 'c' is one too many"],
  [["--compare", "a", "--page", "b"], "--page: does not go with --compare"],
  [["--fast"], "arguments: Unknown option '--fast'"],
])("%j is refused", (args, message) => {
  try {
    parseChoices(args);
    expect.unreachable();
  } catch (error) {
    const { place, fact, exitCode } = error as { place: string; fact: string; exitCode: number };
    expect([`${place}: ${fact}`, exitCode]).toEqual([message, 2]);
  }
});

test("--help names every option and every part", () => {
  expect(parseChoices(["--help"])).toBeUndefined();
  const words = ["--guest", "--rounds", "--only", "--compare", "trees", "sizes", "jump", "bytes", ...GUEST_NAMES];
  for (const word of words) expect(HELP).toContain(word);
});
