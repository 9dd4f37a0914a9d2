// /proc/iomem: where a machine without memory nodes has RAM, and what in it a segment must leave alone.
// Kernel: kernel/resource.c (format), arch/x86/kernel/e820.c and arch/arm64/kernel/setup.c (names).

import { hullOf, type MemoryRange, mergeRanges, type NamedRange } from "../range.ts";
import type { System } from "../sys/system.ts";

const IOMEM = "/proc/iomem";

export interface Iomem {
  /** "System RAM", sorted and joined. */
  readonly memory: readonly MemoryRange[];
  /**
   * What lies in that RAM and is not the running kernel, by the kernel's names: "reserved", "ACPI Tables", ... "Crash
   * kernel" is not among it.
   */
  readonly taken: readonly NamedRange[];
  /** What crashkernel= reserved. Of two parts it is the upper one, which kexec_load takes. */
  readonly crashkernel: MemoryRange | undefined;
  /** The other part, below 4 GiB, which the crash kernel gets for its devices. */
  readonly crashkernelLow: MemoryRange | undefined;
  /** From the running kernel's first byte to its last. */
  readonly runningKernel: MemoryRange | undefined;
  /** What is no RAM, by the kernel's names; one may lie in another. */
  readonly notRam: readonly NamedRange[];
  /** RAM that a driver brought, "System RAM (kmem)": the kernel uses it, and nobody may load into it. */
  readonly driverRam: readonly MemoryRange[];
}

/** `undefined` where it cannot be read, or says nothing: without CAP_SYS_ADMIN all its addresses are 0. */
export function readIomem(system: System): Iomem | undefined {
  const bytes = system.readIfThere(IOMEM, 1024 * 1024);
  return bytes === undefined ? undefined : parseIomem(system.text(bytes));
}

/** Why readIomem() gave nothing. */
export function whyNoIomem(system: System): string {
  const isThere = system.readStartIfThere(IOMEM, 1) !== undefined;
  return `${IOMEM} ${isThere ? "shows no addresses to this user" : "cannot be read"}`;
}

/**
 * Reads lines `start-end : name`, hexadecimal, the end inclusive, two spaces of indentation for each level. Children of
 * children change nothing: their parent is taken already. The running kernel ("Kernel code", ...) may be overwritten:
 * the pages of a segment are moved to their place after it has stopped.
 */
export function parseIomem(text: string): Iomem | undefined {
  const memory: MemoryRange[] = [];
  const inside: NamedRange[] = [];
  const notRam: NamedRange[] = [];
  const driverRam: MemoryRange[] = [];
  let inRam = false;
  for (const line of text.split("\n")) {
    const fields = /^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$/.exec(line);
    if (fields === null) continue;
    const [, indentation = "", first, last, name = ""] = fields;
    const range = { start: BigInt(`0x${first}`), end: BigInt(`0x${last}`) + 1n, name };
    if (name.startsWith("System RAM (")) driverRam.push({ start: range.start, end: range.end });
    if (indentation === "") {
      inRam = name === "System RAM";
      if (inRam) memory.push({ start: range.start, end: range.end });
      else notRam.push(range);
    } else if (inRam && indentation.length === 2) inside.push(range);
  }
  if (memory.every(({ end }) => end === 1n)) return undefined;
  const crash = inside.filter(({ name }) => name === "Crash kernel").map(({ start, end }) => ({ start, end }));
  const isKernel = ({ name }: NamedRange) => name.startsWith("Kernel ");
  return {
    memory: mergeRanges(memory),
    taken: inside.filter((range) => range.name !== "Crash kernel" && !isKernel(range)),
    crashkernel: crash.at(-1),
    crashkernelLow: crash.at(-2),
    runningKernel: hullOf(inside.filter(isKernel)),
    notRam,
    driverRam,
  };
}
