// Linux puts an image into its place by copy_page(), which asks for each page whether Altivec may be used: of `current`, the
// process that called reboot(2). arch/powerpc/kexec/core_64.c (copy_segments) runs on a static stack and a static paca, but
// `current` is where it was, and since thread_info is in task_struct (Linux 5.1) so is preempt_count, the answer. Once the
// image has been copied over it, the answer is what the image has there: if that says "no interrupt", the next page is
// copied by Altivec, for which enable_kernel_altivec() follows current->thread.regs, and the kernel dies without a word.
// So the process that jumps must not lie where the image goes. This finds both, in /proc/kcore.

import { type CoreFile, KCORE, openCore } from "../../dump/core.ts";
import { viewOf } from "../../elf.ts";
import { Failure } from "../../failure.ts";
import type { Copying } from "../../kexec/copying.ts";
import { readChosenNumber, UnreadTree } from "../../kexec/live-tree.ts";
import { type MemoryRange, max, rangeOfSize, roundDown } from "../../range.ts";
import type { System } from "../../sys/system.ts";

/** The linear mapping begins here (PAGE_OFFSET), and ends before the next one (arch/powerpc/include/asm/book3s/64). */
const LINEAR = 0xc000_0000_0000_0000n;
const LINEAR_END = 0xc008_0000_0000_0000n;
/** The highest byte of every address there. */
const LINEAR_BYTE = 0xc0;

/** Of a struct kimage: where it may begin, and how much of one is looked at. It is larger than half of that. */
const IMAGE_ALIGNMENT = 1024n;
const IMAGE_SIZE = 1024;
/** linux/kexec.h: `head` of an image that was loaded, a page's address and this. */
const IND_INDIRECTION = 2n;
const FLAGS = 0xfffn;
const MOST_SEGMENTS = 16;
/** Bytes of a struct kexec_segment: buf, bufsz, mem, memsz. */
const SEGMENT_SIZE = 32;

/** The pointer to the image is in .bss, which ends the kernel: not much farther down, whatever the configuration. */
const SEARCHED = 16n << 20n;
const CHUNK = 256n << 10n;

/** linux/elfcore.h: of /proc/kcore, a note with all of the reading process's task_struct (fs/proc/kcore.c). */
const NT_TASKSTRUCT = 4;

/** A list that is empty points at itself, twice; a new process has a dozen of them. */
const LEAST_LISTS = 3;

/** @throws Failure for what the kernel does not show */
export function findCopying(system: System): Copying {
  const memory = openCore(system, KCORE);
  const kernelEnd = readChosenNumber(new UnreadTree(system), "linux,kernel-end");
  if (kernelEnd === undefined) throw new Failure("/proc/device-tree/chosen/linux,kernel-end", "cannot be read");
  const segments = findSegments(memory, roundDown(kernelEnd, 8n));
  if (segments === undefined) throw new Failure(KCORE, "the loaded image was not found in the kernel's memory");
  return { segments, task: () => findTask(taskOf(memory), system.littleEndian) };
}

/** The task_struct of the process that asks: the notes are made when they are read. */
function taskOf(memory: CoreFile): Uint8Array {
  for (const { type, contents } of memory.notes()) if (type === NT_TASKSTRUCT) return contents;
  throw new Failure(KCORE, "shows no task_struct");
}

/** Where a task_struct lies, by its own bytes. */
function findTask(bytes: Uint8Array, littleEndian: boolean): MemoryRange {
  const view = viewOf(bytes);
  const found = new Map<bigint, number>();
  for (let at = 0; at + 16 <= bytes.length; at += 8) {
    const next = view.getBigUint64(at, littleEndian);
    if (!isLinear(next) || view.getBigUint64(at + 8, littleEndian) !== next) continue;
    const start = next - BigInt(at);
    found.set(start, (found.get(start) ?? 0) + 1);
  }
  const [start, lists] = [...found].reduce((most, each) => (each[1] > most[1] ? each : most), [0n, 0]);
  if (lists < LEAST_LISTS) throw new Failure(KCORE, "where this process's task_struct lies was not found");
  return rangeOfSize(start - LINEAR, BigInt(bytes.length));
}

/** The segments of the loaded image. Its struct kimage has no place that we know, but a shape that nothing else has. */
function findSegments(memory: CoreFile, kernelEnd: bigint): MemoryRange[] | undefined {
  const seen = new Set<bigint>();
  const lowest = max(kernelEnd - SEARCHED, 0n);
  for (let end = kernelEnd; end > lowest; end -= CHUNK) {
    const start = max(end - CHUNK, lowest);
    const bytes = memory.readVirtual(LINEAR | start, Number(end - start));
    for (const pointer of bytes === undefined ? [] : pointersIn(bytes, memory.system.littleEndian)) {
      if (seen.has(pointer)) continue;
      seen.add(pointer);
      const image = memory.readVirtual(pointer, IMAGE_SIZE);
      const segments = image && segmentsIn(image, memory.system);
      if (segments !== undefined) return segments;
    }
  }
  return undefined;
}

/** What may point to a struct kimage. Most of it is zeros, which are not looked at one by one. */
function* pointersIn(bytes: Uint8Array, littleEndian: boolean): Generator<bigint> {
  const view = viewOf(bytes);
  const [highest, lowest] = littleEndian ? [7, 0] : [0, 7];
  for (let at = bytes.indexOf(LINEAR_BYTE); at >= 0; at = bytes.indexOf(LINEAR_BYTE, at + 1)) {
    const start = at - highest;
    if (at % 8 !== highest || bytes[start + lowest] !== 0) continue;
    const pointer = view.getBigUint64(start, littleEndian);
    if (isLinear(pointer) && pointer % IMAGE_ALIGNMENT === 0n) yield pointer;
  }
}

/** The segments of a struct kimage (linux/kexec.h); undefined where this is none, or one of a crash kernel. */
function segmentsIn(bytes: Uint8Array, system: System): MemoryRange[] | undefined {
  const view = viewOf(bytes);
  const word = (at: number): bigint => view.getBigUint64(at, system.littleEndian);
  // `head`, then `entry` and `last_entry`, which point into pages.
  if ((word(0) & FLAGS) !== IND_INDIRECTION || !isLinear(word(8)) || !isLinear(word(16))) return undefined;
  // The number of segments, then that many of them, then zeros up to the most there can be.
  const table = MOST_SEGMENTS * SEGMENT_SIZE;
  for (let at = 24; at + 8 + table <= bytes.length; at += 8) {
    const count = word(at);
    if (count === 0n || count > BigInt(MOST_SEGMENTS)) continue;
    const used = at + 8 + Number(count) * SEGMENT_SIZE;
    if (bytes.subarray(used, at + 8 + table).some((byte) => byte !== 0)) continue;
    const segments = Array.from({ length: Number(count) }, (_, index) => {
      const [size = 0n, start = 0n, memory = 0n] = [8, 16, 24].map((field) =>
        word(at + 8 + index * SEGMENT_SIZE + field),
      );
      return { ...rangeOfSize(start, memory), size };
    });
    const sound = segments.every((segment) => isSegment(segment, BigInt(system.pageSize)));
    if (sound && segments.some(({ start, end }) => start < end)) return segments;
  }
  return undefined;
}

function isLinear(address: bigint): boolean {
  return address >= LINEAR && address < LINEAR_END;
}

/** What kexec_load(2) takes. */
function isSegment({ start, end, size }: MemoryRange & { readonly size: bigint }, page: bigint): boolean {
  return start % page === 0n && end % page === 0n && size <= end - start && end <= LINEAR_END - LINEAR;
}
