// Where a bzImage's kernel may lie. Linux: Documentation/arch/x86/boot.rst (kernel_alignment, pref_address, init_size).

import { max } from "../../range.ts";
import { FOUR_GIB, type KernelNeeds } from "./setup-header.ts";

/** The memory of a kernel: its size in bytes, what its address is a multiple of, and what all of it lies within. */
export function kernelPiece({ alignment, preferredAddress, initSize, above4G }: KernelNeeds) {
  return {
    size: BigInt(initSize),
    // 0 would be a kernel that says nothing.
    alignment: max(BigInt(alignment), 1n),
    // A kernel that lies lower moves itself up first, over whatever is there.
    within: { start: preferredAddress, end: above4G ? 1n << 64n : FOUR_GIB },
  };
}
