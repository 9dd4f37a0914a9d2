// Confines a crash kernel to the memory that was set aside for it.
// Linux: drivers/of/fdt.c (early_init_dt_scan_memory).

import { Failure } from "../../failure.ts";
import { type MemoryRange, min } from "../../range.ts";
import { rangesValue } from "../cells.ts";
import { DYNAMIC_MEMORY } from "../drmem.ts";
import { isMemory, memoryCells, memoryRanges } from "../memory.ts";
import { child, type DeviceTree, setProperty } from "../tree.ts";
import { reserve } from "./edits.ts";

/** Below this a ppc64 crash kernel keeps using memory: its exception vectors are there (kexec-tools' KDUMP_BACKUP_LIMIT). */
const VECTORS_END = 0x10000n;

/**
 * Confines a crash kernel to `usable` and the exception vectors: every memory node gets a linux,usable-memory of what
 * it has below `usable.end`, which the kernel takes in place of reg. What lies between is the old kernel's memory: it
 * is reserved.
 */
export function setUsableMemory(tree: DeviceTree, usable: MemoryRange): void {
  const { root } = tree;
  // A crash kernel would take all that is listed there for its own, the crashed one's memory with it.
  if (child(root, DYNAMIC_MEMORY) !== undefined) {
    throw new Failure(`/${DYNAMIC_MEMORY}`, "memory that is listed here cannot be confined");
  }
  const cells = memoryCells(root);
  const memory = root.children.filter((node) => isMemory(node));
  if (memory.length === 0) throw new Failure("/", "no memory node to confine");
  const found = memory.flatMap((node) => memoryRanges(node, cells));
  if (!found.some(({ start, end }) => start <= usable.start && usable.end <= end)) {
    throw new Failure("/", "no memory node holds the whole usable range");
  }
  for (const node of memory) {
    const kept = memoryRanges(node, cells)
      .map(({ start, end }) => ({ start, end: min(end, usable.end) }))
      .filter(({ start, end }) => start < end);
    setProperty(node, "linux,usable-memory", rangesValue(kept, cells));
  }
  if (usable.start > VECTORS_END) reserve(tree, [{ start: VECTORS_END, end: usable.start }]);
}
