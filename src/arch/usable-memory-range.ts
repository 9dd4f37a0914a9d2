// linux,usable-memory-range of /chosen: what memory a crash kernel takes for its own on machines whose kernels read it.
// Linux: drivers/of/fdt.c (early_init_dt_check_for_usable_mem_range).

import { childCells, isWholeEntries, rangesIn } from "../devicetree/cells.ts";
import { child, type Node, property } from "../devicetree/tree.ts";
import { type MemoryRange, mergeRanges, subtractRanges } from "../range.ts";

/** Of /chosen: the one range that is all memory, and perhaps a second one, below 4 GiB. */
export const USABLE = "linux,usable-memory-range";

/** What such a kernel takes of this memory. */
export function memoryWithinLimits(root: Node, memory: readonly MemoryRange[]): readonly MemoryRange[] {
  const [first, ...others] = usableRanges(root);
  return first === undefined ? memory : [...intersect(memory, first), ...others];
}

/** None where Linux finds none; a first range without bytes limits nothing. */
export function usableRanges(root: Node): readonly MemoryRange[] {
  const value = property(child(root, "chosen"), USABLE);
  const cells = childCells(root);
  if (value === undefined || !isWholeEntries(value, cells.address + cells.size)) return [];
  const ranges = rangesIn(value, cells, 2);
  return ranges[0] !== undefined && ranges[0].start < ranges[0].end ? ranges : [];
}

function intersect(memory: readonly MemoryRange[], within: MemoryRange): MemoryRange[] {
  const all = mergeRanges(memory);
  return subtractRanges(all, subtractRanges(all, [within]));
}
