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
    const tell = (why: string) => {
      if (mayLieAnywhere(system)) unchecked.push(`what a GICv3 goes on using is not checked: ${why}`);
    };
    const readRoot = () => attempt(() => tree.node(""), tell);
    const { ranges, missing } = readLpiTables(system, readRoot);
    if (missing !== undefined && unchecked.length === 0 && mayLieAnywhere(system) && hasTables(readRoot, ranges)) {
      tell(`the kernel's log names ${missing}`);
    }
    // /proc/iomem knows these only where EFI keeps them.
    return {
      taken: ranges.map((range) => ({ ...range, name: "an LPI table of the interrupt controller" })),
      unchecked,
    };
  },
};

/** Whether nothing but the log would tell where such tables are. */
function mayLieAnywhere(system: System): boolean {
  if (typeof system.statusOfFile("/sys/firmware/efi") !== "number") return false;
  return !wasToldNoLpis(system.text(system.readIfThere("/proc/cmdline") ?? new Uint8Array(0)));
}

/** Whether there are such tables. */
function hasTables(readRoot: () => Node | undefined, known: readonly MemoryRange[]): boolean {
  if (known.length > 0) return true;
  const root = readRoot();
  return root !== undefined && hasIts(root);
}
