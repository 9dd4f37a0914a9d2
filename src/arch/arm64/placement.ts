// Where an arm64 Image, its tree and its initrd may lie. Linux: Documentation/arm64/booting.rst ("Call the kernel image").

import { Failure, hex } from "../../failure.ts";
import { type MemoryRange, max, NO_END, rangeOfSize, roundDown, roundUp } from "../../range.ts";
import type { PieceName, PlaceChoice, PlacementRules, PlaceRule, Sizes } from "../placement.ts";
import { IMAGE_ALIGNMENT, REACH, REACH_ALIGNMENT, readImageHeader } from "./image.ts";

const rules: PlacementRules = {
  page: 1n,
  needsOf({ head, length, memsz }, { pageSize }) {
    const header = readImageHeader(head);
    const order: readonly PieceName[] = ["kernel", "argument", "initrd"];
    if (header === undefined) return { size: memsz, alignment: IMAGE_ALIGNMENT, order, rules: [], choice: reach };
    const { textOffset, imageSize, isAnywhere } = header;
    if (textOffset % pageSize !== 0n) {
      const pages = `the running kernel's pages of ${hex(pageSize)} bytes`;
      throw new Failure("kernel", `its text_offset ${hex(textOffset)} is not a multiple of ${pages}`);
    }
    const size = max(imageSize, BigInt(length));
    const choice = isAnywhere ? reach : above;
    return { size, alignment: IMAGE_ALIGNMENT, offset: textOffset, order, rules: [], choice };
  },
};

export function arm64(): PlacementRules {
  return rules;
}

const reach: PlaceChoice = {
  *list(free, sizes) {
    for (const within of listWindows(free, sizes)) yield inWindow(within);
  },
  fact: "Linux wants it and the kernel in 32 GiB from a multiple of 1 GiB on",
};

/** Of a kernel that has no use for memory below its own, as before Linux 4.6: it gets the lowest, the others lie above. */
const above: PlaceChoice = {
  *list(free, sizes, lowest) {
    for (const within of listWindows(free, sizes)) {
      const kernel = lowest(within);
      if (kernel === undefined) continue;
      const rest = { start: kernel + sizes.kernel, end: NO_END };
      yield [...inWindow(within), { of: ["argument", "initrd"], within: rest, fact: "" }];
    }
  },
  fact: "this kernel uses no memory below its own, and no more than 32 GiB",
};

function inWindow(within: MemoryRange): PlaceRule[] {
  return [{ of: ["kernel", "initrd"], within, fact: "" }];
}

/**
 * Where kernel and initrd may lie together: enough of such ranges that, if there are places for all, there are in one of
 * these. (Move every piece down as far as it goes, and the window after them. Either both are in one range of free memory
 * then, from its start on, or the higher one begins its range, and a window that ends with it will do. The stub may lie
 * before one of them, and is smaller than a step.)
 */
function listWindows(free: readonly MemoryRange[], { kernel, initrd }: Sizes): MemoryRange[] {
  const first = roundDown(free[0]?.start ?? 0n, REACH_ALIGNMENT);
  const last = free.at(-1)?.end ?? 0n;
  if (last <= first + REACH) return [rangeOfSize(first, REACH)];
  const starts = new Set<bigint>([first]);
  for (const { start } of free) {
    const ends = [kernel, initrd].map((size) => roundUp(start + size, REACH_ALIGNMENT));
    for (const near of [roundDown(start, REACH_ALIGNMENT), ...ends.map((end) => end - REACH)]) {
      for (const step of [-1n, 0n, 1n]) starts.add(max(near + step * REACH_ALIGNMENT, first));
    }
  }
  return [...starts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)).map((start) => rangeOfSize(start, REACH));
}
