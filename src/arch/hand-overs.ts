// What device trees have to be changed in for the next kernel: a row for each machine that needs it.

import { setUsableMemory } from "../devicetree/edit/usable-memory.ts";
import type { DeviceTree, Node } from "../devicetree/tree.ts";
import type { MemoryRange } from "../range.ts";
import type { TreeHandOver } from "./arch.ts";
import { arm64 } from "./arm64/hand-over.ts";
import { ppc64 } from "./ppc64/hand-over.ts";

export const handOvers: readonly TreeHandOver[] = [arm64, ppc64];

/** That of the machine that a tree is of, which need not be the one that this runs on. */
export function findHandOver(root: Node): TreeHandOver | undefined {
  return handOvers.find(({ recognize }) => recognize(root));
}

/** Confines a crash kernel to this memory, as kernels of the tree's machine want to be told. Throws Failure. */
export function confineTree(tree: DeviceTree, usable: MemoryRange): void {
  const own = findHandOver(tree.root);
  if (own?.confine === undefined) setUsableMemory(tree, usable);
  else own.confine(tree, usable);
}
