// Where a ppc64 kernel and its tree may lie. Linux: arch/powerpc/kexec/elf_64.c, arch/powerpc/kernel/head_64.S,
// arch/powerpc/mm/book3s64/hash_utils.c (hash__setup_initial_memory_limit).

import { hex } from "../../failure.ts";
import { formatRange, NO_END, rangeOfSize, roundUp } from "../../range.ts";
import { LARGE_BSS, type PlacementRules, type PlaceRule } from "../placement.ts";
import { limitRules } from "./memory-limit.ts";
import { copiesItselfDown, LARGEST_PAGE } from "./run-at-load.ts";

/** A kernel of 64 KiB pages maps itself in such; one of 4 KiB pages does with it. */
const PAGE = 0x10000n;

/** A partition's kernel before POWER9 takes no more for what it reaches without MMU. */
const OLD_RMA = rangeOfSize(0n, 0x4000_0000n);

const rules: PlacementRules = {
  page: PAGE,
  rulesOfLine: limitRules,
  needsOf({ head, length, memsz }, { rma }, crash) {
    const copies = !crash && copiesItselfDown(head);
    // Raw bytes do not tell of their bss, which follows them where the kernel stays.
    const isBssUnknown = memsz - BigInt(length) < LARGEST_PAGE;
    const roomySize = isBssUnknown && !copies ? memsz + LARGE_BSS : undefined;
    const size = roundUp(memsz, PAGE);
    const entered: PlaceRule["of"] = ["kernel", "argument"];
    const rules: PlaceRule[] = [
      { of: entered, within: OLD_RMA, fact: "only 1 GiB", isWish: true },
      ...(rma === undefined
        ? []
        : [{ of: entered, within: rma, fact: `without MMU there is only ${formatRange(rma)}` }]),
      ...(copies ? copyRules(size, isBssUnknown) : []),
    ];
    return { size, roomySize, alignment: PAGE, order: ["argument", "kernel", "initrd"], rules };
  },
};

export function ppc64(): PlacementRules {
  return rules;
}

/** @param isBssUnknown whether nothing tells of more than the kernel's bytes */
function copyRules(size: bigint, isBssUnknown: boolean): PlaceRule[] {
  const others: PlaceRule["of"] = ["argument", "initrd"];
  const rule = {
    of: others,
    within: { start: size, end: NO_END },
    fact: `the kernel copies itself to 0x0-${hex(size)}`,
  };
  const wish = { of: others, within: { start: size + LARGE_BSS, end: NO_END }, fact: "its bss", isWish: true };
  return isBssUnknown ? [wish, rule] : [rule];
}
