// What memory a riscv64 crash kernel takes for its own, and what it maps besides: its tree, by pages of their own
// (arch/riscv/mm/init.c create_fdt_early_page_table).

import { memoryOf } from "../../devicetree/memory.ts";
import type { TreeTelling } from "../../kexec/told-header.ts";
import { memoryWithinLimits, usableRanges } from "../usable-memory-range.ts";

export const confinement: TreeTelling = {
  memoryOf: (root) => memoryWithinLimits(root, memoryOf(root)),
  limitsOf: usableRanges,
  besides: [],
  readsHeaderProperty: true,
  mapsAnyway: ({ segment }) => [segment],
};
