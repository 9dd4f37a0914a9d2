// Where the running kernel has which memory, by the program headers of /proc/kcore (fs/proc/kcore.c get_kcore_size).

import { type ProgramHeader, PT_LOAD } from "../elf.ts";
import { type MemoryRange, rangeOfSize } from "../range.ts";

/** Physical memory, and the virtual address of its first byte. */
export interface KernelMap extends MemoryRange {
  readonly address: bigint;
}

export interface KernelMaps {
  /** The virtual address of physical address 0 where all RAM is mapped. */
  readonly linear: bigint;
  /** What is mapped elsewhere, too: the kernel's code and data, where the machine has them in a place of their own. */
  readonly text: readonly KernelMap[];
}

/** p_paddr of what is no memory, as of vmalloc's addresses. */
const NO_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** undefined where they do not tell: before Linux 4.11 all of p_paddr was 0. */
export function mapsOfKernel(headers: readonly ProgramHeader[]): KernelMaps | undefined {
  const maps = headers.flatMap(({ type, physical, address, memorySize }) =>
    type === PT_LOAD && physical !== NO_ADDRESS ? [{ ...rangeOfSize(physical, memorySize), address }] : [],
  );
  if (maps.filter(({ start }) => start === 0n).length > 1) return undefined;
  const bytes = new Map<bigint, bigint>();
  for (const { start, end, address } of maps) {
    const linear = address - start;
    bytes.set(linear, (bytes.get(linear) ?? 0n) + end - start);
  }
  const [largest] = [...bytes].sort(([, a], [, b]) => (a > b ? -1 : a < b ? 1 : 0));
  if (largest === undefined) return undefined;
  const [linear] = largest;
  return { linear, text: maps.filter(({ start, address }) => address - start !== linear) };
}
