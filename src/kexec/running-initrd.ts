// The initrd that the running kernel was started from: where it was, and whether its memory is still what it was.
// Linux: init/initramfs.c (do_populate_rootfs), which gives that memory to everybody once it has unpacked it.

import { treeFromBlob } from "../devicetree/from/blob.ts";
import { initrdOf } from "../devicetree/reservations.ts";
import type { MemoryRange } from "../range.ts";
import type { System } from "../sys/system.ts";
import { LIVE_BLOB } from "./live-paths.ts";
import { type LiveTree, readChosenNumber } from "./live-tree.ts";
import { wordsOfLine } from "./parameters.ts";

/** Bytes of a firmware's blob that is read here. */
const LARGEST_BLOB = 4 * 1024 * 1024;

/** What is there since Linux 6.9 where an initrd is kept. */
const KEPT = "/sys/firmware/initrd";

/**
 * Whether the running kernel was told to keep its initrd's memory.
 * @param ownWord a parameter of the machine's that says the same as retain_initrd
 * @throws Failure where that cannot be read
 */
export function keepsInitrd(system: System, ownWord?: string): boolean {
  if (!system.isMissing(KEPT)) return true;
  const line = system.mustReadIfThere("/proc/cmdline");
  const text = line === undefined ? "" : system.text(line);
  const spelled = text.replaceAll("-", "_");
  // Few lines say such a word anywhere. The others are not taken apart, which takes the small engine long.
  const said = ["retain_initrd", ownWord].filter((word) => word !== undefined && spelled.includes(word));
  if (said.length === 0) return false;
  return wordsOfLine(text).some(({ name, value }) => value === "" && said.includes(name.replaceAll("-", "_")));
}

/** Where the directory says that it was. */
export function readChosenInitrd(tree: LiveTree): MemoryRange | undefined {
  const start = readChosenNumber(tree, "linux,initrd-start");
  const end = readChosenNumber(tree, "linux,initrd-end");
  return start === undefined || end === undefined ? undefined : { start, end };
}

/** The same, or without a directory what the firmware's blob says. @throws Failure where it is there and cannot be read */
export function readTreeInitrd(system: System, tree: LiveTree): MemoryRange | undefined {
  const chosenInitrd = readChosenInitrd(tree);
  if (chosenInitrd !== undefined) return chosenInitrd;
  const blob = system.mustReadIfThere(LIVE_BLOB, LARGEST_BLOB);
  const chosen = (name: string): boolean => name === "chosen";
  return blob && initrdOf(treeFromBlob(blob, LIVE_BLOB, chosen).root);
}
