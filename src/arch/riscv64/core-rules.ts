// What of a crashed riscv64 kernel's memory is where, and what of it is OpenSBI's. Linux: arch/riscv/include/asm/page.h
// (PAGE_OFFSET_L4), arch/riscv/mm/init.c. OpenSBI: lib/utils/fdt/fdt_fixup.c.

import type { CoreRules } from "../arch.ts";

/** With page tables of four levels, as qemu's cpus have them. */
const PAGE_OFFSET = 0xffff_af80_0000_0000n;

export const coreRules: CoreRules = {
  linear: ([first]) => PAGE_OFFSET - (first?.start ?? 0n),
  isLinearFixed: false,
  // Where the cpu itself protects it (PMP), it has no no-map. The second name is that of OpenSBI before 0.9.
  isFirmware: (name) => /^mmode_(resv|pmp)[0-9]+@/.test(name),
};
