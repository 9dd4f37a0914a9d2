// Where an arm64 Image, its tree and its initrd may lie. Linux: Documentation/arm64/booting.rst ("Call the kernel image").

import { Failure, hex } from "../../failure.ts";
import { type MemoryRange, max, rangeOfSize, roundDown, roundUp } from "../../range.ts";
import type { PieceName, PlaceChoice, PlacementRules, PlaceRule, Sizes } from "../placement.ts";
import { IMAGE_ALIGNMENT, type ImageHeader, readImageHeader } from "./image.ts";

/** What every kernel maps at least from a multiple of REACH_ALIGNMENT on, whatever its pages and its levels of tables. */
export const REACH = 32n * 0x4000_0000n;
export const REACH_ALIGNMENT = 0x4000_0000n;

/** The memory of a kernel: its size in bytes, and its address as `offset` bytes above a multiple of `alignment`. */
export function kernelPiece({ textOffset, imageSize }: ImageHeader) {
  return { size: imageSize, alignment: IMAGE_ALIGNMENT, offset: textOffset };
}

export const placement: PlacementRules = {
  page: 1n,
  needsOf({ head, length, memsz }, { pageSize }) {
    const header = readImageHeader(head);
    const order: readonly PieceName[] = ["kernel", "argument", "initrd"];
    if (header === undefined) return { size: memsz, alignment: IMAGE_ALIGNMENT, order, rules: [], choice: reach };
    const { size, alignment, offset } = kernelPiece(header);
    if (offset % pageSize !== 0n) {
      const pages = `the running kernel's pages of ${hex(pageSize)} bytes`;
      throw new Failure("kernel", `its text_offset ${hex(offset)} is not a multiple of ${pages}`);
    }
    const needs = { size: max(size, BigInt(length)), alignment, offset, order, rules: [] };
    return header.isAnywhere ? { ...needs, choice: reach } : { ...needs, argumentAlignment: alignment, choice: above };
  },
};

const reach: PlaceChoice = {
  *list(free, sizes) {
    for (const within of listWindows(free, sizes)) yield inWindow(within);
  },
  fact: "Linux wants it and the kernel in 32 GiB from a multiple of 1 GiB on",
};

/** Of a kernel that has no use for memory below its own, as before Linux 4.6: the others go above it. */
const above: PlaceChoice = {
  *list(free, sizes, lowest) {
    for (const within of listWindows(free, sizes)) {
      const kernel = lowest(within);
      if (kernel === undefined) continue;
      const own = rangeOfSize(kernel, sizes.kernel);
      const rest: PlaceRule = { of: ["argument", "initrd"], within: { start: own.end, end: within.end }, fact: "" };
      yield [...inWindow(within), { of: ["kernel"], within: own, fact: "" }, rest];
    }
  },
  fact: "this kernel uses no memory below its own, and no more than 32 GiB",
};

function inWindow(within: MemoryRange): PlaceRule[] {
  return [{ of: ["kernel", "initrd"], within, fact: "" }];
}

/**
 * Where kernel and initrd may lie together: enough of such ranges that, if there are places for all, there are in one of
 * these. (Move every piece down as far as it goes. If then one of the two ends the other's range of free memory, the lower
 * one begins it, but for the stub. Else the higher one begins another, but for the stub, and 32 GiB that end with it do.)
 */
function listWindows(free: readonly MemoryRange[], { kernel, argument, initrd }: Sizes): MemoryRange[] {
  const first = roundDown(free[0]?.start ?? 0n, REACH_ALIGNMENT);
  const last = free.at(-1)?.end ?? 0n;
  if (last <= first + REACH) return [rangeOfSize(first, REACH)];
  const starts = new Set<bigint>([first]);
  for (const { start } of free) {
    for (const below of [0n, roundUp(argument, IMAGE_ALIGNMENT)]) {
      const lowest = roundDown(roundUp(start, IMAGE_ALIGNMENT) + below, REACH_ALIGNMENT);
      const ends = [kernel, initrd].map((size) => roundUp(lowest + roundUp(size, IMAGE_ALIGNMENT), REACH_ALIGNMENT));
      // Alignments and what is rounded here move none of them by more than one step.
      for (const near of [lowest, ...ends.map((end) => end - REACH)]) {
        for (const step of [-1n, 0n, 1n]) starts.add(max(near + step * REACH_ALIGNMENT, first));
      }
    }
  }
  return [...starts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map((start) => rangeOfSize(start, REACH));
}
