// The ELF core header for a crash kernel: what the running machine tells of its memory, its cpus and its kernel.

import type { CoreRules, OverwrittenMemory } from "../arch/arch.ts";
import { coreRules } from "../arch/core-rules.ts";
import { type CoreFile, KCORE, openCore } from "../dump/core.ts";
import { attempt, Failure, hex } from "../failure.ts";
import { noCrashkernel } from "../kexec/checks.ts";
import { readCpuNotes, readVmcoreinfo } from "../kexec/crash-notes.ts";
import {
  type CopiedMemory,
  type CoreParts,
  type CoreSizes,
  makeCoreHeader,
  sizeOfCoreHeader,
} from "../kexec/elfcorehdr.ts";
import type { MachineFacts } from "../kexec/facts.ts";
import { readHotplug } from "../kexec/hotplug.ts";
import { type KernelMaps, mapsOfKernel } from "../kexec/kernel-maps.ts";
import { readUnmappedMemory, UnreadTree } from "../kexec/live-tree.ts";
import { formatRange, intersectRanges, isWithinSorted, type MemoryRange, NO_END, subtractRanges } from "../range.ts";
import type { System } from "../sys/system.ts";
import { pageOf } from "./next-places.ts";

export interface CoreHeaderWishes {
  /** More memory that is not to be saved. */
  readonly without: readonly MemoryRange[];
  /** Whether its address will be known: nothing can be copied otherwise. */
  readonly hasPlace: boolean;
  /** Whether the running kernel is to mend it. */
  readonly hotplug: boolean;
}

export interface CoreHeader {
  /** Bytes, in whole pages. */
  readonly size: bigint;
  readonly parts: CoreParts;
  /** What the running kernel did not tell, and a dump will lack: lines for people. */
  readonly lacks: readonly string[];
  /** What is left out as it is on this machine: the same. */
  readonly notes: readonly string[];
  /** Flags of kexec_load(2) that let the kernel do what was wished. */
  readonly flags: number;
  /** The bytes for a header at this address. */
  place(address: bigint): Uint8Array;
}

/** @throws Failure where there is no crash kernel's region, or the running kernel does not tell enough */
export function readCoreHeader(system: System, facts: MachineFacts, wishes: CoreHeaderWishes): CoreHeader {
  const rules = coreRules[system.machine];
  const ram = readRam(system, facts, rules);
  const lacks: string[] = [];
  const notes: string[] = [];
  const kernel = openKernelMemory(system, lacks);
  const vmcoreinfo = readVmcoreinfo(system);
  if (vmcoreinfo === undefined) lacks.push("no /sys/kernel/vmcoreinfo: a dump will not tell how its kernel was built");
  const copied = copyOverwritten(rules.overwritten, ram, wishes, kernel, { lacks, notes });
  const { overwritten } = rules;
  const memory = subtractRanges(ram, [...wishes.without, ...(overwritten === undefined ? [] : [overwritten])]);
  const parts = {
    elfMachine: facts.elfMachine,
    endian: system.abi.endian,
    notes: [...readCpuNotes(system), ...(vmcoreinfo === undefined ? [] : [vmcoreinfo])],
    memory,
    copied,
    ...mapsFor(rules, ram, kernel && mapsOfKernel(kernel.headers), lacks),
  };
  const hotplug = wishes.hotplug ? readHotplug(system, rules.hotplugFlag) : undefined;
  const sizes: CoreSizes = { page: pageOf(system.machine, facts), least: hotplug?.least ?? 0n };
  return {
    size: sizeOfCoreHeader(parts, sizes),
    parts,
    lacks,
    notes,
    flags: hotplug?.flag ?? 0,
    place: (address) => makeCoreHeader(parts, sizes, address),
  };
}

/** What the running kernel uses, without what is kept for the crash kernel, and what nobody may read. */
function readRam(system: System, facts: MachineFacts, { limit, isFirmware }: CoreRules): MemoryRange[] {
  const { memory, driverRam = [], crashkernel, crashkernelLow, whyNoCrashkernel, unchecked = [] } = facts;
  if (whyNoCrashkernel !== undefined) throw new Failure("memory", whyNoCrashkernel);
  if (crashkernel === undefined) throw new Failure(noCrashkernel.place, noCrashkernel.fact);
  if (memory.length === 0) throw new Failure("memory", unchecked[0] ?? "where there is memory is not known");
  const end = limit?.(system);
  return subtractRanges(
    [...memory, ...driverRam],
    [
      crashkernel,
      ...(crashkernelLow === undefined ? [] : [crashkernelLow]),
      ...readUnmappedMemory(new UnreadTree(system), isFirmware),
      ...(end === undefined || end === 0n ? [] : [{ start: end, end: NO_END }]),
    ],
  );
}

function openKernelMemory(system: System, lacks: string[]): CoreFile | undefined {
  return attempt(
    () => openCore(system, KCORE),
    (why) => lacks.push(`the running kernel's own memory cannot be read: ${why}`),
  );
}

/** Where the kernel has its memory; guessed where it does not tell. */
function mapsFor(
  { linear, isLinearFixed }: CoreRules,
  ram: readonly MemoryRange[],
  maps: KernelMaps | undefined,
  lacks: string[],
): KernelMaps {
  if (maps !== undefined) {
    const text = maps.text.filter((map) => isWithinSorted(map, ram));
    return isLinearFixed ? { linear: linear(ram), text } : { ...maps, text };
  }
  const guess = linear(ram);
  if (!isLinearFixed) {
    lacks.push(`virtual addresses are a guess: RAM from ${hex(BigInt.asUintN(64, guess))} on, and none for the kernel`);
  }
  return { linear: guess, text: [] };
}

/** undefined where it is left out. */
function copyOverwritten(
  overwritten: OverwrittenMemory | undefined,
  ram: readonly MemoryRange[],
  { hasPlace, without }: CoreHeaderWishes,
  kernel: CoreFile | undefined,
  { lacks, notes }: { readonly lacks: string[]; readonly notes: string[] },
): CopiedMemory | undefined {
  if (overwritten === undefined || intersectRanges(overwritten, ram).length === 0) return undefined;
  const leaveOut = (why: string, told = notes) => {
    told.push(`${formatRange(overwritten)}, ${overwritten.what}, is left out: ${why}`);
    return undefined;
  };
  if (!overwritten.isConstant) return leaveOut("the crash kernel writes there");
  if (intersectRanges(overwritten, without).length > 0) return undefined;
  if (!hasPlace) return leaveOut("the crash kernel writes there, and a copy needs -b");
  if (!isWithinSorted(overwritten, ram)) return leaveOut("not all of it is memory");
  const map = kernel && mapsOfKernel(kernel.headers);
  const size = Number(overwritten.end - overwritten.start);
  const bytes = map && kernel?.readVirtual(BigInt.asUintN(64, map.linear + overwritten.start), size);
  return bytes === undefined
    ? leaveOut("the crash kernel writes there, and it cannot be copied", lacks)
    : { start: overwritten.start, bytes };
}
