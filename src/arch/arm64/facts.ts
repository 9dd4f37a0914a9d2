// What an arm64 machine has in use that its /proc/iomem need not tell.

import type { FactSource } from "../../kexec/facts.ts";
import { type LiveTree, readSubtree } from "../../kexec/live-tree.ts";
import { readTreeInitrd } from "../../kexec/running-initrd.ts";
import type { MemoryRange } from "../../range.ts";
import type { System } from "../../sys/system.ts";
import { hasIts, readLpiTables, wasToldNoLpis } from "./lpi-tables.ts";

export const facts: FactSource = {
  hasIomem: true,
  // ARCH_HAS_KEEPINITRD.
  initrd: { read: readTreeInitrd, keptBy: "keepinitrd" },
  read(system, _memory, tree) {
    const { ranges, missing } = readLpiTables(system, () => readSubtree(tree, ""));
    return {
      // /proc/iomem knows these only where EFI keeps them.
      taken: ranges.map((range) => ({ ...range, name: "an LPI table of the interrupt controller" })),
      unchecked:
        missing === undefined || !needsLpiTables(system, tree, ranges)
          ? []
          : [`what a GICv3 goes on using is not checked: the kernel's log names ${missing}`],
    };
  },
};

/** Whether there are such tables, and nothing but the log tells where they are. */
function needsLpiTables(system: System, tree: LiveTree, known: readonly MemoryRange[]): boolean {
  if (typeof system.statusOfFile("/sys/firmware/efi") !== "number") return false;
  if (wasToldNoLpis(system.text(system.readIfThere("/proc/cmdline") ?? new Uint8Array(0)))) return false;
  if (known.length > 0) return true;
  const root = readSubtree(tree, "");
  return root !== undefined && hasIts(root);
}
