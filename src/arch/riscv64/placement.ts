// Where a riscv64 Image, its tree and its initrd may lie. Linux: Documentation/arch/riscv/boot.rst.

import { max, NO_END, roundUp } from "../../range.ts";
import type { PieceName, PlaceChoice, PlacementRules } from "../placement.ts";
import { IMAGE_ALIGNMENT, LARGE_PAGE, readImageSize } from "./image.ts";

const rules: PlacementRules = {
  page: 1n,
  needsOf({ head, length, memsz }) {
    const size = roundUp(max(readImageSize(head) ?? memsz, BigInt(length)), LARGE_PAGE);
    const order: readonly PieceName[] = ["kernel", "argument", "initrd"];
    return { size, alignment: IMAGE_ALIGNMENT, order, rules: [], choice: above };
  },
};

export function riscv64(): PlacementRules {
  return rules;
}

/** Linux before 6.4 does not map what lies below its kernel: that gets the lowest place, and the others lie above if they can. */
const above: PlaceChoice = {
  *list(_free, { kernel }, lowest) {
    const start = lowest({ start: 0n, end: NO_END });
    if (start === undefined) return;
    yield [{ of: ["argument", "initrd"], within: { start: start + kernel, end: NO_END }, fact: "" }];
    yield [];
  },
  fact: "",
};
