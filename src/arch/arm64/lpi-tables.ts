// Memory that a GICv3's redistributors go on using under the next kernel: the tables of its message interrupts (LPIs).
// Linux: drivers/irqchip/irq-gic-v3-its.c. Without EFI nothing but the kernel's log tells where they are; a kernel that
// finds them reserved in its tree goes on with them, one that finds them in its own image overwrites that.

import { isAvailable } from "../../devicetree/memory.ts";
import { textIn, textOf } from "../../devicetree/strings.ts";
import { child, type Node, property } from "../../devicetree/tree.ts";
import { walk } from "../../devicetree/walk.ts";
import { type MemoryRange, rangeOfSize } from "../../range.ts";
import type { System } from "../../sys/system.ts";

/** Of either table, as Linux makes them: LPI_PROPBASE_SZ and LPI_PENDBASE_SZ for up to 16 bits of an LPI's number. */
const TABLE_SIZE = 0x10000n;

const ITS = "arm,gic-v3-its";

const ONLINE = "/sys/devices/system/cpu/online";
/** More than Linux is ever built for. */
const MOST_CPUS = 65536;

export interface LpiTables {
  /** Those that the running kernel's log names. */
  readonly ranges: readonly MemoryRange[];
  /** What the log does not name though it has to be there, in words; undefined where it names all. */
  readonly missing: string | undefined;
}

export function hasIts(root: Node): boolean {
  let found = false;
  walk(root, {
    enter(node) {
      const compatible = property(node, "compatible");
      found ||= compatible !== undefined && textIn(compatible).split("\0").includes(ITS) && isAvailable(node);
    },
  });
  return found;
}

/**
 * The one property table, and the pending table of each cpu that ever came up. The log may not be readable, or have lost
 * its beginning.
 * @param readRoot of the tree whose cpus count where /sys does not tell which are online
 */
export function readLpiTables(system: System, readRoot: () => Node | undefined): LpiTables {
  const log = system.kernelLog();
  return { ranges: findTables(log), missing: findMissing(log, readOnline(system) ?? countCpus(readRoot())) };
}

/** "GICv3: using LPI property table @0x421b0000", "GICv3: CPU0: using allocated LPI pending table @0x421c0000". */
function findTables(log: string): MemoryRange[] {
  const mentions = log.matchAll(/\bLPI (?:property|pending) table @(0x[0-9a-f]+)/g);
  const starts = new Set([...mentions].flatMap(([, start]) => (start === undefined ? [] : [BigInt(start)])));
  return [...starts].map((start) => rangeOfSize(start, TABLE_SIZE));
}

/** @param cpus the numbers of those that have a pending table, or only how many they are */
function findMissing(log: string, cpus: readonly number[] | number): string | undefined {
  const hasProperties = /\bLPI property table @0x/.test(log);
  const mentions = log.matchAll(/\bCPU([0-9]+): (?:using (?:[a-z]+ )?LPI pending table @0x|LPIs not supported)/g);
  const named = new Set([...mentions].map(([, cpu]) => Number(cpu)));
  if (!hasProperties && named.size === 0) return "no LPI tables";
  const pending = typeof cpus === "number" ? countMissing(named.size, cpus) : listMissing(named, cpus);
  const missing = [hasProperties ? undefined : "no LPI property table", pending].filter((each) => each !== undefined);
  return missing.length === 0 ? undefined : missing.join(", and ");
}

function countMissing(named: number, cpus: number): string | undefined {
  return named < cpus ? `LPI pending tables of ${named} cpus of ${cpus}` : undefined;
}

function listMissing(named: ReadonlySet<number>, cpus: readonly number[]): string | undefined {
  const lost = cpus.filter((cpu) => !named.has(cpu));
  return lost.length === 0 ? undefined : `no LPI pending table of cpu ${lost.join(" ")}`;
}

/** The kernel's numbers of the cpus that are up: "0-3,8". */
function readOnline(system: System): number[] | undefined {
  const bytes = system.readIfThere(ONLINE);
  const ranges = bytes && system.text(bytes).trim().split(",");
  if (ranges === undefined || !ranges.every((range) => /^[0-9]{1,5}(-[0-9]{1,5})?$/.test(range))) return undefined;
  return ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: Math.max(0, Math.min(last, MOST_CPUS) - first + 1) }, (_, index) => first + index);
  });
}

/** Those that Linux tries to start. */
function countCpus(root: Node | undefined): number {
  const nodes = (root && child(root, "cpus"))?.children ?? [];
  return nodes.filter((node) => /^cpu(@|$)/.test(node.name) && !hasFailed(node)).length;
}

function hasFailed(cpu: Node): boolean {
  const status = property(cpu, "status");
  return status !== undefined && textOf(status).startsWith("fail");
}

/** A parameter made for kernels that start others (Documentation/admin-guide/kernel-parameters.txt). */
export function wasToldNoLpis(commandLine: string): boolean {
  return /\birqchip\.gicv3_nolpi=[1yY]/.test(commandLine);
}
