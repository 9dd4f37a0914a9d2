// What can be known to be wrong with an arm64 kernel's Image where it is to be loaded.
// Linux: Documentation/arm64/booting.rst, arch/arm64/mm/fixmap.c (fixmap_remap_fdt).

import { headOf } from "../../devicetree/format.ts";
import { hex } from "../../failure.ts";
import { blame, type Check, type Finding, findEnteredSegments } from "../../kexec/check.ts";
import { findUnconfinedTree } from "../../kexec/confinement.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { formCheck } from "../../kexec/form-checks.ts";
import type { KexecImage, Segment } from "../../kexec/image.ts";
import { STUB_SIZE } from "../../kexec/stub.ts";
import { stubChecks } from "../../kexec/stub-checks.ts";
import { contains, formatRange, overlap, rangeOfSize } from "../../range.ts";
import { confinement } from "./crash-memory.ts";
import { IMAGE_ALIGNMENT, readImageHeader } from "./image.ts";

export const checks: readonly Check[] = [
  formCheck({
    machine: "arm64",
    product: "Image",
    finish: "",
    endian: "little",
    judge: ({ kind }) => (kind === "Image" ? "" : undefined),
  }),
  ...stubChecks,
  { errno: undefined, find: badTree },
  { errno: undefined, find: badKernel },
  { errno: undefined, find: (image, facts) => findUnconfinedTree(image, facts, confinement) },
];

/** MAX_FDT_SIZE and MIN_FDT_ALIGN. The kernel stops where it does not like its tree, before it has a console to say so. */
const MOST_OF_A_TREE = 0x200000;
const TREE_ALIGNMENT = 8n;

function badTree(image: KexecImage): Finding | undefined {
  if (image.stub?.target.stub.followedBy !== "device tree blob") return undefined;
  const { segment } = image.stub;
  const wrong = (fact: string) => blame(image, segment, fact);
  const start = segment.start + BigInt(STUB_SIZE);
  const size = headOf(segment.bytes.subarray(STUB_SIZE))?.size ?? 0;
  if (size > MOST_OF_A_TREE) {
    return wrong(
      `the device tree blob has ${hex(size)} bytes, and Linux maps no more than ${hex(MOST_OF_A_TREE)} of one`,
    );
  }
  if (start % TREE_ALIGNMENT === 0n) return undefined;
  return wrong(`the device tree blob at ${hex(start)} does not begin at a multiple of ${TREE_ALIGNMENT}`);
}

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
  const header = readImageHeader(kernel.bytes);
  if (header === undefined) return undefined;
  const { textOffset, imageSize, isOld } = header;
  if ((kernel.start - textOffset) % IMAGE_ALIGNMENT !== 0n) {
    const where = textOffset === 0n ? "at " : `${hex(textOffset)} bytes after `;
    return wrong(`an arm64 Image has to begin ${where}a multiple of ${hex(IMAGE_ALIGNMENT)}`);
  }
  const needed = rangeOfSize(kernel.start, imageSize);
  const why = isOld ? "it has no image_size" : "image_size";
  const uses = `the kernel takes ${formatRange(needed)} (${why})`;
  const other = image.segments.find((segment) => segment !== kernel && overlap(segment, needed));
  if (other !== undefined) return blame(image, other, `${uses}: over this segment`);
  if (memory.length > 0 && !memory.some((range) => contains(range, needed))) {
    return wrong(`${uses}, not all of it memory`);
  }
  const hit = taken.find((range) => overlap(range, needed));
  return hit && wrong(`${uses}, over ${formatRange(hit)}: ${hit.name}`);
}
