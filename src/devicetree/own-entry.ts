// The reserve map's entry of the blob itself, which nothing in a blob tells from firmware's.

import type { MemoryRange } from "../range.ts";
import type { DeviceTree } from "./tree.ts";

/** The entries that may be those of the blob itself: they have as many bytes. */
export function listPerhapsOwn({ reservations, blobSize }: DeviceTree): MemoryRange[] {
  return reservations.filter(({ start, end }) => blobSize !== undefined && end - start === BigInt(blobSize));
}

/** Gives the blob an address, and an entry of its own there in place of the one that the blob it was read from had there. */
export function reserveItself(tree: DeviceTree, address: bigint): void {
  const replaced = listPerhapsOwn(tree).find(({ start }) => start === address);
  tree.reservations = tree.reservations.filter((range) => range !== replaced);
  tree.address = address;
}
