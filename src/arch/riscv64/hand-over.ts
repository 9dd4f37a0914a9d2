// What a tree tells one riscv64 kernel only: the next one gets it anew, or not at all.
// Linux: arch/riscv/kernel/pi/fdt_early.c (get_kaslr_seed), drivers/of/fdt.c (early_init_dt_scan_chosen).

import { setSeeds } from "../../devicetree/edit/chosen.ts";
import { MARK, mayHave } from "../../devicetree/marks.ts";
import { child, type Node, property } from "../../devicetree/tree.ts";
import type { TreeHandOver } from "../arch.ts";
import { confine, tellCoreHeader } from "../chosen-memory.ts";
import { dropStale } from "../stale.ts";

/** Of a cpu, which has one of them (Documentation/devicetree/bindings/riscv/extensions.yaml). */
const ISA = ["riscv,isa", "riscv,isa-base"];

export const riscv64: TreeHandOver = {
  names: ISA,
  recognize: isRiscvTree,
  setsSeeds: true,
  apply(system, tree) {
    dropStale(tree);
    setSeeds(tree.root, (length) => system.random(length));
  },
  confine,
  tellCoreHeader,
};

function isRiscvTree(root: Node): boolean {
  const cpus = child(root, "cpus")?.children ?? [];
  return cpus.some((cpu) => mayHave(cpu, MARK.arch) && ISA.some((name) => property(cpu, name) !== undefined));
}
