// The changes of what /chosen tells the next kernel: its command line, its initrd, its seeds.
// Linux: drivers/of/fdt.c (early_init_dt_scan_chosen), drivers/of/kexec.c.

import { Failure } from "../../failure.ts";
import { type MemoryRange, sameRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import { u64Value } from "../cells.ts";
import { initrdOf } from "../reservations.ts";
import { stringValue } from "../strings.ts";
import { child, childOrNew, type DeviceTree, type Node, removeProperty, setProperty } from "../tree.ts";
import { giveUpPages, reserve } from "./edits.ts";

/** Properties of /chosen, and bytes of each. The kernel wipes the first, and takes the second out of its tree (it may be of any size). */
export const SEEDS = { "kaslr-seed": 8, "rng-seed": 64 } as const;

export function setBootargs({ root }: DeviceTree, text: ByteString): void {
  setProperty(childOrNew(root, "chosen"), "bootargs", stringValue(text));
}

/** Sets the initrd's range and reserves it. An older initrd's entry leaves the reserve map. */
export function setInitrd(tree: DeviceTree, range: MemoryRange): void {
  giveUpInitrd(tree);
  const chosen = childOrNew(tree.root, "chosen");
  setProperty(chosen, "linux,initrd-start", u64Value(range.start));
  setProperty(chosen, "linux,initrd-end", u64Value(range.end));
  reserve(tree, [range]);
  tree.initrd = "replaced";
}

/** Gives the initrd that setInitrd() set another place. One that an edit has changed since stays as it is. */
export function moveInitrd(tree: DeviceTree, from: MemoryRange, to: MemoryRange): void {
  const told = initrdOf(tree.root);
  const chosen = child(tree.root, "chosen");
  if (chosen === undefined || told === undefined || !sameRange(told, from)) return;
  setProperty(chosen, "linux,initrd-start", u64Value(to.start));
  setProperty(chosen, "linux,initrd-end", u64Value(to.end));
  tree.reservations = tree.reservations.map((range) => (sameRange(range, from) ? to : range));
}

/** Forgets the initrd. Throws Failure where there is none, and the hand-over dropped none. */
export function dropInitrd(tree: DeviceTree): void {
  if (!forgetInitrd(tree) && tree.initrd !== "dropped") throw new Failure("/chosen", "no initrd");
  tree.initrd = undefined;
}

/** The same at a hand-over, after which --no-initrd may still be asked for. */
export function handOverNoInitrd(tree: DeviceTree): void {
  if (forgetInitrd(tree)) tree.initrd = "dropped";
}

/** Whether there was any of it. */
function forgetInitrd(tree: DeviceTree): boolean {
  const chosen = child(tree.root, "chosen");
  giveUpInitrd(tree);
  const removed = ["linux,initrd-start", "linux,initrd-end"].filter((name) => chosen && removeProperty(chosen, name));
  return removed.length > 0;
}

/** Takes the initrd's entry, if there is one, out of the reserve map, where prom_init has it in whole pages. */
function giveUpInitrd(tree: DeviceTree): void {
  const old = initrdOf(tree.root);
  if (old !== undefined) giveUpPages(tree, old);
}

/**
 * Fresh seeds for the next kernel's addresses and its random numbers, as the kernel's own kexec_file_load writes them,
 * whether it was given any or not. `random` gives so many random bytes.
 */
export function setSeeds(root: Node, random: (length: number) => Uint8Array): void {
  const chosen = childOrNew(root, "chosen");
  for (const [name, length] of Object.entries(SEEDS)) setProperty(chosen, name, random(length));
}
