// What a running ppc64 kernel tells of itself in the device tree.

import { property } from "../../devicetree/tree.ts";
import { attempt } from "../../failure.ts";
import type { FactSource } from "../../kexec/facts.ts";
import { type LiveTree, readChosenNumber, readCrashkernel } from "../../kexec/live-tree.ts";
import { readTreeInitrd } from "../../kexec/running-initrd.ts";
import { intersectRanges, type MemoryRange, type NamedRange, NO_END, rangeOfSize } from "../../range.ts";
import type { System } from "../../sys/system.ts";
import { countSecondaryThreads, MOST_SECONDARIES } from "./stub.ts";

/** Its /proc/iomem does not know the crash kernel's region. */
export const facts: FactSource = {
  hasIomem: false,
  initrd: { read: readTreeInitrd },
  read(system, { nodes, all }, tree) {
    const unchecked: string[] = [];
    const find = <T>(what: string, read: () => T): T | undefined =>
      attempt(read, (why) => unchecked.push(`${what} is not checked: ${why}`));
    const isHashed = find("what hash tables take", () => !hasRadixTables(system)) ?? true;
    const isOpal = find("what firmware takes", () => tree.childrenOf("").includes("ibm,opal"));
    const isHashPartition = isHashed && isOpal === false;
    const crash = find("what crashkernel= reserved", () => ({ region: readCrashkernel(tree) }));
    const whyNoCrashkernel = crash === undefined ? unchecked.at(-1) : undefined;
    return {
      // The lowest memory of a memory node (arch/powerpc/kernel/prom.c early_init_dt_add_memory_arch); no block of a
      // partition counts. With radix tables, and without hypervisor, a cpu reaches all (radix_pgtable.c, hash_utils.c).
      rma: isHashPartition ? nodes.find(({ start }) => start === 0n) : undefined,
      // __pa(_end).
      kernelEnd: find("where the running kernel ends", () => readChosenNumber(tree, "linux,kernel-end")),
      taken: [
        ...(isHashed ? (find("the hash page table", () => readHashTable(tree)) ?? []) : []),
        ...(isHashPartition ? (find("what mem= leaves unmapped", () => readUnmapped(tree, all)) ?? []) : []),
      ],
      crashkernel: crash?.region,
      whyNoCrashkernel,
      secondaries:
        isOpal === undefined ? undefined : find("how many cpus there are", () => countSecondaries(tree, isOpal)),
      unchecked,
    };
  },
};

function hasRadixTables(system: System): boolean {
  const cpuinfo = system.mustReadIfThere("/proc/cpuinfo", 1024 * 1024);
  return cpuinfo !== undefined && /^MMU\s*: Radix$/m.test(system.text(cpuinfo));
}

/**
 * Of a machine without hypervisor (arch/powerpc/kexec/core_64.c export_htab_values). A kernel with radix tables leaves
 * what the one before it wrote there.
 */
function readHashTable(tree: LiveTree): NamedRange[] {
  const base = readChosenNumber(tree, "linux,htab-base");
  const size = readChosenNumber(tree, "linux,htab-size");
  if (base === undefined || size === undefined || size === 0n) return [];
  return [{ ...rangeOfSize(base, size), name: "the hash page table" }];
}

/**
 * A partition's kernel with hash tables copies an image with its MMU on (arch/powerpc/kexec/core_64.c, copy_with_mmu_off),
 * and maps no memory beyond mem=. All others copy without (arch/powerpc/kexec/core.c writes the property).
 */
function readUnmapped(tree: LiveTree, memory: readonly MemoryRange[]): NamedRange[] {
  const limit = readChosenNumber(tree, "linux,memory-limit");
  if (limit === undefined || limit === 0n) return [];
  const beyond = intersectRanges({ start: limit, end: NO_END }, memory);
  return beyond.map((range) => ({ ...range, name: "mem= leaves it unmapped" }));
}

/**
 * On OPAL firmware takes the secondary cpus back: none comes to the new kernel's 0x60. undefined where the tree tells
 * of no cpu, or of more than the stub can count.
 */
function countSecondaries(tree: LiveTree, isOpal: boolean): number | undefined {
  const cpus = tree.node("cpus");
  if (cpus === undefined) return undefined;
  if (isOpal) return 0;
  const servers = cpus.children.flatMap((node) => property(node, "ibm,ppc-interrupt-server#s") ?? []);
  const count = servers.length === 0 ? -1 : countSecondaryThreads(servers);
  return count < 0 || count > MOST_SECONDARIES ? undefined : count;
}
