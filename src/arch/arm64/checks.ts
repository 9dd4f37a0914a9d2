// What can be known to be wrong with an arm64 kernel's Image where it is to be loaded.
// Linux: Documentation/arm64/booting.rst ("Call the kernel image").

import { hex } from "../../failure.ts";
import { blame, type Check, type Finding, findEnteredSegments } from "../../kexec/check.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import type { KexecImage, Segment } from "../../kexec/image.ts";
import { stubChecks } from "../../kexec/stub-checks.ts";
import { contains, formatRange, overlap, rangeOfSize } from "../../range.ts";
import { describePackedForm, IMAGE_ALIGNMENT, readImageHeader } from "./image.ts";

export const checks: readonly Check[] = [...stubChecks, { errno: undefined, find: badKernel }];

/** The segments that are entered, or whose address is stored in what is entered. */
function badKernel(image: KexecImage, facts: MachineFacts): Finding | undefined {
  for (const kernel of findEnteredSegments(image)) {
    const finding = checkKernel(image, kernel, facts);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** Code without an Image's header may lie anywhere. */
function checkKernel(image: KexecImage, kernel: Segment, { memory, taken }: MachineFacts): Finding | undefined {
  const wrong = (fact: string) => blame(image, kernel, fact);
  const packed = describePackedForm(kernel.bytes);
  if (packed !== undefined) return wrong(packed);
  const header = readImageHeader(kernel.bytes);
  if (header === undefined) return undefined;
  const { textOffset, imageSize } = header;
  if ((kernel.start - textOffset) % IMAGE_ALIGNMENT !== 0n) {
    const where = textOffset === 0n ? "at " : `${hex(textOffset)} bytes after `;
    return wrong(`an arm64 Image has to begin ${where}a multiple of ${hex(IMAGE_ALIGNMENT)}`);
  }
  const needed = rangeOfSize(kernel.start, imageSize);
  const uses = `the kernel takes ${formatRange(needed)} (image_size)`;
  const other = image.segments.find((segment) => segment !== kernel && overlap(segment, needed));
  if (other !== undefined) return blame(image, other, `${uses}: over this segment`);
  if (memory.length > 0 && !memory.some((range) => contains(range, needed))) {
    return wrong(`${uses}, not all of it memory`);
  }
  const hit = taken.find((range) => overlap(range, needed));
  return hit && wrong(`${uses}, over ${formatRange(hit)}: ${hit.name}`);
}
