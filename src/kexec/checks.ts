// Everything that can be known to be wrong with an image before the kernel is asked, as a table; machines add rows.
// Kernel rules: kernel/kexec_core.c sanity_check_segment_list, kernel/kexec.c, arch/powerpc/kexec/core_64.c.

import { Failure, hex } from "../failure.ts";
import { contains, formatRange, formatRanges, type MemoryRange, overlap, rangeOfSize, roundUp } from "../range.ts";
import { errno } from "../sys/errno.ts";
import { MOST_SEGMENTS } from "./calls.ts";
import { blame, type Check, type Finding, findInSegments, nameSegment, nameSegmentAndArgument } from "./check.ts";
import { type MachineFacts, tellShortage } from "./facts.ts";
import type { KexecImage, Segment } from "./image.ts";

/** In the order of importance: of an image with several faults only the first is reported. */
export const checks: readonly Check[] = [
  { name: "segment-count", errno: "EINVAL", find: tooManySegments },
  { name: "segment-end", errno: "EADDRNOTAVAIL", find: eachSegment(endsAboveAll) },
  { name: "pages", errno: "EADDRNOTAVAIL", find: eachSegment(unaligned) },
  { name: "overlap", errno: "EINVAL", find: overlapping },
  { name: "crashkernel", errno: "EADDRNOTAVAIL", find: outsideCrashkernel },
  { name: "kernel-end", errno: "ETXTBSY", find: eachSegment(belowKernelEnd) },
  { name: "taken", errno: undefined, find: eachSegment(overTaken) },
  { name: "memory", errno: undefined, find: eachSegment(outsideMemory) },
  { name: "half-of-ram", errno: "EINVAL", find: overHalfOfRam },
  { name: "entry", errno: undefined, find: entryNowhere },
];

/**
 * Last among the own checks of those who load at once. The others find what is wrong with an image for good; this tells of the
 * moment, of which nothing follows for an image that is only looked at, kept or moved.
 */
export const available: Check = { name: "available", errno: "ENOMEM", find: overAvailable };

/** What finds the first segment for which `factOf` has a fact. */
function eachSegment(factOf: (segment: Segment, facts: MachineFacts) => string | undefined): Check["find"] {
  return (image, facts) => findInSegments(image, (segment) => factOf(segment, facts));
}

/**
 * The first thing that is wrong.
 * @param own the checks of the running machine
 */
export function findFault(image: KexecImage, facts: MachineFacts, own: readonly Check[]): Finding | undefined {
  for (const { find } of [...checks, ...own]) {
    const finding = find(image, facts);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** @throws Failure for what findFault() finds */
export function checkImage(image: KexecImage, facts: MachineFacts, own: readonly Check[]): void {
  const fault = findFault(image, facts, own);
  if (fault !== undefined) throw new Failure(fault.place, fault.fact);
}

/** What explains the kernel's `result`, for those who skipped the checks. */
export function explain(
  image: KexecImage,
  facts: MachineFacts,
  own: readonly Check[],
  result: number,
): string | undefined {
  for (const { errno: answer, find } of [...checks, ...own]) {
    if (answer === undefined || errno[answer] !== -result) continue;
    const finding = find(image, facts);
    if (finding === undefined) continue;
    const { place, fact, segment } = finding;
    return `${segment === undefined ? place : nameSegmentAndArgument(image, segment)}: ${fact}`;
  }
  return undefined;
}

function tooManySegments({ segments }: KexecImage): Finding | undefined {
  if (segments.length <= MOST_SEGMENTS) return undefined;
  return { place: `${segments.length} segments`, fact: `the kernel takes at most ${MOST_SEGMENTS}` };
}

function endsAboveAll({ end }: Segment): string | undefined {
  return end > 1n << 64n ? "ends above 2^64" : undefined;
}

function unaligned({ start, end }: Segment, { pageSize }: MachineFacts): string | undefined {
  const pages = `the running kernel's pages of ${hex(pageSize)} bytes`;
  if (start % pageSize !== 0n) return `the start ${hex(start)} is not a multiple of ${pages}`;
  if (end % pageSize === 0n) return undefined;
  return `the size ${hex(end - start)} is not a multiple of ${pages}: -r ${hex(pageSize)} rounds it up`;
}

function overlapping(image: KexecImage): Finding | undefined {
  const { segments } = image;
  for (const [index, segment] of segments.entries()) {
    const other = segments.slice(0, index).find((earlier) => overlap(earlier, segment));
    if (other !== undefined) return blame(image, segment, `overlaps ${nameSegment(image, other)}`);
  }
  return undefined;
}

export const noCrashkernel: Finding = {
  place: "-p",
  fact: "no memory is reserved for a crash kernel: boot with crashkernel=SIZE@START",
};

function outsideCrashkernel(image: KexecImage, facts: MachineFacts): Finding | undefined {
  const { crashkernel, memory, whyNoCrashkernel } = facts;
  if (!image.crash) return undefined;
  if (crashkernel === undefined) {
    // Where the machine's memory is not known, neither is the region.
    if (memory.length === 0 || whyNoCrashkernel !== undefined) return undefined;
    return noCrashkernel;
  }
  return findInSegments(image, (segment) =>
    contains(crashkernel, segment) ? undefined : `not within the crash kernel's memory ${formatRange(crashkernel)}`,
  );
}

function belowKernelEnd({ start }: Segment, { kernelEnd }: MachineFacts): string | undefined {
  if (kernelEnd === undefined || start >= kernelEnd) return undefined;
  return `starts below ${hex(kernelEnd)}, where the running kernel ends`;
}

function outsideMemory(segment: Segment, { memory }: MachineFacts): string | undefined {
  if (memory.length === 0 || memory.some((range) => contains(range, segment))) return undefined;
  return `not within the machine's memory ${formatRanges(memory)}`;
}

/** Most kernels load there without a word. */
function overTaken(segment: Segment, { taken }: MachineFacts): string | undefined {
  const hit = taken.find((range) => overlap(range, segment));
  return hit && `lies over ${formatRange(hit)}, which is taken: ${hit.name}`;
}

/** What a segment may have at most, and all of them together; undefined where that is not known. */
export function halfOfRam({ pageSize, totalRam }: MachineFacts): bigint | undefined {
  return totalRam === undefined ? undefined : (totalRam / pageSize / 2n) * pageSize;
}

/** Bytes that the kernel counts for it: whole pages. */
function sizeInPages({ start, end }: MemoryRange, { pageSize }: MachineFacts): bigint {
  return roundUp(end - start, pageSize);
}

/**
 * Until the jump the image lies in other memory, zeros and all. The kernel does not say ENOMEM where there is too little: it ends
 * processes, the largest first, whosever they are. A crash kernel is copied to its place at once.
 */
function overAvailable(image: KexecImage, facts: MachineFacts): Finding | undefined {
  if (facts.available === undefined || image.crash) return undefined;
  const sum = image.segments.reduce((total, segment) => total + sizeInPages(segment, facts), 0n);
  if (sum <= facts.available) return undefined;
  return { place: "all segments", fact: tellShortage(sum, "until the jump", facts.available) };
}

function overHalfOfRam(image: KexecImage, facts: MachineFacts): Finding | undefined {
  const half = halfOfRam(facts);
  if (half === undefined) return undefined;
  const size = (segment: MemoryRange) => sizeInPages(segment, facts);
  const over = findInSegments(image, (segment) =>
    size(segment) > half ? `${hex(size(segment))} bytes are more than half of the RAM, ${hex(half)}` : undefined,
  );
  if (over !== undefined) return over;
  const sum = image.segments.reduce((total, segment) => total + size(segment), 0n);
  if (sum <= half) return undefined;
  return { place: "all segments", fact: `${hex(sum)} bytes are more than half of the RAM, ${hex(half)}` };
}

function entryNowhere({ entry, segments }: KexecImage): Finding | undefined {
  if (entry === undefined) return { place: "entry", fact: "none is set: -e after an -a sets it" };
  if (segments.some((segment) => contains(segment, rangeOfSize(entry, 4n)))) return undefined;
  return { place: `entry ${hex(entry)}`, fact: "lies in no segment" };
}
