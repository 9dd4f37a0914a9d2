// Medians, spreads and ratios of many runs.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { inTurn } from "../../scripts/bench/rounds.ts";
import { atLeast, atMost, passes, row } from "../../scripts/bench/row.ts";
import { ratios, spreadOf } from "../../scripts/bench/statistics.ts";

const figures = fc.array(fc.double({ min: 0.001, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 50 });

describe("the spread of many runs", () => {
  test("is the extremes, the quartiles and the median", () => {
    expect(spreadOf([9, 1, 5, 3, 7])).toEqual({ least: 1, lower: 3, median: 5, upper: 7, most: 9, count: 5 });
    expect(spreadOf([4, 2])).toMatchObject({ least: 2, median: 3, most: 4, count: 2 });
    expect(spreadOf([8])).toEqual({ least: 8, lower: 8, median: 8, upper: 8, most: 8, count: 1 });
  });

  test("is in order, and does not depend on theirs", () => {
    fc.assert(
      fc.property(figures, (values) => {
        const spread = spreadOf(values);
        const ordered = [spread.least, spread.lower, spread.median, spread.upper, spread.most];
        expect(ordered.toSorted((a, b) => a - b)).toEqual(ordered);
        expect(spreadOf(values.toReversed())).toEqual(spread);
      }),
    );
  });

  test("leaves the values as they are", () => {
    const values = [3, 1, 2];
    spreadOf(values);
    expect(values).toEqual([3, 1, 2]);
  });

  test("of one wild run in twenty has a median and quartiles of the others", () => {
    const values = [...Array.from({ length: 19 }, () => 10), 9000];
    expect(spreadOf(values)).toMatchObject({ lower: 10, median: 10, upper: 10 });
  });
});

test("a ratio is taken round by round, so that a machine that is slow for a while is in none", () => {
  const [slow, quick] = [4, 1];
  expect(ratios([3 * quick, 3 * slow, 3 * quick], [2 * quick, 2 * slow, 2 * quick])).toEqual([1.5, 1.5, 1.5]);
});

test("each round begins with another, and has all of them", () => {
  const rounds = [0, 1, 2, 3].map((round) => inTurn(["a", "b", "c"], round).join(""));
  expect(rounds).toEqual(["abc", "bca", "cab", "abc"]);
});

test("a goal is met by the median, up to and with its value", () => {
  expect(passes(row("x", "ratio", [1, 1.4, 99], atMost(1.4)))).toBe(true);
  expect(passes(row("x", "ratio", [1, 1.41, 1.42], atMost(1.4)))).toBe(false);
  expect(passes(row("x", "ratio", [0, 2.5, 3], atLeast(2.5)))).toBe(true);
  expect(passes(row("x", "ratio", [2.49], atLeast(2.5)))).toBe(false);
  expect(passes(row("x", "ratio", [1]))).toBeUndefined();
});
