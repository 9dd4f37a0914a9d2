// /proc/iomem: where a machine without memory nodes has RAM, and what in it a segment must leave alone.
// Kernel: kernel/resource.c (format), arch/x86/kernel/e820.c and arch/arm64/kernel/setup.c (names).

import { type MemoryRange, mergeRanges } from "../range.ts";
import type { System } from "../sys/system.ts";

export interface NamedRange extends MemoryRange {
  /** The kernel's word for it. */
  readonly name: string;
}

export interface Iomem {
  /** "System RAM", sorted and joined. */
  readonly memory: readonly MemoryRange[];
  /** What lies in that RAM and is not the running kernel: "reserved", "ACPI Tables", ... "Crash kernel" is not among it. */
  readonly taken: readonly NamedRange[];
  /** What crashkernel= reserved. Of two parts it is the upper one, which kexec_load takes; the other is below 4 GiB. */
  readonly crashkernel: MemoryRange | undefined;
}

/** `undefined` where it cannot be read, or says nothing: without CAP_SYS_ADMIN all its addresses are 0. */
export function readIomem(system: System): Iomem | undefined {
  const bytes = system.readIfThere("/proc/iomem", 1024 * 1024);
  return bytes === undefined ? undefined : parseIomem(system.text(bytes));
}

/**
 * Reads lines `start-end : name`, hexadecimal, the end inclusive, two spaces of indentation for each level. Children of
 * children change nothing: their parent is taken already. The running kernel ("Kernel code", ...) may be overwritten:
 * the pages of a segment are moved to their place after it has stopped.
 */
export function parseIomem(text: string): Iomem | undefined {
  const memory: MemoryRange[] = [];
  const inside: NamedRange[] = [];
  let inRam = false;
  for (const line of text.split("\n")) {
    const fields = /^( *)([0-9a-f]+)-([0-9a-f]+) : (.*)$/.exec(line);
    if (fields === null) continue;
    const [, indentation = "", first, last, name = ""] = fields;
    const range = { start: BigInt(`0x${first}`), end: BigInt(`0x${last}`) + 1n, name };
    if (indentation === "") {
      inRam = name === "System RAM";
      if (inRam) memory.push({ start: range.start, end: range.end });
    } else if (inRam && indentation.length === 2) inside.push(range);
  }
  if (memory.every(({ end }) => end === 1n)) return undefined;
  const crash = inside.filter(({ name }) => name === "Crash kernel").at(-1);
  return {
    memory: mergeRanges(memory),
    taken: inside.filter(({ name }) => name !== "Crash kernel" && !name.startsWith("Kernel ")),
    crashkernel: crash && { start: crash.start, end: crash.end },
  };
}
