// What of a crashed ppc kernel's memory is where. Linux: arch/powerpc/Kconfig (PAGE_OFFSET).

import type { CoreRules } from "../arch.ts";

/** Unless it was configured otherwise. */
const PAGE_OFFSET = 0xc000_0000n;

export const coreRules: CoreRules = { linear: () => PAGE_OFFSET, isLinearFixed: false };
