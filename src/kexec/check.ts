// What a check of an image is, how its findings are worded, and what checks ask of an image.

import { contains, formatRange, type MemoryRange, rangeOfSize } from "../range.ts";
import type { ErrnoName } from "../sys/errno.ts";
import type { MachineFacts } from "./facts.ts";
import type { KexecImage, Segment } from "./image.ts";
import { readKernelAddress } from "./stub.ts";

/** As a Failure has it. */
export interface Finding {
  readonly place: string;
  readonly fact: string;
  /** The segment that `place` names. */
  readonly segment?: Segment;
  /** Whether `fact` says what to do. */
  readonly isAdvised?: boolean;
}

/** Memory that the next kernel writes to before it looks around, wherever its segment ends. */
export interface NextUse extends MemoryRange {
  /** What it does there, as said of it: `copies itself here`. */
  readonly what: string;
  /** The segment that it is in. */
  readonly kernel: Segment;
  /** The segments that may lie there, its own among them. */
  readonly sharers: readonly Segment[];
}

export interface Check {
  /** As docs/loading.md has it, where every check has its row: what is refused, and the source of that rule. */
  readonly name: string;
  /** What the kernel would answer; undefined for what it does not look at, and the new kernel would die of. */
  readonly errno: ErrnoName | undefined;
  find(image: KexecImage, facts: MachineFacts): Finding | undefined;
}

/** How messages name a segment: `segment 1 (0x6000000-0x6500000, vmlinux.kexec)`. */
export function nameSegment(image: KexecImage, segment: Segment): string {
  return `segment ${image.segments.indexOf(segment)} (${formatRange(segment)}, ${segment.from})`;
}

/** The same with what asked for it: `segment 1 (0x6000000-0x6500000, vmlinux.kexec) of argument 6 (-a)`. */
export function nameSegmentAndArgument(image: KexecImage, segment: Segment): string {
  return nameSegment(image, segment) + (segment.label === undefined ? "" : ` of ${segment.label}`);
}

export function blame(image: KexecImage, segment: Segment, fact: string): Finding {
  return { place: nameSegment(image, segment), fact, segment };
}

/** The same where `fact` says what to do. */
export function blameWithAdvice(image: KexecImage, segment: Segment, fact: string): Finding {
  return { ...blame(image, segment, fact), isAdvised: true };
}

/** A finding on the first segment for which `factOf` has a fact. */
export function findInSegments(
  image: KexecImage,
  factOf: (segment: Segment) => string | undefined,
): Finding | undefined {
  for (const segment of image.segments) {
    const fact = factOf(segment);
    if (fact !== undefined) return blame(image, segment, fact);
  }
  return undefined;
}

/** The entry's segment, and those whose addresses were stored for it: a stub and its kernel. */
export function findEnteredSegments({ entry, segments, words }: KexecImage): Segment[] {
  return segments.filter(
    (segment) => (entry !== undefined && contains(segment, rangeOfSize(entry, 4n))) || isChained(words, segment),
  );
}

/** What is to be executed: where, and what lies there, to the end of the segment's bytes. */
export interface EnteredCode {
  /** By whom: the running kernel (kexec), a stub of ours, or other code that its address was stored in. */
  readonly by: "kexec" | "stub" | "code";
  readonly segment: Segment;
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

/** What is at the entry, what our stub there enters, and what begins where an address was stored for other code. */
export function findEnteredCode({ entry, segments, handed, words }: KexecImage): EnteredCode[] {
  const at = (by: EnteredCode["by"], address: bigint | undefined): EnteredCode[] => {
    const segment = segments.find((each) => address !== undefined && contains(each, rangeOfSize(address, 1n)));
    if (address === undefined || segment === undefined) return [];
    return [{ by, segment, address, bytes: segment.bytes.subarray(Number(address - segment.start)) }];
  };
  const stub = handed?.target.stub;
  const kernel = handed && stub && readKernelAddress(stub, handed.segment.bytes);
  const chained = words.filter(({ kind, value }) => kind === "chain" && value !== kernel);
  return [...at("kexec", entry), ...at("stub", kernel), ...chained.flatMap(({ value }) => at("code", value))];
}

/** Whether the segment's address was stored in another segment. */
export function isChained(words: KexecImage["words"], { start }: Segment): boolean {
  return words.some(({ kind, value }) => kind === "chain" && value === start);
}

/** The 32-bit big endian word at `offset`; undefined beyond the end. */
export function wordAt(bytes: Uint8Array, offset: number): number | undefined {
  if (bytes.length < offset + 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
}
