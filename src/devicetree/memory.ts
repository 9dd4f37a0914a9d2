// Where the machine that a tree tells of has RAM: in memory nodes, and in blocks that it can gain and lose.
// Devicetree Specification 0.4, 3.4 (memory nodes); Linux: drivers/of/fdt.c (early_init_dt_scan_memory).

import { Failure, unlessFailure } from "../failure.ts";
import { type MemoryRange, subtractRanges } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { type CellCounts, cellIn, childCells, type RangeList, rangesIn, refuseManyRanges } from "./cells.ts";
import { dynamicMemory, dynamicRanges, rangesOfRuns } from "./drmem.ts";
import { baseName, below } from "./names.ts";
import { textOf } from "./strings.ts";
import { type Node, property } from "./tree.ts";

/** What a powerpc crash kernel keeps using: exception vectors are there (kexec-tools' KDUMP_BACKUP_LIMIT). */
export const VECTORS: MemoryRange = { start: 0n, end: 0x1_0000n };

/** Of a crash kernel's memory node: what of it is usable. Linux takes it in place of reg. */
export const USABLE_MEMORY = "linux,usable-memory";

/**
 * The cells of an address and of a size in the root's memory nodes.
 * @throws Failure where the root says anything but one cell or two
 */
export function memoryCells(root: Node): CellCounts {
  for (const name of ["#address-cells", "#size-cells"]) {
    const count = cellIn(root, name);
    if (property(root, name) !== undefined && count !== 1 && count !== 2)
      throw new Failure(`/${name}`, "memory has neither one cell nor two here");
  }
  return childCells(root);
}

/** Whether a child of the root is called as a memory node is, for those who choose nodes before they read them. */
export function isMemoryName(name: ByteString): boolean {
  return baseName(name) === "memory";
}

/** Whether Linux takes the node for memory: by its device_type up to the first NUL, which need not be there. */
export function isMemory(node: Node): boolean {
  const type = property(node, "device_type");
  return type !== undefined && textOf(type) === "memory";
}

/**
 * What the regs of root-level memory nodes say; nothing where there is none.
 * @throws Failure where one is not whole entries, or where they have too many
 */
export function memoryRanges(nodes: readonly Node[], cells: CellCounts): MemoryRange[] {
  return strictRanges(
    listsOf(nodes, () => "reg"),
    cells,
  );
}

/** Reads no range. @throws Failure where the lists of memory nodes have more than are read */
export function refuseMuchMemory(nodes: readonly Node[], cells: CellCounts): void {
  refuseManyRanges(listsOf(nodes, takenProperty), cells);
  refuseManyRanges(
    listsOf(nodes, () => "reg"),
    cells,
  );
}

/**
 * The memory that a kernel takes which is given this tree: where the tree is a crash kernel's, what is usable. In the
 * order of the tree.
 * @throws Failure where not all of it can be read
 */
export function memoryOf(root: Node): MemoryRange[] {
  const cells = memoryCells(root);
  const nodes = root.children.filter((node) => isMemory(node));
  return [...takenRanges(nodes, cells), ...dynamicRanges(root, cells)];
}

/**
 * All memory that the machine has, whatever of it a crash kernel may use. In the order of the tree.
 * @throws Failure where not all of it can be read
 */
export function allMemoryOf(root: Node): MemoryRange[] {
  const cells = memoryCells(root);
  const nodes = root.children.filter((node) => isMemory(node) && isAvailable(node));
  const blocks = dynamicMemory(root, cells);
  const ranges = [...memoryRanges(nodes, cells), ...(blocks ? rangesOfRuns(blocks) : [])];
  return ranges.filter(({ start, end }) => start < end);
}

/** The same of some memory nodes. @throws Failure as memoryRanges() does */
export function takenRanges(nodes: readonly Node[], cells: CellCounts): MemoryRange[] {
  return strictRanges(listsOf(nodes, takenProperty), cells).filter(({ start, end }) => start < end);
}

/** The same as far as it can be read: none where the blocks of a partition make no sense, or there are too many ranges. */
export function readableMemory(root: Node): MemoryRange[] {
  const cells = childCells(root);
  const blocks = unlessFailure(() => dynamicRanges(root, cells));
  const nodes = root.children.filter((node) => isMemory(node));
  const ranges = unlessFailure(() => rangesOfLists(listsOf(nodes, takenProperty), cells));
  if (blocks === undefined || ranges === undefined) return [];
  return [...ranges.filter(({ start, end }) => start < end), ...blocks];
}

/**
 * What of memory nodes' regs no kernel takes, since linux,usable-memory goes before them.
 * @throws Failure as takenRanges() does
 */
export function leftOutRanges(nodes: readonly Node[], cells: CellCounts): MemoryRange[] {
  const limited = nodes.filter((node) => takenProperty(node) === USABLE_MEMORY);
  return subtractRanges(memoryRanges(limited, cells), takenRanges(limited, cells));
}

/** Whether Linux looks at a node that tells of memory (drivers/of/fdt.c of_fdt_device_is_available). */
export function isAvailable(node: Node): boolean {
  const status = property(node, "status");
  return status === undefined || ["okay", "ok"].includes(textOf(status));
}

/** What Linux reads of a memory node; nothing of one that is disabled, as is qemu's memory of the secure world. */
function takenProperty(node: Node): ByteString | undefined {
  if (!isAvailable(node)) return undefined;
  return property(node, USABLE_MEMORY) === undefined ? "reg" : USABLE_MEMORY;
}

/** What each of the nodes lists by the property that `nameOf` chooses; nothing of one that lacks it. */
function listsOf(nodes: readonly Node[], nameOf: (node: Node) => ByteString | undefined): RangeList[] {
  return nodes.flatMap((node) => {
    const name = nameOf(node);
    const value = name === undefined ? undefined : property(node, name);
    return name === undefined || value === undefined ? [] : [{ value, place: below(`/${node.name}`, name) }];
  });
}

function strictRanges(lists: readonly RangeList[], cells: CellCounts): MemoryRange[] {
  const step = cells.address + cells.size;
  for (const { value, place } of lists) {
    if (value.length % (4 * step) !== 0)
      throw new Failure(place, `${value.length} bytes are not entries of ${step} cells`);
  }
  return rangesOfLists(lists, cells);
}

/** The whole entries that there are. @throws Failure where they are too many */
function rangesOfLists(lists: readonly RangeList[], cells: CellCounts): MemoryRange[] {
  refuseManyRanges(lists, cells);
  return lists.flatMap(({ value }) => rangesIn(value, cells));
}
