// What of a crashed arm64 kernel's memory is where. Linux: arch/arm64/include/asm/memory.h (PAGE_OFFSET),
// arch/arm64/mm/init.c (memstart_addr).

import { roundDown } from "../../range.ts";
import type { CoreRules } from "../arch.ts";

/** Of kernels since 5.4 with addresses of 48 bits. */
const PAGE_OFFSET = 0xffff_0000_0000_0000n;

/** memstart_addr is a multiple of it. */
const MEMSTART_ALIGNMENT = 0x4000_0000n;

export const coreRules: CoreRules = {
  linear: ([first]) => PAGE_OFFSET - roundDown(first?.start ?? 0n, MEMSTART_ALIGNMENT),
  isLinearFixed: false,
};
