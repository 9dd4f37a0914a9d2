// Of any machine and any kernel: what is chosen keeps every rule, and where nothing is chosen, no place of a grid does.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { loadRules } from "../../src/arch/load-rules.ts";
import { Failure } from "../../src/failure.ts";
import { checkImage } from "../../src/kexec/checks.ts";
import { max } from "../../src/range.ts";
import { choosePlaces, type NextPlaces } from "../../src/recipes/next-places.ts";
import { SEED } from "../support/arbitraries.ts";
import { imageOf, MOST_ARGUMENT } from "../support/place-image.ts";
import { findValid, isValid, kernelSizeOf, type Scene } from "../support/place-judge.ts";
import { cases, factsOf, machineOf, needsOf, withRoughEdges } from "../support/place-scenes.ts";

function chosen(scene: Scene): NextPlaces | Failure {
  try {
    return choosePlaces(machineOf[scene.machine], factsOf(scene), needsOf(scene));
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** Whether a crash kernel would stay in its region is a matter of its tree or its memory map, not of places. */
const checksOf = (scene: Scene) =>
  loadRules[machineOf[scene.machine]].checks.filter(({ name }) => name !== "crash-memory");

function checkChosen(scene: Scene, places: NextPlaces): void {
  expect(places.kernelSize).toBe(kernelSizeOf(scene));
  expect(isValid(scene, places)).toBe(true);
}

describe.each(Object.entries(cases))("on %s", (_, one) => {
  test("places are valid, or there are none", () => {
    fc.assert(
      fc.property(one, ({ scene, candidates }) => {
        const places = chosen(scene);
        if (places instanceof Failure) expect(findValid(scene, candidates)).toBeUndefined();
        else checkChosen(scene, places);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  test("so they are where memory ends anywhere", () => {
    fc.assert(
      fc.property(withRoughEdges(one), ({ scene, candidates }) => {
        const places = chosen(scene);
        if (places instanceof Failure) expect(findValid(scene, candidates)).toBeUndefined();
        else checkChosen(scene, places);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

test.each(["ppc64", "arm64", "x86_64"] as const)("what is chosen on %s passes all of loadem's checks", (name) => {
  let placed = 0;
  let initrds = 0;
  fc.assert(
    fc.property(cases[name], (one) => {
      const scene = { ...one.scene, argument: max(one.scene.argument, MOST_ARGUMENT) };
      const places = chosen(scene);
      if (places instanceof Failure) return;
      placed += 1;
      if (places.initrd !== undefined) initrds += 1;
      checkImage(imageOf(scene, places), factsOf(scene), checksOf(scene));
    }),
    { seed: SEED, numRuns: 600 },
  );
  expect(placed).toBeGreaterThan(20);
  expect(initrds).toBeGreaterThan(10);
});
