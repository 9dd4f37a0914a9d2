// Input made so that a command would take minutes: for every command, twice as much of it takes twice the work, not four times.

import { beforeAll, describe, expect, test } from "bun:test";
import { growthOf, isSound, MOST_GROWTH } from "../../scripts/scale/growth.ts";
import { countWork, type Work } from "../../scripts/scale/work.ts";
import { applets } from "../../src/applets/table.ts";
import { packCase, unpackCase } from "../scale/case.ts";
import { caseOf, constantShapes, nameOf, scaleShapes } from "../scale/shapes.ts";
import { present } from "../support/present.ts";

/** One of so many shapes is counted here, and all of them by `npm run scale`. */
const ONE_OF = 5;

const sample = scaleShapes.filter((_, index) => index % ONE_OF === 0);
let works: readonly Work[] = [];
beforeAll(async () => {
  works = await countWork(sample);
}, 600_000);

test("every command has shapes of its own", () => {
  const without = applets.filter(
    ({ name }) => !scaleShapes.some(({ applet, isOfAll }) => applet === name && isOfAll !== true),
  );
  expect(without.map(({ name }) => name)).toEqual([]);
});

describe("twice as much takes twice the work:", () => {
  test.each(sample.map((shape, index) => [nameOf(shape), index] as const))("%s", (name, index) => {
    const { counts, end } = present(works[index]);
    expect(end).toBeNumber();
    expect([0, 1, 2, 3]).toContain(Number(end));
    const growth = growthOf(counts);
    expect({ growth, isSound: isSound(growth, constantShapes.has(name)) }).toEqual({ growth, isSound: true });
  });
});

test("a shape that does not grow is wrong unless it is known for that, and one that is known for it has to be there", () => {
  expect(isSound(undefined, false)).toBe(false);
  expect(isSound(undefined, true)).toBe(true);
  expect(isSound(2, false)).toBe(true);
  expect(isSound(2, true)).toBe(false);
  const names = new Set(scaleShapes.map(nameOf));
  expect([...constantShapes].filter((name) => !names.has(name))).toEqual([]);
});

test("what grows as the square of its size is told from what grows with it, whatever it begins with", () => {
  expect(growthOf([100_000 + 64, 100_000 + 128, 100_000 + 256])).toBe(2);
  expect(growthOf([5 * 64 + 64 ** 2, 5 * 128 + 128 ** 2, 5 * 256 + 256 ** 2])).toBeGreaterThan(MOST_GROWTH);
  expect(growthOf([7, 7, 7])).toBeUndefined();
});

test("a case comes back as it was packed", () => {
  const shape = present(scaleShapes.find(({ isFirst }) => isFirst === true));
  const given = caseOf(shape, 3);
  expect(unpackCase(packCase(given))).toEqual(given);
});
