// What tells an arm64 crash kernel its memory.

import { rangesValue } from "../../devicetree/cells.ts";
import { memoryCells } from "../../devicetree/memory.ts";
import { childOrNew, type DeviceTree, setProperty } from "../../devicetree/tree.ts";
import type { MemoryRange } from "../../range.ts";
import { USABLE } from "./crash-memory.ts";

export function confine({ root }: DeviceTree, usable: MemoryRange): void {
  setProperty(childOrNew(root, "chosen"), USABLE, rangesValue([usable], memoryCells(root)));
}
