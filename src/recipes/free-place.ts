// Where a segment that a check refuses could go: an address at which the whole image passes all checks.

import type { LoadRules } from "../arch/arch.ts";
import type { KernelShape } from "../arch/placement.ts";
import { readBootParams } from "../arch/x86_64/boot-params.ts";
import { hex } from "../failure.ts";
import { type EnteredCode, type Finding, findEnteredCode } from "../kexec/check.ts";
import { findFault } from "../kexec/checks.ts";
import type { MachineFacts } from "../kexec/facts.ts";
import { bytesOf, type KexecImage, type Segment } from "../kexec/image.ts";
import { contains, rangeOfSize } from "../range.ts";
import type { Machine } from "../sys/engine.ts";
import { moveSegment } from "./moved-image.ts";
import { listPlaces } from "./next-places.ts";

/** Places that are tried. */
const MOST_TRIED = 8;

/** The rest of a sentence, only where it is certain: where all is known, and the moved image has no fault. Else "". */
export function tellPlace(
  machine: Machine,
  image: KexecImage,
  facts: MachineFacts,
  rules: LoadRules,
  { segment, isAdvised }: Finding,
): string {
  const { unchecked = [], pageSize } = facts;
  // Whoever mistyped an address wants one near it.
  if (segment === undefined || isAdvised === true || unchecked.length > 0 || segment.start % pageSize !== 0n) return "";
  // No address of its own was given.
  if (segment.isPortion) return "";
  const others = image.segments.filter((each) => each !== segment);
  const kernel = findKernel(image);
  const name = segment === kernel?.segment ? "kernel" : holdsEntry(image, segment) ? "argument" : "initrd";
  const piece = { name, size: segment.end - segment.start, kernel: kernel && shapeOf(image, kernel), others } as const;
  for (const { address, end } of listPlaces(machine, facts, { ...piece, crash: image.crash }).slice(0, MOST_TRIED)) {
    const moved = moveSegment(image, segment, address);
    if (moved === undefined || findFault(moved.image, facts, rules.checks) !== undefined) continue;
    if (rules.listUnchecked !== undefined && rules.listUnchecked(moved.image).length > 0) continue;
    const besides = moved.told === "" ? "" : `, with ${moved.told}`;
    return `; free for it is ${hex(address)} (up to ${hex(end)})${besides}`;
  }
  return "";
}

/** What the stub enters; without one, what other code does, or kexec itself. */
function findKernel(image: KexecImage): EnteredCode | undefined {
  const code = findEnteredCode(image);
  const kernel = (["stub", "code", "kexec"] as const)
    .map((by) => code.find((each) => each.by === by))
    .find((each) => each !== undefined);
  return kernel?.address === kernel?.segment.start ? kernel : undefined;
}

function shapeOf({ handed }: KexecImage, { segment, bytes }: EnteredCode): KernelShape {
  const isZeroPage = handed?.target.argument === "zero page";
  return {
    length: bytes.length,
    memsz: segment.end - segment.start,
    head: bytes,
    setup: isZeroPage ? readBootParams(bytesOf(handed)) : undefined,
  };
}

function holdsEntry({ entry }: KexecImage, segment: Segment): boolean {
  return entry !== undefined && contains(segment, rangeOfSize(entry, 1n));
}
