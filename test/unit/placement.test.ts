// Addresses that are chosen hold what they promise, and where there are none, trying every address finds none either.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { kernelPiece as x86Piece } from "../../src/arch/x86_64/placement.ts";
import {
  contains,
  intersectRanges,
  intersectSorted,
  isWithinSorted,
  type MemoryRange,
  mergeRanges,
  overlap,
  rangeOfSize,
  subtractRanges,
} from "../../src/range.ts";
import { findAddress, findAddresses, type Piece } from "../../src/recipes/placement.ts";

/** Small enough that every address can be tried. */
const TOP = 24;

const range = fc
  .tuple(fc.nat(TOP), fc.nat(TOP))
  .map(([a, b]): MemoryRange => ({ start: BigInt(Math.min(a, b)), end: BigInt(Math.max(a, b)) }));

const piece = fc.record(
  {
    size: fc.integer({ min: 1, max: 9 }).map(BigInt),
    alignment: fc.integer({ min: 1, max: 8 }).map(BigInt),
    offset: fc.nat(10).map(BigInt),
    within: range,
  },
  { requiredKeys: ["size", "alignment"] },
) as fc.Arbitrary<Piece>;

function fits(
  memory: readonly MemoryRange[],
  { size, alignment, offset = 0n, within }: Piece,
  address: bigint,
): boolean {
  const own = rangeOfSize(address, size);
  return (
    memory.some((outer) => contains(outer, own)) &&
    address % alignment === offset % alignment &&
    (within === undefined || contains(within, own))
  );
}

/** Tries every address of every piece. */
function hasRoom(memory: readonly MemoryRange[], [first, ...others]: readonly Piece[], taken: MemoryRange[]): boolean {
  if (first === undefined) return true;
  for (let address = 0n; address < TOP; address++) {
    const own = rangeOfSize(address, first.size);
    if (!fits(memory, first, address) || taken.some((other) => overlap(other, own))) continue;
    if (hasRoom(memory, others, [...taken, own])) return true;
  }
  return false;
}

test("each piece lies in free memory, aligned, within its limits, and shares it with no other", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 4 }), fc.array(piece, { maxLength: 5 }), (free, pieces) => {
      const chosen = findAddresses(free, pieces);
      if (chosen === undefined) return;
      const memory = mergeRanges(free);
      const ranges = pieces.map(({ size }, index) => rangeOfSize(chosen[index] ?? -1n, size));
      expect(chosen).toHaveLength(pieces.length);
      pieces.forEach((each, index) => void expect(fits(memory, each, chosen[index] ?? -1n)).toBe(true));
      for (const [index, each] of ranges.entries()) {
        expect(ranges.slice(index + 1).some((other) => overlap(other, each))).toBe(false);
      }
    }),
    { seed: 1, numRuns: 2000 },
  );
});

test("where no room is found, there is none; where there is room, it is found", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 3 }), fc.array(piece, { minLength: 1, maxLength: 4 }), (free, pieces) => {
      expect(findAddresses(free, pieces) !== undefined).toBe(hasRoom(mergeRanges(free), pieces, []));
    }),
    { seed: 2, numRuns: 2000 },
  );
});

test("what is left of ranges is every address that is in one of them and in no hole", () => {
  const has = (ranges: readonly MemoryRange[], address: bigint): boolean =>
    ranges.some(({ start, end }) => start <= address && address < end);
  fc.assert(
    fc.property(fc.array(range), fc.array(range), (ranges, holes) => {
      const left = subtractRanges(ranges, holes);
      for (let address = 0n; address <= TOP; address++) {
        expect(has(left, address)).toBe(has(ranges, address) && !has(holes, address));
      }
      expect(mergeRanges(left)).toEqual(left);
    }),
    { seed: 3, numRuns: 500 },
  );
});

test("sorted ranges are searched as any others are gone through", () => {
  fc.assert(
    fc.property(fc.array(range), range, (ranges, one) => {
      const sorted = mergeRanges(ranges);
      expect(isWithinSorted(one, sorted)).toBe(sorted.some((each) => contains(each, one)));
      expect(intersectSorted(one, sorted).filter(({ start, end }) => start < end)).toEqual(
        intersectRanges(one, sorted).filter(({ start, end }) => start < end),
      );
    }),
    { seed: 4, numRuns: 500 },
  );
});

describe("pieces", () => {
  const free = [{ start: 0x1000n, end: 0x9000n }];
  const stub: Piece = { size: 0x100n, alignment: 0x1000n };

  test("get the lowest addresses in their order", () => {
    expect(findAddresses(free, [stub, stub])).toEqual([0x1000n, 0x2000n]);
    expect(findAddress(free, stub)).toBe(0x1000n);
  });

  test("lie above a multiple by their offset, and within their limits", () => {
    const image = { size: 0x1000n, alignment: 0x4000n, offset: 0x800n };
    expect(findAddresses(free, [image])).toEqual([0x4800n]);
    expect(findAddresses(free, [{ ...stub, within: { start: 0x2001n, end: 0x3100n } }])).toEqual([0x3000n]);
    expect(findAddress(free, { ...stub, within: { start: 0x2001n, end: 0x30ffn } })).toBeUndefined();
  });

  test("give up their order where only another one has room for all", () => {
    const kernel: Piece = { size: 0x1000n, alignment: 0x1000n, within: { start: 0x1000n, end: 0x2000n } };
    expect(findAddresses(free, [stub, kernel])).toEqual([0x2000n, 0x1000n]);
  });
});

describe("the kernel of a bzImage", () => {
  const header = {
    fixed: false,
    alignment: 0x20_0000,
    preferredAddress: 0x100_0000n,
    initSize: 0x5000,
    highestInitrd: 0x7fff_ffff,
    commandLineSize: 2047,
  };
  const lowest = (given: Partial<typeof header & { above4G: boolean }>, from = 0n): bigint | undefined => {
    const piece = x86Piece({ ...header, above4G: true, ...given });
    return findAddress([{ start: from, end: 1n << 40n }], piece);
  };

  test("has init_size at a multiple of kernel_alignment, from pref_address on, below 4 GiB unless allowed", () => {
    expect(x86Piece({ ...header, above4G: true }).size).toBe(0x5000n);
    expect(lowest({})).toBe(0x100_0000n);
    expect(lowest({}, 0x100_0001n)).toBe(0x120_0000n);
    expect(lowest({ above4G: false }, 0xffe0_0000n)).toBe(0xffe0_0000n);
    expect(lowest({ above4G: false }, 0xffe0_0001n)).toBeUndefined();
    expect(lowest({}, 0xffe0_0001n)).toBe(1n << 32n);
    expect(lowest({ alignment: 0 }, 0x100_0001n)).toBe(0x100_0001n);
    expect(lowest({ fixed: true })).toBe(0x100_0000n);
    expect(lowest({ fixed: true }, 0x100_0001n)).toBeUndefined();
  });
});
