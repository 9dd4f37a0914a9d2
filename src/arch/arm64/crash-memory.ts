// What memory an arm64 crash kernel takes for its own. Linux: drivers/firmware/efi/efi-init.c, which forgets what the tree's
// memory nodes say.

import { memoryOf } from "../../devicetree/memory.ts";
import { child, type Node, property } from "../../devicetree/tree.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { readToldInitrd } from "../../kexec/stub-checks.ts";
import type { TreeTelling } from "../../kexec/told-header.ts";
import type { MemoryRange } from "../../range.ts";
import { memoryWithinLimits, usableRanges } from "../usable-memory-range.ts";

const EFI = "linux,uefi-system-table";

export const confinement: TreeTelling = {
  memoryOf: (root, facts) => memoryWithinLimits(root, memoryWithoutLimit(root, facts)),
  limitsOf: usableRanges,
  besides: [],
  readsHeaderProperty: true,
  // The tree by pages of their own (fixmap_remap_fdt), the initrd as memory that is added again (arm64_memblock_init).
  mapsAnyway(handed) {
    const initrd = readToldInitrd(handed);
    return initrd === undefined ? [handed.segment] : [handed.segment, initrd];
  },
};

/** With EFI the kernel gets the firmware's map, of which this machine's memory is what is left. */
function memoryWithoutLimit(root: Node, { memory }: MachineFacts): readonly MemoryRange[] {
  return property(child(root, "chosen"), EFI) === undefined ? memoryOf(root) : memory;
}
