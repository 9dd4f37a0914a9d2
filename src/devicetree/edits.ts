// What the next kernel shall be told differently from what this one was: its command line, its initrd, its memory.

import { Failure } from "../failure.ts";
import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { isMemory, memoryCells, memoryRanges, rangesValue } from "./memory.ts";
import { child, childOrNew, setProperty, stringValue, u64Value, type Node } from "./tree.ts";

/** Below this a ppc64 crash kernel keeps using memory: its exception vectors are there (kexec-tools' KDUMP_BACKUP_LIMIT). */
const VECTORS_END = 0x10000n;

export function setBootargs(root: Node, text: ByteString): void {
  setProperty(childOrNew(root, "chosen"), "bootargs", stringValue(text));
}

/** The initrd's range as the tree says it; the reserve map follows from the tree. */
export function setInitrd(root: Node, { start, end }: MemoryRange): void {
  const chosen = childOrNew(root, "chosen");
  setProperty(chosen, "linux,initrd-start", u64Value(start));
  setProperty(chosen, "linux,initrd-end", u64Value(end));
}

/** Here a partition lists the memory that it can gain and lose (LoPAR, ibm,dynamic-memory). */
const DYNAMIC_MEMORY = "ibm,dynamic-reconfiguration-memory";

/**
 * Confines a crash kernel to `usable` and the exception vectors: every memory node gets a linux,usable-memory of
 * what it has below `usable.end` (drivers/of/fdt.c early_init_dt_scan_memory takes it in place of reg).
 * Returns what lies between, the old kernel's memory, which has to be reserved.
 */
export function setUsableMemory(root: Node, usable: MemoryRange): MemoryRange[] {
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
      .map(({ start, end }) => ({ start, end: end < usable.end ? end : usable.end }))
      .filter(({ start, end }) => start < end);
    setProperty(node, "linux,usable-memory", rangesValue(kept, cells));
  }
  return usable.start > VECTORS_END ? [{ start: VECTORS_END, end: usable.start }] : [];
}
