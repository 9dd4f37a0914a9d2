// Confines a crash kernel to the memory that was set aside for it.
// Linux: arch/powerpc/kexec/file_load_64.c (get_usable_memory_ranges, update_usable_mem_fdt), drivers/of/fdt.c
// (early_init_dt_scan_memory), arch/powerpc/kernel/prom.c (early_init_drmem_lmb).

import { Failure } from "../../failure.ts";
import { contains, intersectSorted, type MemoryRange, mergeRanges } from "../../range.ts";
import { rangesValue } from "../cells.ts";
import { settleLists } from "../changing.ts";
import {
  DYNAMIC_MEMORY,
  type DynamicMemory,
  dynamicMemory,
  isOfUnknownForm,
  rangesOfRuns,
  USABLE_BLOCKS,
  usableBlocksValue,
} from "../drmem.ts";
import { isMemory, memoryCells, memoryRanges, USABLE_MEMORY, VECTORS } from "../memory.ts";
import { firmwareMemory } from "../reservations.ts";
import { childOrNew, type DeviceTree, setProperty } from "../tree.ts";
import { reserve } from "./edits.ts";

/**
 * Confines a crash kernel to the memory up to `usable.end`, and firmware's, which the kernel calls and reads wherever it
 * is. All memory is told again, as far as it is that: in each memory node, and for each block of a partition. What lies
 * between the vectors and `usable` is the old kernel's memory: it is reserved.
 */
export function setUsableMemory(tree: DeviceTree, usable: MemoryRange): void {
  const { root } = tree;
  const cells = memoryCells(root);
  if (isOfUnknownForm(root, cells)) {
    // A crash kernel would take all that is listed there for its own, the crashed one's memory with it.
    throw new Failure(`/${DYNAMIC_MEMORY}`, "memory that is listed here cannot be confined");
  }
  settleLists();
  const nodes = root.children.filter((node) => isMemory(node));
  if (nodes.length === 0) throw new Failure("/", "no memory node to confine");
  const blocks = dynamicMemory(root, cells);
  const found = memoryRanges(nodes, cells);
  if (!isMemoryOf(usable, found, blocks)) throw new Failure("/", "no memory node holds the whole usable range");
  const kept = mergeRanges([{ start: 0n, end: usable.end }, ...firmwareMemory(root)]);
  for (const node of nodes) {
    const here = memoryRanges([node], cells).flatMap((range) => intersectSorted(range, kept));
    // With an empty value NUMA kernels read reg again (arch/powerpc/mm/numa.c parse_numa_properties).
    setProperty(node, USABLE_MEMORY, rangesValue(here.length === 0 ? [NOTHING] : here, cells));
  }
  if (blocks !== undefined) {
    setProperty(childOrNew(root, DYNAMIC_MEMORY), USABLE_BLOCKS, usableBlocksValue(blocks, kept, cells));
  }
  if (usable.start > VECTORS.end) reserve(tree, [{ start: VECTORS.end, end: usable.start }]);
}

const NOTHING: MemoryRange = { start: 0n, end: 0n };

/** Linux sets memory aside before it asks of which node it is: a region may begin in one and end in the next. */
function isMemoryOf(range: MemoryRange, nodes: readonly MemoryRange[], blocks: DynamicMemory | undefined): boolean {
  const all = mergeRanges([...nodes, ...(blocks === undefined ? [] : rangesOfRuns(blocks))]);
  return all.some((each) => contains(each, range));
}
