// What the running machine is like, as far as it decides whether an image can be loaded and entered.

import { type MemoryRange, mergeRanges } from "../range.ts";
import type { System } from "../sys/system.ts";
import { type NamedRange, readIomem } from "./iomem.ts";
import { readTreeMemory } from "./live-tree.ts";

/** What could not be found out is undefined, or empty: its checks are then left to the kernel. */
export interface MachineFacts extends OwnFacts {
  readonly pageSize: bigint;
  /** e_machine, which is also the kexec architecture. */
  readonly elfMachine: number;
  /** All RAM, sorted and joined; empty where not all of it is known. */
  readonly memory: readonly MemoryRange[];
  /** What in that memory must stay as it is, by the running kernel's names for it. */
  readonly taken: readonly NamedRange[];
  /** Bytes that the kernel counts as its RAM. */
  readonly totalRam: bigint | undefined;
}

/** What only some machines tell. */
export interface OwnFacts {
  /** More that must stay as it is. */
  readonly taken?: readonly NamedRange[];
  /** All that a cpu reaches without its MMU. */
  readonly rma?: MemoryRange | undefined;
  /** Physical address of the running kernel's end, below which it loads nothing. */
  readonly kernelEnd?: bigint | undefined;
  /** What crashkernel= reserved. */
  readonly crashkernel?: MemoryRange | undefined;
  /** Cpus that the running kernel sends to the new one besides the one that boots it. */
  readonly secondaries?: number | undefined;
}

/** How a machine's facts are found. */
export interface FactSource {
  /** Whether its /proc/iomem tells where RAM is, what is taken, and where the crash kernel's region is. */
  readonly hasIomem: boolean;
  /** @param nodes the ranges of the memory nodes, in the order of the device tree */
  read?(system: System, nodes: readonly MemoryRange[]): OwnFacts;
}

export function readFacts(system: System, source: FactSource): MachineFacts {
  const iomem = source.hasIomem ? readIomem(system) : undefined;
  const memory = readTreeMemory(system);
  const own = source.read?.(system, memory.nodes);
  return {
    ...own,
    pageSize: BigInt(system.pageSize),
    elfMachine: system.abi.elfMachine,
    memory: iomem?.memory ?? mergeRanges(memory.all),
    taken: [...(iomem?.taken ?? []), ...(own?.taken ?? [])],
    crashkernel: iomem?.crashkernel ?? own?.crashkernel,
    totalRam: readTotalRam(system),
  };
}

/** MemTotal is the kernel's totalram_pages(), which kernel/kexec_core.c measures segments against. */
function readTotalRam(system: System): bigint | undefined {
  const text = system.readIfThere("/proc/meminfo");
  const kibibytes = text && /^MemTotal: *([0-9]+) kB$/m.exec(system.text(text))?.[1];
  return kibibytes === undefined ? undefined : BigInt(kibibytes) * 1024n;
}
