// The memory nodes of a tree: where the machine has RAM.
// Devicetree Specification 0.4, 3.4 (memory nodes).

import { Failure } from "../failure.ts";
import type { MemoryRange } from "../range.ts";
import { type CellCounts, cellIn, childCells, rangesIn } from "./cells.ts";
import { textOf } from "./strings.ts";
import { type Node, property } from "./tree.ts";

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

export function isMemory(node: Node): boolean {
  const type = property(node, "device_type");
  return type?.length === 7 && textOf(type) === "memory";
}

/**
 * What a root-level memory node's reg says; nothing where it has none.
 * @throws Failure where the reg is not whole entries
 */
export function memoryRanges(node: Node, cells: CellCounts): MemoryRange[] {
  const reg = property(node, "reg");
  if (reg === undefined) return [];
  const step = cells.address + cells.size;
  if (reg.length % (4 * step) !== 0)
    throw new Failure(`/${node.name}/reg`, `${reg.length} bytes are not entries of ${step} cells`);
  return rangesIn(reg, cells);
}
