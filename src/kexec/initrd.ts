// The initrd that the next kernel is told of, held against what is loaded. A kernel that is told wrong unpacks whatever
// is there, and gives that memory away afterwards: nothing of this it would say, or nothing that one understands.

import { hex } from "../failure.ts";
import { contains, formatRange, type MemoryRange, overlap, rangeOfSize, subtractRanges } from "../range.ts";
import { blame, type Finding } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import { endOfFile, type Handed, type KexecImage, kernelFor, type Segment } from "./image.ts";

/** Who tells the next kernel of its initrd. */
export interface Teller {
  /** In messages: `the tree`. */
  readonly name: string;
  /** How to have another initrd told, or none. */
  readonly advice: string;
  /** Where it ends, with the stub before it if there is one: bytes of their segment. */
  readonly end: number;
}

/** Bytes behind an initrd that have to be zeros for the rest of a file to be taken for padding. */
const PADDING = 0x10000;

/**
 * @param handed what has the teller
 * @param told not empty
 */
export function wrongInitrd(
  image: KexecImage,
  handed: Handed,
  { name, advice, end }: Teller,
  told: MemoryRange,
  { keptInitrd }: MachineFacts,
): Finding | undefined {
  const over = [...usedByOthers(image, handed, end)].find(([, memory]) => overlap(memory, told))?.[0];
  const range = formatRange(told);
  if (over !== undefined) return blame(image, over, `lies over the initrd that ${name} tells of, ${range}: ${advice}`);
  const wrong = (fact: string) =>
    blame(image, handed.segment, `${name} tells of an initrd at ${range}, ${fact}: ${advice}`);
  const holders = image.segments.filter((segment) => overlap(segment, told));
  if (holders.length === 0) {
    return keptInitrd !== undefined && contains(keptInitrd, told) ? undefined : wrong("which no segment holds");
  }
  const [missing] = subtractRanges(
    [told],
    holders.map((segment) => loadedFor(holders, segment)),
  );
  if (missing !== undefined) return wrong(`of which ${formatRange(missing)} is not loaded`);
  const rest = restOfFile(holders, told);
  return rest === undefined ? undefined : wrong(`which ends within a file that goes on to ${hex(rest)}`);
}

/** The segments that are no initrd, each with what has to stay as it is loaded. A kernel's -z is its own as well. */
function usedByOthers({ segments, entry }: KexecImage, handed: Handed, end: number): Map<Segment, MemoryRange> {
  const kernel = kernelFor(handed, entry);
  const used = new Map<Segment, MemoryRange>([[handed.segment, rangeOfSize(handed.segment.start, BigInt(end))]]);
  const isKernel = (segment: Segment) => kernel !== undefined && contains(segment, rangeOfSize(kernel, 1n));
  for (const segment of segments) if (isKernel(segment)) used.set(segment, segment);
  return used;
}

/**
 * What of the initrd a segment of its holds: its bytes, and the zeros behind them where the next segment goes on. An
 * unpacked archive may be followed by zeros and another one; what nothing follows is no longer than its bytes.
 */
function loadedFor(holders: readonly Segment[], segment: Segment): MemoryRange {
  const goesOn = holders.some(({ start }) => start === segment.end);
  return goesOn ? segment : rangeOfSize(segment.start, BigInt(segment.bytes.length));
}

/** Where the file ends that the initrd ends within; undefined where it ends with its file, or as good as. */
function restOfFile(holders: readonly Segment[], told: MemoryRange): bigint | undefined {
  const first = holders.find((segment) => contains(segment, rangeOfSize(told.start, 1n)));
  const last = holders.find((segment) => contains(segment, rangeOfSize(told.end - 1n, 1n)));
  if (first === undefined || last === undefined) return undefined;
  const begin = Number(told.start - first.start);
  // An initrd that is a part of some file is an image of a person's own making.
  if (begin !== 0 && !first.parts?.some(({ end }) => end === begin)) return undefined;
  const at = Number(told.end - last.start);
  const end = endOfFile(last, at - 1);
  return last.bytes.subarray(at, Math.min(end, at + PADDING)).some((byte) => byte !== 0)
    ? last.start + BigInt(end)
    : undefined;
}
