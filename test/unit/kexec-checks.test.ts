// The checks against a model that was written apart from them, over random images.

import { expect, test } from "bun:test";
import { array, assert, boolean, constantFrom, integer, option, property, record, uniqueArray } from "fast-check";
import { checks } from "../../src/arch/ppc64/checks.ts";
import { Failure } from "../../src/failure.ts";
import { checkImage } from "../../src/kexec/checks.ts";
import type { MachineFacts } from "../../src/kexec/facts.ts";
import type { KexecImage, Segment } from "../../src/kexec/image.ts";
import { present } from "../support/present.ts";

const PAGE = 0x1000n;
/** The model thinks in quarter pages, which is as fine as the generator makes addresses. */
const UNIT = PAGE / 4n;

interface Choice {
  /** In units. */
  readonly start: number;
  readonly size: number;
}

/** A machine of 64 pages of RAM in one or two banks with the kernel at the bottom; addresses in units. */
interface World {
  readonly kernelPages: number;
  readonly holeAt: number | null;
  readonly rmaPages: number;
  readonly ramPages: number;
  readonly crash: { readonly start: number; readonly pages: number } | null;
}

interface Case {
  readonly segments: readonly Choice[];
  readonly entry: number | null;
  readonly isCrash: boolean;
  readonly world: World;
}

const LAST_PAGE = 64;

function image({ segments, entry, isCrash }: Case): KexecImage {
  return {
    segments: segments.map(
      ({ start, size }, index): Segment => ({
        start: BigInt(start) * UNIT,
        end: BigInt(start + size) * UNIT,
        bytes: new Uint8Array(0),
        from: `number ${index}`,
      }),
    ),
    words: [],
    handed: undefined,
    entry: entry === null ? undefined : BigInt(entry),
    arch: 0n,
    crash: isCrash,
  };
}

function facts({ world }: Case): MachineFacts {
  const end = BigInt(LAST_PAGE) * PAGE;
  const { holeAt, crash } = world;
  const hole = holeAt === null ? undefined : BigInt(holeAt) * PAGE;
  return {
    pageSize: PAGE,
    elfMachine: 21,
    memory:
      hole === undefined
        ? [{ start: 0n, end }]
        : [
            { start: 0n, end: hole },
            { start: hole + PAGE, end },
          ],
    taken: [],
    rma: { start: 0n, end: BigInt(world.rmaPages) * PAGE },
    kernelEnd: BigInt(world.kernelPages) * PAGE,
    crashkernel:
      crash === null ? undefined : { start: BigInt(crash.start) * PAGE, end: BigInt(crash.start + crash.pages) * PAGE },
    totalRam: BigInt(world.ramPages) * PAGE,
    secondaries: 0,
  };
}

/** Indexes of the segments that offend, by what kernel and real mode area demand; -1 for the image as a whole. */
function offenders({ segments, entry, isCrash, world }: Case): Set<number> {
  const found = new Set<number>();
  const pages = ({ size }: Choice) => Math.ceil(size / 4);
  const half = Math.floor(world.ramPages / 2);
  const owner = new Map<number, number>();
  let sum = 0;
  segments.forEach((segment, index) => {
    const { start, size } = segment;
    const offend = () => found.add(index);
    if (start % 4 !== 0 || (start + size) % 4 !== 0) offend();
    if (start < 4 * world.kernelPages) offend();
    if (pages(segment) > half) offend();
    sum += pages(segment);
    for (let unit = start; unit < start + size; unit++) {
      const page = Math.floor(unit / 4);
      if (owner.has(unit)) {
        offend();
        found.add(present(owner.get(unit)));
      } else {
        owner.set(unit, index);
      }
      if (page >= LAST_PAGE || page === world.holeAt) offend();
      const { crash } = world;
      if (isCrash && (crash === null || page < crash.start || page >= crash.start + crash.pages)) offend();
    }
    const holdsEntry = entry !== null && entry >= start * 1024 && entry + 4 <= (start + size) * 1024;
    if (holdsEntry && start + size > 4 * world.rmaPages) offend();
  });
  const entered =
    entry !== null &&
    entry % 4 === 0 &&
    segments.some(({ start, size }) => entry >= start * 1024 && entry + 4 <= (start + size) * 1024);
  if (segments.length > 16 || sum > half || !entered || (isCrash && world.crash === null)) found.add(-1);
  return found;
}

/** Mostly whole pages, so that good images are not rare. */
const units = (pages: number) =>
  record({ page: integer({ min: 0, max: pages }), rest: constantFrom(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3) }).map(
    ({ page, rest }) => 4 * page + rest,
  );

const choices = array(record({ start: units(LAST_PAGE), size: units(4).map((size) => size || 4) }), {
  minLength: 1,
  maxLength: 4,
});

/** One page each, all apart. */
const many = uniqueArray(integer({ min: 8, max: LAST_PAGE - 1 }), { minLength: 14, maxLength: 19 }).map((pages) =>
  pages.map((page): Choice => ({ start: 4 * page, size: 4 })),
);

const worlds = record({
  kernelPages: constantFrom(0, 1, 8),
  holeAt: option(integer({ min: 1, max: LAST_PAGE - 1 }), { freq: 2 }),
  rmaPages: constantFrom(32, LAST_PAGE, LAST_PAGE),
  ramPages: constantFrom(9, 40, LAST_PAGE, LAST_PAGE),
  crash: option(record({ start: integer({ min: 0, max: 40 }), pages: integer({ min: 8, max: 24 }) })),
});

const cases = record({
  segments: constantFrom(choices, choices, choices, many).chain((each) => each),
  at: integer({ min: 0, max: 3 }),
  offset: constantFrom(0, 0, 0, 0, 4, 2, 0x3fc, 0x400, 0x1000, null),
  isCrash: boolean(),
  world: worlds,
}).map(
  ({ segments, at, offset, isCrash, world }): Case => ({
    segments,
    isCrash: isCrash && at > 1,
    world,
    entry: offset === null ? null : present(segments[at % segments.length]).start * 1024 + offset,
  }),
);

function finding(each: Case): Failure | undefined {
  try {
    checkImage(image(each), facts(each), checks);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

test("an image is accepted exactly where the model has nothing against it, else a segment that offends is named", () => {
  const seen = { good: 0, bad: 0 };
  assert(
    property(cases, (each) => {
      const found = finding(each);
      const offending = offenders(each);
      seen[found === undefined ? "good" : "bad"]++;
      expect(found === undefined).toBe(offending.size === 0);
      if (found === undefined) return;
      expect(found.exitCode).toBe(1);
      expect(found.message).not.toContain("\n");
      const named = /^segment ([0-9]+) \(.*, number ([0-9]+)\)$/.exec(found.place);
      expect(named?.[1]).toBe(named?.[2]);
      expect(offending.has(named === null ? -1 : Number(named[1]))).toBe(true);
    }),
    { numRuns: 3000, seed: 20051123 },
  );
  // Neither was too rare to mean something.
  expect(seen.good).toBeGreaterThan(300);
  expect(seen.bad).toBeGreaterThan(300);
});
