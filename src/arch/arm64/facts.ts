// What an arm64 machine has in use that its /proc/iomem need not tell.

import type { Node } from "../../devicetree/tree.ts";
import { attempt } from "../../failure.ts";
import type { FactSource } from "../../kexec/facts.ts";
import { readTreeInitrd } from "../../kexec/running-initrd.ts";
import type { MemoryRange } from "../../range.ts";
import type { System } from "../../sys/system.ts";
import { hasIts, readLpiTables, wasToldNoLpis } from "./lpi-tables.ts";

export const facts: FactSource = {
  hasIomem: true,
  // ARCH_HAS_KEEPINITRD.
  initrd: { read: readTreeInitrd, keptBy: "keepinitrd" },
  read(system, _memory, tree) {
    const unchecked: string[] = [];
    const tell = (why: string) => unchecked.push(`what a GICv3 goes on using is not checked: ${why}`);
    const readRoot = () => attempt(() => tree.node(""), tell);
    const { ranges, missing } = readLpiTables(system, readRoot);
    if (missing !== undefined && unchecked.length === 0 && needsLpiTables(system, readRoot, ranges)) {
      tell(`the kernel's log names ${missing}`);
    }
    // /proc/iomem knows these only where EFI keeps them.
    return {
      taken: ranges.map((range) => ({ ...range, name: "an LPI table of the interrupt controller" })),
      unchecked,
    };
  },
};

/** Whether there are such tables, and nothing but the log tells where they are. */
function needsLpiTables(system: System, readRoot: () => Node | undefined, known: readonly MemoryRange[]): boolean {
  if (typeof system.statusOfFile("/sys/firmware/efi") !== "number") return false;
  if (wasToldNoLpis(system.text(system.readIfThere("/proc/cmdline") ?? new Uint8Array(0)))) return false;
  if (known.length > 0) return true;
  const root = readRoot();
  return root !== undefined && hasIts(root);
}
