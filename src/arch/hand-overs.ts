// What device trees have to be changed in for the next kernel: a row for each machine that needs it.

import { setBootargs } from "../devicetree/edit/chosen.ts";
import { reserve } from "../devicetree/edit/edits.ts";
import { setUsableMemory } from "../devicetree/edit/usable-memory.ts";
import { textOf } from "../devicetree/strings.ts";
import { child, type DeviceTree, type Node, property } from "../devicetree/tree.ts";
import { hex } from "../failure.ts";
import { setParameter } from "../kexec/parameters.ts";
import type { MemoryRange } from "../range.ts";
import type { TreeHandOver } from "./arch.ts";
import { arm64 } from "./arm64/hand-over.ts";
import { ppc64 } from "./ppc64/hand-over.ts";
import { riscv64 } from "./riscv64/hand-over.ts";

export const handOvers: readonly TreeHandOver[] = [arm64, riscv64, ppc64];

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

/**
 * Tells a crash kernel where the ELF core header is, and that its memory is taken. ppc64 scans /chosen before it knows the
 * root's cells (early_init_devtree), and finds no linux,elfcorehdr there: it goes by the command line alone.
 */
export function tellCoreHeader(tree: DeviceTree, header: MemoryRange): void {
  const own = findHandOver(tree.root);
  if (own?.tellCoreHeader !== undefined) {
    own.tellCoreHeader(tree, header);
    return;
  }
  const line = textOf(property(child(tree.root, "chosen"), "bootargs") ?? new Uint8Array(0));
  setBootargs(tree, setParameter(line, "elfcorehdr", hex(header.start)));
  reserve(tree, [header]);
}
