// Where a ppc64 kernel may lie. Linux: arch/powerpc/kexec/elf_64.c, arch/powerpc/kernel/head_64.S.

import { type MemoryRange, roundUp } from "../../range.ts";

/** A kernel of 64 KiB pages maps itself in such; one of 4 KiB pages does with it. */
const PAGE = 0x10000n;

/**
 * The memory of a kernel: its size in whole pages, what its address is a multiple of, and what all of it lies within.
 * @param size bytes, with its .bss
 * @param rma the real mode area, where that is known: the kernel is entered without MMU
 */
export function kernelPiece(size: bigint, rma: MemoryRange | undefined) {
  return { size: roundUp(size, PAGE), alignment: PAGE, within: rma };
}
