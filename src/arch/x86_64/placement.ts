// Where a bzImage's kernel may lie, and where it goes from there. Linux: Documentation/arch/x86/boot.rst (kernel_alignment,
// pref_address, init_size, relocatable_kernel), arch/x86/boot/compressed/head_64.S (startup_64).

import { Failure, hex } from "../../failure.ts";
import { type MemoryRange, max, min, NO_END, rangeOfSize, roundUp } from "../../range.ts";
import type { PlacementRules, PlaceRule } from "../placement.ts";
import { FOUR_GIB, type KernelNeeds } from "./setup-header.ts";

/** The memory of a kernel: its size in bytes, what its address is a multiple of, and what all of it lies within. */
export function kernelPiece({ alignment, preferredAddress, fixed, initSize, above4G }: KernelNeeds) {
  const size = BigInt(initSize);
  const highest = above4G ? NO_END : FOUR_GIB;
  return {
    size,
    // 0 would be a kernel that says nothing.
    alignment: max(BigInt(alignment), 1n),
    // A kernel that lies lower moves itself up first, over whatever is there.
    within: { start: preferredAddress, end: fixed ? preferredAddress + size : highest },
  };
}

/**
 * What a kernel that is loaded at `address` writes to before it looks at the memory map. It unpacks itself there, by the
 * page tables of the old kernel at first: from a multiple of its alignment on, to which it moves itself up.
 */
export function earlyMemory(needs: KernelNeeds, address: bigint): MemoryRange {
  const { preferredAddress, fixed, initSize } = needs;
  const aligned = roundUp(address, kernelPiece(needs).alignment);
  return rangeOfSize(fixed ? preferredAddress : max(aligned, preferredAddress), BigInt(initSize));
}

/** What a BIOS and real mode may still use. */
const LOWEST = 0x3000n;
const FIRST_MIB = 0x100000n;

const rules: PlacementRules = {
  page: 1n,
  needsOf({ setup, length }, { pageSize }) {
    if (setup === undefined) throw new Failure("kernel", "only a bzImage tells where it may lie on x86_64");
    const { size: early, alignment } = kernelPiece(setup);
    const size = max(early, BigInt(length));
    const rules: PlaceRule[] = [
      { within: { start: FIRST_MIB, end: NO_END }, fact: "nothing in the first MiB", isWish: true },
      { within: { start: LOWEST, end: NO_END }, fact: `the first ${hex(LOWEST)} bytes are real mode's` },
      ...kernelRules(setup, roundUp(size, pageSize)),
      ...reachRules(setup),
    ];
    return { size, alignment, order: ["kernel", "argument", "initrd"], rules };
  },
};

export function x86_64(): PlacementRules {
  return rules;
}

/** @param size of its segment */
function kernelRules({ preferredAddress, fixed }: KernelNeeds, size: bigint): PlaceRule[] {
  const start = hex(preferredAddress);
  const of = ["kernel"] as const;
  if (fixed)
    return [{ of, within: rangeOfSize(preferredAddress, size), fact: `it runs at ${start} alone (pref_address)` }];
  return [{ of, within: { start: preferredAddress, end: NO_END }, fact: `it runs from ${start} on (pref_address)` }];
}

/** What a kernel is told of, besides where it is itself, has to end here; undefined where it reaches all memory. */
export function reachOf({ above4G, highestInitrd }: KernelNeeds): { initrd: bigint; all: bigint } | undefined {
  if (above4G) return undefined;
  // 0 would be a kernel that says nothing.
  return { initrd: highestInitrd === 0 ? FOUR_GIB : min(BigInt(highestInitrd) + 1n, FOUR_GIB), all: FOUR_GIB };
}

function reachRules(needs: KernelNeeds): PlaceRule[] {
  const reach = reachOf(needs);
  if (reach === undefined) return [];
  const { initrd, all } = reach;
  const within = (end: bigint) => ({ start: 0n, end });
  const rule = {
    within: within(all),
    fact: "this kernel takes nothing above 4 GiB (XLF_CAN_BE_LOADED_ABOVE_4G is not set)",
  };
  if (initrd === all) return [rule];
  return [rule, { of: ["initrd"], within: within(initrd), fact: `it has to end by ${hex(initrd)} (initrd_addr_max)` }];
}
