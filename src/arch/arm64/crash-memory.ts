// What memory an arm64 crash kernel takes for its own. Linux: drivers/of/fdt.c (early_init_dt_check_for_usable_mem_range),
// drivers/firmware/efi/efi-init.c, which forgets what the tree's memory nodes say.

import { childCells, isWholeEntries, rangesIn } from "../../devicetree/cells.ts";
import { memoryOf } from "../../devicetree/memory.ts";
import { child, type Node, property } from "../../devicetree/tree.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { readToldInitrd } from "../../kexec/stub-checks.ts";
import type { TreeTelling } from "../../kexec/told-header.ts";
import { type MemoryRange, mergeRanges, subtractRanges } from "../../range.ts";

/** Of /chosen: the one range that is all memory, and perhaps a second one, below 4 GiB. */
export const USABLE = "linux,usable-memory-range";

const EFI = "linux,uefi-system-table";

export const confinement: TreeTelling = {
  memoryOf(root, facts) {
    const usable = usableRanges(root);
    const memory = memoryWithoutLimit(root, facts);
    if (usable === undefined) return memory;
    const [first, ...others] = usable;
    return first === undefined ? memory : [...intersect(memory, first), ...others];
  },
  limitsOf: (root) => usableRanges(root) ?? [],
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

/** undefined where Linux finds none; a first range without bytes limits nothing. */
function usableRanges(root: Node): MemoryRange[] | undefined {
  const value = property(child(root, "chosen"), USABLE);
  const cells = childCells(root);
  if (value === undefined || !isWholeEntries(value, cells.address + cells.size)) return undefined;
  const ranges = rangesIn(value, cells, 2);
  return ranges[0] !== undefined && ranges[0].start < ranges[0].end ? ranges : undefined;
}

function intersect(memory: readonly MemoryRange[], within: MemoryRange): MemoryRange[] {
  const all = mergeRanges(memory);
  return subtractRanges(all, subtractRanges(all, [within]));
}
