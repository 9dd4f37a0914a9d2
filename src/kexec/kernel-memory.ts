// Memory that a kernel takes from its start on, as its own header says: more than its file has, and before it looks around.

import { contains, formatRange, overlap, rangeOfSize } from "../range.ts";
import { blame, type EnteredCode, type Finding, findEnteredCode, type NextUse } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import type { KexecImage } from "./image.ts";

export interface KernelMemory {
  /** Bytes. */
  readonly size: bigint;
  /** What says so: `image_size`. */
  readonly reason: string;
}

/** What else is there. */
export function findLackOfMemory(
  image: KexecImage,
  { segment, address }: EnteredCode,
  { size, reason }: KernelMemory,
  { memory, taken, crashkernel }: MachineFacts,
): Finding | undefined {
  const wrong = (fact: string) => blame(image, segment, fact);
  const needed = rangeOfSize(address, size);
  const uses = `the kernel takes ${formatRange(needed)} (${reason})`;
  const other = image.segments.find((each) => each !== segment && overlap(each, needed));
  if (other !== undefined) return blame(image, other, `${uses}: over this segment`);
  if (image.crash && crashkernel !== undefined && !contains(crashkernel, needed)) {
    return wrong(`${uses}, not within the crash kernel's memory ${formatRange(crashkernel)}`);
  }
  if (memory.length > 0 && !memory.some((range) => contains(range, needed))) {
    return wrong(`${uses}, not all of it memory`);
  }
  const hit = taken.find((range) => overlap(range, needed));
  return hit && wrong(`${uses}, over ${formatRange(hit)}: ${hit.name}`);
}

/** @param memoryOf undefined for code that does not say it */
export function listKernelMemory(
  image: KexecImage,
  memoryOf: (bytes: Uint8Array) => KernelMemory | undefined,
): NextUse[] {
  return findEnteredCode(image).flatMap(({ segment, address, bytes }) => {
    const memory = memoryOf(bytes);
    if (memory === undefined) return [];
    const what = `needs this too (${memory.reason})`;
    return [{ ...rangeOfSize(address, memory.size), what, kernel: segment, sharers: [segment] }];
  });
}
