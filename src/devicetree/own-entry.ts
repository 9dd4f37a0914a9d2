// The reserve map's entry of the blob itself, which nothing in a blob tells from firmware's.

import type { MemoryRange } from "../range.ts";
import type { DeviceTree } from "./tree.ts";

/** The entries that may be those of the blob itself: they have as many bytes. */
export function listPerhapsOwn({ reservations, blobSize }: DeviceTree): MemoryRange[] {
  return reservations.filter(({ start, end }) => blobSize !== undefined && end - start === BigInt(blobSize));
}

/** The reserve map for a blob at this address, where its own entry takes the place of the one that the old blob had there. */
export function reservationsAt(tree: DeviceTree, address: bigint): MemoryRange[] {
  const replaced = listPerhapsOwn(tree).find(({ start }) => start === address);
  return tree.reservations.filter((range) => range !== replaced);
}
