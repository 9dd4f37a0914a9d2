// Where a bzImage's kernel may lie, and where it goes from there. Linux: Documentation/arch/x86/boot.rst (kernel_alignment,
// pref_address, init_size, relocatable_kernel), arch/x86/boot/compressed/head_64.S (startup_64).

import { type MemoryRange, max, rangeOfSize } from "../../range.ts";
import { FOUR_GIB, type KernelNeeds } from "./setup-header.ts";

/** The memory of a kernel: its size in bytes, what its address is a multiple of, and what all of it lies within. */
export function kernelPiece({ alignment, preferredAddress, fixed, initSize, above4G }: KernelNeeds) {
  const size = BigInt(initSize);
  const highest = above4G ? 1n << 64n : FOUR_GIB;
  return {
    size,
    // 0 would be a kernel that says nothing.
    alignment: max(BigInt(alignment), 1n),
    // A kernel that lies lower moves itself up first, over whatever is there.
    within: { start: preferredAddress, end: fixed ? preferredAddress + size : highest },
  };
}

/**
 * What a kernel that is loaded at `address`, a multiple of its alignment, writes to before it looks at the memory map. It
 * unpacks itself there, by the page tables of the old kernel at first.
 */
export function earlyMemory({ preferredAddress, fixed, initSize }: KernelNeeds, address: bigint): MemoryRange {
  return rangeOfSize(fixed ? preferredAddress : max(address, preferredAddress), BigInt(initSize));
}
