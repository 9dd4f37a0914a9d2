// Addresses that are chosen hold what they promise, and where there are none, trying every address finds none either.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { kernelPiece as arm64Piece } from "../../src/arch/arm64/placement.ts";
import { kernelPiece as ppc64Piece } from "../../src/arch/ppc64/placement.ts";
import { kernelPiece as x86Piece } from "../../src/arch/x86_64/placement.ts";
import { Failure } from "../../src/failure.ts";
import { contains, type MemoryRange, mergeRanges, overlap, rangeOfSize, subtractRanges } from "../../src/range.ts";
import { chooseAddresses, type Piece } from "../../src/recipes/placement.ts";

/** Small enough that every address can be tried. */
const TOP = 24;

const range = fc
  .tuple(fc.nat(TOP), fc.nat(TOP))
  .map(([a, b]): MemoryRange => ({ start: BigInt(Math.min(a, b)), end: BigInt(Math.max(a, b)) }));

const piece = fc.record(
  {
    name: fc.constantFrom("kernel", "stub", "initrd"),
    size: fc.integer({ min: 1, max: 9 }).map(BigInt),
    alignment: fc.integer({ min: 1, max: 8 }).map(BigInt),
    offset: fc.nat(10).map(BigInt),
    within: range,
    high: fc.boolean(),
  },
  { requiredKeys: ["name", "size", "alignment"] },
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

function chosenOrNot(free: readonly MemoryRange[], pieces: readonly Piece[]): bigint[] | undefined {
  try {
    return chooseAddresses(free, pieces);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

test("each piece lies in free memory, aligned, within its limits, and shares it with no other", () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 4 }), fc.array(piece, { maxLength: 5 }), (free, pieces) => {
      const chosen = chosenOrNot(free, pieces);
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
      expect(chosenOrNot(free, pieces) !== undefined).toBe(hasRoom(mergeRanges(free), pieces, []));
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

describe("pieces", () => {
  const free = [{ start: 0x1000n, end: 0x9000n }];
  const stub: Piece = { name: "stub", size: 0x100n, alignment: 0x1000n };

  test("get the lowest addresses in their order, or the highest where they want that", () => {
    expect(chooseAddresses(free, [stub, { ...stub, high: true }, stub])).toEqual([0x1000n, 0x8000n, 0x2000n]);
    const exact = [
      { start: 0x1000n, end: 0x1100n },
      { start: 0x3000n, end: 0x3100n },
    ];
    expect(chooseAddresses(exact, [{ ...stub, high: true }])).toEqual([0x3000n]);
  });

  test("lie above a multiple by their offset, and within their limits", () => {
    const image = { name: "image", size: 0x1000n, alignment: 0x4000n, offset: 0x800n };
    expect(chooseAddresses(free, [image])).toEqual([0x4800n]);
    expect(chooseAddresses(free, [{ ...stub, within: { start: 0x2001n, end: 0x3100n } }])).toEqual([0x3000n]);
  });

  test("give up their order where only another one has room for all", () => {
    const kernel: Piece = {
      name: "kernel",
      size: 0x1000n,
      alignment: 0x1000n,
      within: { start: 0x1000n, end: 0x2000n },
    };
    expect(chooseAddresses(free, [stub, kernel])).toEqual([0x2000n, 0x1000n]);
  });

  test("are named where there is no room, with what they want and what there is", () => {
    const initrd: Piece = { name: "initrd", size: 0x6000n, alignment: 0x1000n };
    expect(() => chooseAddresses(free, [stub, { ...initrd, size: 0x9000n }])).toThrow(
      new Failure("initrd", "no room for 0x9000 bytes, at a multiple of 0x1000; free is 0x1000-0x9000"),
    );
    expect(() => chooseAddresses(free, [stub, initrd, { ...initrd, name: "other", offset: 0x10n }])).toThrow(
      new Failure(
        "other",
        "no room for 0x6000 bytes beside the others, at 0x10 above a multiple of 0x1000; free is 0x1000-0x9000",
      ),
    );
    // The one that no order of pieces can help.
    const whole = { ...initrd, size: 0x8000n };
    expect(() => chooseAddresses(free, [whole, stub, { ...initrd, name: "huge", size: 0x9000n }])).toThrow(
      new Failure("huge", "no room for 0x9000 bytes, at a multiple of 0x1000; free is 0x1000-0x9000"),
    );
    expect(() => chooseAddresses([], [{ ...stub, within: { start: 1n, end: 2n } }])).toThrow(
      new Failure("stub", "no room for 0x100 bytes, at a multiple of 0x1000, within 0x1-0x2; free is nothing"),
    );
  });
});

describe("a kernel's piece", () => {
  const free = [{ start: 0n, end: 1n << 40n }];
  const chosen = (piece: Omit<Piece, "name">): bigint | undefined =>
    chooseAddresses(free, [{ name: "kernel", ...piece }])[0];

  test("of arm64 is image_size at text_offset above a multiple of 2 MiB", () => {
    const piece = arm64Piece({ textOffset: 0x80000n, imageSize: 0x123_4567n, isAnywhere: true });
    expect(piece.size).toBe(0x123_4567n);
    expect(chosen(piece)).toBe(0x80000n);
  });

  const header = {
    fixed: false,
    alignment: 0x20_0000,
    preferredAddress: 0x100_0000n,
    initSize: 0x5000,
    highestInitrd: 0x7fff_ffff,
    commandLineSize: 2047,
  };

  test("of x86-64 is init_size at a multiple of kernel_alignment, from pref_address on, below 4 GiB unless allowed", () => {
    const piece = x86Piece({ ...header, above4G: false });
    expect(piece.size).toBe(0x5000n);
    expect(chosen(piece)).toBe(0x100_0000n);
    expect(chosen({ ...piece, high: true })).toBe(0xffe0_0000n);
    expect(chosen({ ...x86Piece({ ...header, above4G: true }), high: true })).toBe((1n << 40n) - 0x20_0000n);
    expect(chosen(x86Piece({ ...header, alignment: 0, above4G: true }))).toBe(0x100_0000n);
    expect(chosen({ ...x86Piece({ ...header, fixed: true, above4G: true }), high: true })).toBe(0x100_0000n);
  });

  test("of ppc64 is whole pages of 64 KiB within the real mode area", () => {
    const rma = { start: 0n, end: 0x1000_0000n };
    expect(chosen({ ...ppc64Piece(0x1_0001n, rma), high: true })).toBe(0xffe_0000n);
    expect(ppc64Piece(0x1_0001n, undefined).size).toBe(0x2_0000n);
  });
});
