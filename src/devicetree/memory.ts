// Where the machine that a tree tells of has RAM: in memory nodes, and in blocks that it can gain and lose.
// Devicetree Specification 0.4, 3.4 (memory nodes); Linux: drivers/of/fdt.c (early_init_dt_scan_memory).

import { Failure, unlessFailure } from "../failure.ts";
import { type MemoryRange, subtractRanges } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { type CellCounts, cellIn, childCells, rangesIn, refuseManyRanges } from "./cells.ts";
import { dynamicMemory, dynamicRanges, rangesOfRuns } from "./drmem.ts";
import { baseName, below } from "./names.ts";
import { textOf } from "./strings.ts";
import { type Node, property } from "./tree.ts";

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
 * What a root-level memory node's reg says; nothing where it has none.
 * @throws Failure where the reg is not whole entries
 */
export function memoryRanges(node: Node, cells: CellCounts): MemoryRange[] {
  return strictRanges(node, "reg", cells);
}

/**
 * The memory that a kernel takes which is given this tree: where the tree is a crash kernel's, what is usable. In the
 * order of the tree.
 * @throws Failure where not all of it can be read
 */
export function memoryOf(root: Node): MemoryRange[] {
  const cells = memoryCells(root);
  const nodes = root.children.filter((node) => isMemory(node));
  return [...nodes.flatMap((node) => takenRanges(node, cells)), ...dynamicRanges(root, cells)];
}

/**
 * All memory that the machine has, whatever of it a crash kernel may use. In the order of the tree.
 * @throws Failure where not all of it can be read
 */
export function allMemoryOf(root: Node): MemoryRange[] {
  const cells = memoryCells(root);
  const nodes = root.children.filter((node) => isMemory(node) && isAvailable(node));
  const blocks = dynamicMemory(root, cells);
  const ranges = [...nodes.flatMap((node) => memoryRanges(node, cells)), ...(blocks ? rangesOfRuns(blocks) : [])];
  return ranges.filter(({ start, end }) => start < end);
}

/** The same of one memory node. @throws Failure where its ranges are not whole entries */
export function takenRanges(node: Node, cells: CellCounts): MemoryRange[] {
  const name = takenProperty(node);
  return name === undefined ? [] : strictRanges(node, name, cells).filter(({ start, end }) => start < end);
}

/** The same as far as it can be read, of all nodes: none where the blocks of a partition make no sense, or a reg is too long. */
export function readableMemory(root: Node): MemoryRange[] {
  const cells = childCells(root);
  const blocks = unlessFailure(() => dynamicRanges(root, cells));
  const nodes = root.children.filter((node) => isMemory(node));
  const ranges = unlessFailure(() => nodes.flatMap((node) => rangesOfReg(node, takenProperty(node) ?? "", cells)));
  if (blocks === undefined || ranges === undefined) return [];
  return [...ranges.filter(({ start, end }) => start < end), ...blocks];
}

/**
 * What of a memory node's reg no kernel takes, since linux,usable-memory goes before it.
 * @throws Failure as takenRanges() does
 */
export function leftOutRanges(node: Node, cells: CellCounts): MemoryRange[] {
  if (takenProperty(node) !== USABLE_MEMORY) return [];
  return subtractRanges(memoryRanges(node, cells), takenRanges(node, cells));
}

const NONE = new Uint8Array(0);

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

function strictRanges(node: Node, name: ByteString, cells: CellCounts): MemoryRange[] {
  const value = property(node, name) ?? NONE;
  const step = cells.address + cells.size;
  if (value.length % (4 * step) !== 0)
    throw new Failure(below(`/${node.name}`, name), `${value.length} bytes are not entries of ${step} cells`);
  return rangesOfReg(node, name, cells);
}

/** The whole entries that there are. @throws Failure where they are too many */
function rangesOfReg(node: Node, name: ByteString, cells: CellCounts): MemoryRange[] {
  const value = property(node, name) ?? NONE;
  refuseManyRanges(value, cells, below(`/${node.name}`, name));
  return rangesIn(value, cells);
}
