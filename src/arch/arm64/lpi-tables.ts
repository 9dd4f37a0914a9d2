// Memory that a GICv3's redistributors go on using under the next kernel: the tables of its message interrupts (LPIs).
// Linux: drivers/irqchip/irq-gic-v3-its.c. Without EFI nothing but the kernel's log tells where they are; a kernel that
// finds them reserved in its tree goes on with them, one that finds them in its own image overwrites that.

import { type Node, property } from "../../devicetree/tree.ts";
import { walk } from "../../devicetree/walk.ts";
import { type MemoryRange, rangeOfSize } from "../../range.ts";
import type { System } from "../../sys/system.ts";

/** Of either table, as Linux makes them: LPI_PROPBASE_SZ and LPI_PENDBASE_SZ for up to 16 bits of an LPI's number. */
const TABLE_SIZE = 0x10000n;

const ITS = "arm,gic-v3-its";

export function hasIts(root: Node): boolean {
  let found = false;
  walk(root, {
    enter(node) {
      const compatible = property(node, "compatible");
      found ||=
        compatible !== undefined &&
        String.fromCharCode(...compatible)
          .split("\0")
          .includes(ITS);
    },
  });
  return found;
}

/** The tables that the running kernel's log names; none where it may not be read, or has lost its beginning. */
export function readLpiTables(system: System): MemoryRange[] {
  return findTables(system.kernelLog());
}

/** "GICv3: using LPI property table @0x421b0000", "GICv3: CPU0: using allocated LPI pending table @0x421c0000". */
function findTables(log: string): MemoryRange[] {
  const mentions = log.matchAll(/\bLPI (?:property|pending) table @(0x[0-9a-f]+)/g);
  const starts = new Set([...mentions].flatMap(([, start]) => (start === undefined ? [] : [BigInt(start)])));
  return [...starts].map((start) => rangeOfSize(start, TABLE_SIZE));
}
