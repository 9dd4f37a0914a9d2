// What a tree tells one arm64 kernel only: the next one gets it anew, or not at all.
// Linux: drivers/of/fdt.c (early_init_dt_scan_chosen), drivers/of/kexec.c, arch/arm64/kernel/kaslr.c.

import { settleLists } from "../../devicetree/changing.ts";
import { handOverNoInitrd, setSeeds } from "../../devicetree/edit/chosen.ts";
import { MARK, mayHave } from "../../devicetree/marks.ts";
import { child, type DeviceTree, type Node, property } from "../../devicetree/tree.ts";
import { sameRange } from "../../range.ts";
import type { ByteString } from "../../sys/engine.ts";
import type { TreeHandOver } from "../arch.ts";
import { confine, tellCoreHeader } from "./confine.ts";
import { hasIts, readLpiTables, wasToldNoLpis } from "./lpi-tables.ts";

/** Of the running kernel's own boot: memory that is in use for something else by now, and the limits of a crash kernel. */
const NOT_HANDED_ON: readonly ByteString[] = [
  "linux,booted-from-kexec",
  "linux,elfcorehdr",
  "linux,ima-kexec-buffer",
  "linux,usable-memory-range",
];

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

/** Takes out of /chosen what is not to be handed on, and the old initrd out of the reserve map. */
function dropStale(tree: DeviceTree): void {
  handOverNoInitrd(tree);
  settleLists();
  const chosen = child(tree.root, "chosen");
  if (chosen !== undefined) chosen.properties = chosen.properties.filter(({ name }) => !NOT_HANDED_ON.includes(name));
}
