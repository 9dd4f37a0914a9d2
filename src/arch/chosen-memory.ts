// What tells a crash kernel its memory in /chosen, and where the crashed one's is told, on machines that read it there.

import { rangesValue } from "../devicetree/cells.ts";
import { memoryCells } from "../devicetree/memory.ts";
import { childOrNew, type DeviceTree, setProperty } from "../devicetree/tree.ts";
import type { MemoryRange } from "../range.ts";
import { USABLE } from "./usable-memory-range.ts";

export function confine({ root }: DeviceTree, usable: MemoryRange): void {
  setProperty(childOrNew(root, "chosen"), USABLE, rangesValue([usable], memoryCells(root)));
}

/** The kernel reserves it by this (drivers/of/fdt.c early_init_dt_check_for_elfcorehdr, fdt_reserve_elfcorehdr). */
export function tellCoreHeader({ root }: DeviceTree, header: MemoryRange): void {
  setProperty(childOrNew(root, "chosen"), "linux,elfcorehdr", rangesValue([header], memoryCells(root)));
}
