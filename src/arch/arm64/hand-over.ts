// What a tree tells one arm64 kernel only: the next one gets it anew, or not at all.
// Linux: arch/arm64/kernel/kaslr.c.

import { setSeeds } from "../../devicetree/edit/chosen.ts";
import { MARK, mayHave } from "../../devicetree/marks.ts";
import { child, type Node, property } from "../../devicetree/tree.ts";
import { sameRange } from "../../range.ts";
import type { TreeHandOver } from "../arch.ts";
import { confine, tellCoreHeader } from "../chosen-memory.ts";
import { dropStale } from "../stale.ts";
import { hasIts, readLpiTables, wasToldNoLpis } from "./lpi-tables.ts";

const ENABLE_METHOD = "enable-method";
const EFI = "linux,uefi-system-table";

export const arm64: TreeHandOver = {
  names: [ENABLE_METHOD, EFI],
  recognize: isArm64Tree,
  needsReserveMap: true,
  setsSeeds: true,
  apply(system, tree, isOwn, notice) {
    const { root } = tree;
    dropStale(tree);
    setSeeds(root, (length) => system.random(length));
    const chosen = child(root, "chosen");
    const bootargs = property(chosen, "bootargs") ?? new Uint8Array(0);
    if (!hasIts(root) || wasToldNoLpis(system.text(bootargs)) || !isOwn()) return;
    const { ranges, missing } = readLpiTables(system, () => root);
    const more = ranges.filter((range) => !tree.reservations.some((other) => sameRange(range, other)));
    tree.reservations = [...tree.reservations, ...more];
    // EFI's tables hand on what a kernel has reserved for those after it (efi_mem_reserve_persistent).
    if (missing === undefined || property(chosen, EFI) !== undefined) return;
    const fact = `a GICv3 ITS, but the kernel's log names ${missing}`;
    notice("/", `${fact}: --reserve, or irqchip.gicv3_nolpi=1 at its boot`);
  },
  confine,
  tellCoreHeader,
};

/**
 * Whether a tree is arm64's, by what only such a tree has: PSCI, cpus that have an enable-method (a must there,
 * Documentation/devicetree/bindings/arm/cpus.yaml), or what an EFI stub writes. On the ppc64 side some embedded cpus
 * have one too, by the name of PowerPC.
 */
function isArm64Tree(root: Node): boolean {
  const cpus = child(root, "cpus")?.children ?? [];
  return (
    child(root, "psci") !== undefined ||
    property(child(root, "chosen"), EFI) !== undefined ||
    cpus.some(
      (cpu) =>
        !cpu.name.startsWith("PowerPC,") && mayHave(cpu, MARK.arch) && property(cpu, ENABLE_METHOD) !== undefined,
    )
  );
}
