// The memory nodes of a tree: where the machine has RAM.
// Devicetree Specification 0.4, 2.3.5 (cells), 2.3.6 (reg), 3.4 (memory nodes).

import { Failure } from "../failure.ts";
import { type MemoryRange, rangeOfSize } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { cellsAt, u32Value } from "./cells.ts";
import { type Node, property } from "./tree.ts";

export interface Cells {
  readonly address: number;
  readonly size: number;
}

/** The cells of an address and of a size in the root's children. */
export function memoryCells(root: Node): Cells {
  return { address: cellCount(root, "#address-cells", 2), size: cellCount(root, "#size-cells", 1) };
}

/** The defaults are the specification's (2.3.5). */
function cellCount(node: Node, name: ByteString, otherwise: number): number {
  const value = property(node, name);
  if (value === undefined) return otherwise;
  const count = value.length === 4 ? Number(cellsAt(value, 0, 1)) : NaN;
  if (count !== 1 && count !== 2) throw new Failure(`/${name}`, "memory has neither one cell nor two here");
  return count;
}

export function isMemory(node: Node): boolean {
  const type = property(node, "device_type");
  return type?.length === 7 && String.fromCharCode(...type) === "memory\0";
}

/** What a root-level memory node's reg says. */
export function memoryRanges(node: Node, cells: Cells): MemoryRange[] {
  const reg = property(node, "reg") ?? new Uint8Array(0);
  const step = cells.address + cells.size;
  if (reg.length % (4 * step) !== 0)
    throw new Failure(`/${node.name}/reg`, `${reg.length} bytes are not entries of ${step} cells`);
  return Array.from({ length: reg.length / (4 * step) }, (_, index) => {
    const start = cellsAt(reg, 4 * step * index, cells.address)!;
    return rangeOfSize(start, cellsAt(reg, 4 * (step * index + cells.address), cells.size)!);
  });
}

/** The inverse: ranges as the value of a reg or a linux,usable-memory. */
export function rangesValue(ranges: readonly MemoryRange[], cells: Cells): Uint8Array {
  return u32Value(
    ...ranges.flatMap(({ start, end }) => [...wordsOf(start, cells.address), ...wordsOf(end - start, cells.size)]),
  );
}

function wordsOf(number: bigint, cells: number): number[] {
  const low = Number(number & 0xffffffffn);
  return cells === 1 ? [low] : [Number(number >> 32n), low];
}
