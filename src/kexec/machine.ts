// What the running machine is like, as far as it decides whether an image can be loaded and entered.

import { lpiTables } from "../arch/arm64/lpi-tables.ts";
import { secondaryThreads } from "../arch/ppc64/stub.ts";
import { oneOrTwoCells } from "../devicetree/cells.ts";
import { treeFromDirectory } from "../devicetree/from/directory.ts";
import { memoryCells, memoryRanges } from "../devicetree/memory.ts";
import { type Node, type Property, property } from "../devicetree/tree.ts";
import { Failure } from "../failure.ts";
import { type MemoryRange, mergeRanges, rangeOfSize } from "../range.ts";
import { EM_PPC64 } from "../sys/abi.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { type NamedRange, readIomem } from "./iomem.ts";

/** What could not be found out is undefined, or empty: its checks are then left to the kernel. */
export interface MachineFacts {
  readonly pageSize: bigint;
  /** e_machine, which is also the kexec architecture. */
  readonly elfMachine: number;
  /** All RAM, sorted and joined; empty where not all of it is known. */
  readonly memory: readonly MemoryRange[];
  /** What in that memory must stay as it is, by the running kernel's names for it. */
  readonly taken: readonly NamedRange[];
  /** ppc64: the real mode area, the first memory node, where a cpu without MMU can be. */
  readonly realMode: MemoryRange | undefined;
  /** ppc64: where the running kernel ends, __pa(_end). */
  readonly kernelEnd: bigint | undefined;
  readonly crashRegion: MemoryRange | undefined;
  /** Bytes the kernel counts as its RAM. */
  readonly totalRam: bigint | undefined;
  /** Cpus that the running kernel sends to the new one besides the one that boots it; undefined where not known. */
  readonly secondaries: number | undefined;
}

const TREE = "/proc/device-tree";

export function machineFacts(system: System): MachineFacts {
  // On ppc64 /proc/iomem does not know the crash kernel's region.
  const iomem = system.abi.elfMachine === EM_PPC64 ? undefined : readIomem(system);
  const memory = unlessFailure(() => memoryNodes(system)) ?? [];
  return {
    pageSize: BigInt(system.pageSize),
    elfMachine: system.abi.elfMachine,
    memory: iomem?.memory ?? (hasMemoryElsewhere(system) ? [] : mergeRanges(memory)),
    taken: [...(iomem?.taken ?? []), ...lpiTablesInUse(system)],
    realMode: system.abi.elfMachine === EM_PPC64 ? memory.find(({ start }) => start === 0n) : undefined,
    kernelEnd: chosenNumber(system, "linux,kernel-end"),
    crashRegion: iomem?.crashRegion ?? crashRegion(system),
    totalRam: totalRam(system),
    secondaries: secondaries(system),
  };
}

/** A GICv3's, which /proc/iomem knows only where EFI keeps them. */
function lpiTablesInUse(system: System): NamedRange[] {
  if (system.machine !== "aarch64") return [];
  return lpiTables(system).map((range) => ({ ...range, name: "an LPI table of the interrupt controller" }));
}

/** The ranges of the root's memory nodes, in their order. */
function memoryNodes(system: System): MemoryRange[] {
  const cells = ["#address-cells", "#size-cells"].flatMap((name): Property[] => {
    const value = system.readIfThere(`${TREE}/${name}`);
    return value === undefined ? [] : [{ name, value }];
  });
  const counts = memoryCells({ name: "", properties: cells, children: [] });
  return namesIn(system, TREE)
    .filter((name) => name === "memory" || name.startsWith("memory@"))
    .map((name) => subtree(system, `${TREE}/${name}`))
    .flatMap((node) => (node === undefined ? [] : memoryRanges(node, counts)));
}

/** A partition that can gain and lose memory lists only some of it in memory nodes (LoPAR, ibm,dynamic-memory). */
function hasMemoryElsewhere(system: System): boolean {
  return namesIn(system, `${TREE}/ibm,dynamic-reconfiguration-memory`).length > 0;
}

function namesIn(system: System, directory: ByteString): ByteString[] {
  return (system.listIfThere(directory) ?? []).map(({ name }) => name).sort();
}

/** The node below a directory of the live tree; undefined where that cannot be read. */
function subtree(system: System, directory: ByteString): Node | undefined {
  const rules = { maxSize: 64 * 1024 * 1024, strict: false, secrets: false, notice: () => {} };
  return unlessFailure(() => treeFromDirectory(system, directory, rules));
}

/** A tree that makes no sense is as good as none: it shall not keep anybody from loading a kernel. */
function unlessFailure<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

function chosenNumber(system: System, name: ByteString): bigint | undefined {
  const value = system.readIfThere(`${TREE}/chosen/${name}`);
  return value && oneOrTwoCells(value);
}

/** ppc64 says it in the tree (machine_kexec_64.c); elsewhere it is not known, and the kernel has to judge. */
function crashRegion(system: System): MemoryRange | undefined {
  const base = chosenNumber(system, "linux,crashkernel-base");
  const size = chosenNumber(system, "linux,crashkernel-size");
  return base === undefined || size === undefined || size === 0n ? undefined : rangeOfSize(base, size);
}

/** MemTotal is the kernel's totalram_pages(), which kernel/kexec_core.c measures segments against. */
function totalRam(system: System): bigint | undefined {
  const text = system.readIfThere("/proc/meminfo");
  const kibibytes = text && /^MemTotal: *([0-9]+) kB$/m.exec(system.text(text))?.[1];
  return kibibytes === undefined ? undefined : BigInt(kibibytes) * 1024n;
}

/** On OPAL firmware takes the secondary cpus back: none comes to the new kernel's 0x60. */
function secondaries(system: System): number | undefined {
  const cpus = subtree(system, `${TREE}/cpus`);
  if (cpus === undefined) return undefined;
  if (namesIn(system, `${TREE}/ibm,opal`).length > 0) return 0;
  const servers = cpus.children.flatMap((node) => property(node, "ibm,ppc-interrupt-server#s") ?? []);
  return servers.length === 0 ? undefined : secondaryThreads(servers);
}
