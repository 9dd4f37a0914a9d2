// What the running machine is like, as far as it decides whether an image can be loaded and entered.

import { attempt, Failure, hex } from "../failure.ts";
import { type MemoryRange, mergeRanges, type NamedRange } from "../range.ts";
import { errno } from "../sys/errno.ts";
import { endOfNumbers } from "../sys/native.ts";
import errnoText from "../sys/strerror.ts";
import type { System } from "../sys/system.ts";
import { readIomem, whyNoIomem } from "./iomem.ts";
import { LIVE_BLOB } from "./live-paths.ts";
import {
  type LiveTree,
  readKeptMemory,
  readReserveMap,
  readTreeMemory,
  type TreeMemory,
  UnreadTree,
} from "./live-tree.ts";
import { keepsInitrd, readChosenInitrd } from "./running-initrd.ts";

/** What could not be found out is undefined, or empty: its checks are then left to the kernel. */
export interface MachineFacts extends OwnFacts {
  /** Why nothing of the machine is known; undefined where anything is. */
  readonly blind?: string | undefined;
  /** What this program can tell the kernel of, where that is less than all. */
  readonly reach?: MemoryRange | undefined;
  /** 1n where nobody wants whole pages. */
  readonly pageSize: bigint;
  /** e_machine, which is also the kexec architecture. */
  readonly elfMachine: number;
  /** All RAM, sorted and joined; empty where not all of it is known. */
  readonly memory: readonly MemoryRange[];
  /** What in that memory must stay as it is, by the names of those who keep it; it may overlap. */
  readonly taken: readonly NamedRange[];
  /** Bytes that the kernel counts as its RAM. */
  readonly totalRam: bigint | undefined;
  /** Bytes that the kernel finds without ending a process; absent where it does not tell, as before Linux 3.14. */
  readonly available?: bigint | undefined;
  /** The part of what crashkernel= reserved that is below 4 GiB, where it has two. */
  readonly crashkernelLow?: MemoryRange | undefined;
  /** The initrd that the running kernel was started from, where that is still in memory. */
  readonly keptInitrd?: MemoryRange | undefined;
  /** Where the running kernel is. A segment may go over it, unless `kernelEnd` says otherwise. */
  readonly runningKernel?: MemoryRange | undefined;
  /** RAM that is not to be loaded into, and that the running kernel uses. */
  readonly driverRam?: readonly MemoryRange[] | undefined;
  /** What is no RAM, by the names that /proc/iomem has for it; one may lie in another. */
  readonly notRam?: readonly NamedRange[] | undefined;
}

/** What only some machines tell. */
export interface OwnFacts {
  /** More that must stay as it is. */
  readonly taken?: readonly NamedRange[];
  /** More that is not checked, and why: lines for people. */
  readonly unchecked?: readonly string[];
  /** All that a cpu reaches without its MMU. */
  readonly rma?: MemoryRange | undefined;
  /** What a kernel maps when it is entered: the block of so many bytes that it begins, and its tree has to lie in. */
  readonly kernelBlock?: bigint | undefined;
  /** Physical address of the running kernel's end, below which it loads nothing. */
  readonly kernelEnd?: bigint | undefined;
  /** What crashkernel= reserved. */
  readonly crashkernel?: MemoryRange | undefined;
  /** Why that could not be found out; `crashkernel` is undefined then. */
  readonly whyNoCrashkernel?: string | undefined;
  /** Cpus that the running kernel sends to the new one besides the one that boots it. */
  readonly secondaries?: number | undefined;
}

/** How a machine's facts are found. */
export interface FactSource {
  /** Whether its /proc/iomem tells where RAM is, what is taken, and where the crash kernel's region is. */
  readonly hasIomem: boolean;
  /** @param memory as the device tree tells of it */
  read?(system: System, memory: TreeMemory, tree: LiveTree): OwnFacts;
  readonly initrd: InitrdSource;
}

/** How the running kernel's own initrd is found. */
export interface InitrdSource {
  /** Where it was told that it is. */
  read(system: System, tree: LiveTree): MemoryRange | undefined;
  /** A parameter that keeps it, besides retain_initrd. */
  readonly keptBy?: string;
}

/**
 * The one answer, on every machine, to where memory is and what in it is taken.
 * @param live the running machine's device tree, for those who have read it
 */
export function readFacts(system: System, source: FactSource, live: LiveTree = new UnreadTree(system)): MachineFacts {
  const iomem = source.hasIomem ? readIomem(system) : undefined;
  const tree = readTreeMemory(live);
  const known = iomem ?? readTree(system, source, tree, live);
  const own = source.read?.(system, tree, live);
  // The kernel's totalram_pages(), which kernel/kexec_core.c measures segments against.
  const memoryInfo = readMemory(system);
  const totalRam = memoryInfo("MemTotal");
  const blind = whyBlind(system, totalRam);
  const unread: string[] = [];
  const keptInitrd = attempt(
    () => (keepsInitrd(system, source.initrd.keptBy) ? source.initrd.read(system, live) : undefined),
    (why) => unread.push(`the running kernel's initrd is not checked: ${why}`),
  );
  return {
    ...own,
    blind,
    reach: system.abi.word === 8 ? undefined : { start: 0n, end: endOfNumbers(system.abi) },
    pageSize: BigInt(system.pageSize),
    elfMachine: system.elfMachine,
    memory: known.memory,
    taken: [...known.taken, ...(own?.taken ?? [])],
    crashkernel: iomem?.crashkernel ?? own?.crashkernel,
    crashkernelLow: iomem?.crashkernelLow,
    whyNoCrashkernel: source.hasIomem && iomem === undefined ? whyNoIomem(system) : own?.whyNoCrashkernel,
    totalRam,
    available: availableOf(memoryInfo),
    unchecked: blind === undefined ? [...listUnchecked(known, totalRam), ...(own?.unchecked ?? []), ...unread] : [],
    runningKernel: iomem?.runningKernel ?? endsAt(own?.kernelEnd),
    notRam: iomem?.notRam,
    driverRam: iomem?.driverRam,
    keptInitrd,
  };
}

function endsAt(end: bigint | undefined): MemoryRange | undefined {
  return end === undefined ? undefined : { start: 0n, end };
}

/** What there is to know of memory, and lines on what is not. */
interface Known {
  readonly memory: readonly MemoryRange[];
  readonly taken: readonly NamedRange[];
  readonly unchecked?: readonly string[];
}

/** For want of /proc/iomem. */
function readTree(system: System, { hasIomem }: FactSource, tree: TreeMemory, live: LiveTree): Known {
  const unread: string[] = [];
  const tell = (why: string) => unread.push(`some of what is taken is not checked: ${why}`);
  const kept = readKeptMemory(live, tell);
  const initrd = attempt(() => readChosenInitrd(live), tell);
  const map = readReserveMap(system, kept, initrd);
  const leftOut = tree.leftOut.map((range) => ({ ...range, name: "linux,usable-memory leaves it out" }));
  const taken = [...kept, ...(map ?? []), ...leftOut];
  const memory = mergeRanges(tree.all);
  if (hasIomem) {
    return { memory, taken, unchecked: [uncheckedWithoutIomem(whyNoIomem(system), memory, taken), ...unread] };
  }
  const { problem } = tree;
  const what = tree.isThere ? "memory" : "memory, and what of it is taken,";
  return {
    memory,
    taken,
    unchecked: [
      ...(problem === undefined ? [] : [`${what} is not checked: ${problem}`]),
      ...(map === undefined ? listUncheckedMap(system) : []),
      ...unread,
    ],
  };
}

/** Nothing where the kernel has no such file: then there is no map to check. */
function listUncheckedMap(system: System): string[] {
  const isMounted = !system.isMissing("/sys/kernel");
  if (isMounted && system.isMissing(LIVE_BLOB)) return [];
  const why = isMounted ? `${LIVE_BLOB} cannot be read` : "/sys is not mounted";
  return [`what the running kernel was told to reserve is not checked: ${why}`];
}

function uncheckedWithoutIomem(why: string, memory: Known["memory"], taken: Known["taken"]): string {
  if (memory.length === 0) return `memory, and what of it is taken, is not checked: ${why}`;
  const known = taken.length === 0 ? "" : ", but for what the device tree tells,";
  return `what memory is taken${known} is not checked: ${why}`;
}

/** Why nothing of the machine is known. @param totalRam where /proc tells of it */
export function whyBlind(system: System, totalRam: bigint | undefined): string | undefined {
  if (totalRam !== undefined) return undefined;
  const status = system.statusOfFile("/proc/self");
  if (typeof status !== "number") return undefined;
  return status === -errno.ENOENT ? "/proc is not mounted" : `/proc/self: ${errnoText(status)}`;
}

/** @throws Failure where nothing of the machine is known */
export function refuseBlind(blind: string | undefined): void {
  if (blind === undefined) return;
  throw new Failure("the machine", `is not checked: ${blind} (--no-checks loads all the same)`);
}

function listUnchecked({ unchecked = [] }: Known, totalRam: bigint | undefined): readonly string[] {
  if (totalRam !== undefined) return unchecked;
  return [...unchecked, "whether there is memory for the image is not checked: no MemTotal in /proc/meminfo"];
}

/** @param needed bytes */
export function tellShortage(needed: bigint, when: string, available: bigint): string {
  const both = `${hex(needed)} bytes are needed ${when}, and ${hex(available)} are available`;
  return `${both}: the kernel would end processes for the rest`;
}

type MemoryInfo = "MemTotal" | "MemFree" | "MemAvailable" | "SwapFree";

/** What /proc/meminfo says now, in bytes; undefined for a line that is not there. */
export function readMemory(system: System): (name: MemoryInfo) => bigint | undefined {
  const bytes = system.readIfThere("/proc/meminfo");
  const text = bytes && system.text(bytes);
  return (name) => {
    const kibibytes = text && new RegExp(`^${name}: *([0-9]+) kB$`, "m").exec(text)?.[1];
    return kibibytes === undefined ? undefined : BigInt(kibibytes) * 1024n;
  };
}

/** One line of it. */
export function readMemoryInfo(system: System, name: MemoryInfo): bigint | undefined {
  return readMemory(system)(name);
}

/** Bytes that the kernel finds for somebody without ending a process: in memory, and by moving what is there to a disk. */
export function availableOf(memory: ReturnType<typeof readMemory>): bigint | undefined {
  const available = memory("MemAvailable");
  return available && available + (memory("SwapFree") ?? 0n);
}
