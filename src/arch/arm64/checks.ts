// What can be known to be wrong with an arm64 kernel's Image where it is to be loaded.
// Linux: Documentation/arm64/booting.rst, arch/arm64/mm/fixmap.c (fixmap_remap_fdt).

import { hex, unlessFailure } from "../../failure.ts";
import { blame, type Check, type EnteredCode, type Finding, findEnteredCode, type NextUse } from "../../kexec/check.ts";
import { crashTreeChecks, lackingByTree } from "../../kexec/crash-tree-checks.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { entryAlignment, formCheck } from "../../kexec/form-checks.ts";
import type { KexecImage } from "../../kexec/image.ts";
import { findLackOfMemory, type KernelMemory, listKernelMemory } from "../../kexec/kernel-memory.ts";
import { readToldInitrd, stubChecks, treeSize } from "../../kexec/stub-checks.ts";
import { formatRange, max, min, overlap, rangeOfSize, roundDown } from "../../range.ts";
import { confinement } from "./crash-memory.ts";
import { IMAGE_ALIGNMENT, type ImageHeader, REACH, REACH_ALIGNMENT, readImageHeader } from "./image.ts";

export const checks: readonly Check[] = [
  entryAlignment(4n),
  formCheck({
    machine: "arm64",
    product: "Image",
    finish: "",
    endian: "little",
    judge: ({ kind }) => (kind === "Image" ? "" : undefined),
  }),
  ...stubChecks,
  treeSize,
  { name: "image", errno: undefined, find: badKernel },
  { name: "initrd-reach", errno: undefined, find: initrdOutOfReach },
  ...crashTreeChecks(confinement),
];

/** What a crash kernel will not have. */
export const listLacking = lackingByTree(confinement);

function badKernel(image: KexecImage, facts: MachineFacts): Finding | undefined {
  for (const code of findEnteredCode(image)) {
    const finding = checkKernel(image, code, facts);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** Code without an Image's header may lie anywhere. */
function checkKernel(image: KexecImage, code: EnteredCode, facts: MachineFacts): Finding | undefined {
  const { segment, address, bytes } = code;
  const header = readImageHeader(bytes);
  if (header === undefined) return undefined;
  const { textOffset } = header;
  if ((address - textOffset) % IMAGE_ALIGNMENT !== 0n) {
    const where = textOffset === 0n ? "at " : `${hex(textOffset)} bytes after `;
    return blame(image, segment, `an arm64 Image has to begin ${where}a multiple of ${hex(IMAGE_ALIGNMENT)}`);
  }
  return findLackOfMemory(image, code, memoryOf(header), facts);
}

function memoryOf({ imageSize, isOld }: ImageHeader): KernelMemory {
  return { size: imageSize, reason: isOld ? "it has no image_size" : "image_size" };
}

export function listUses(image: KexecImage): NextUse[] {
  return listKernelMemory(image, (bytes) => {
    const header = readImageHeader(bytes);
    return header && memoryOf(header);
  });
}

/** A kernel that does not reach its initrd goes on without it, after a line in its log. */
function initrdOutOfReach(image: KexecImage): Finding | undefined {
  const { handed } = image;
  if (handed?.target.argument !== "device tree blob") return undefined;
  const initrd = unlessFailure(() => readToldInitrd(handed));
  const kernel = findEnteredCode(image).find(({ by }) => by === "stub");
  const header = kernel && readImageHeader(kernel.bytes);
  if (initrd === undefined || kernel === undefined || header === undefined) return undefined;
  const needed = rangeOfSize(kernel.address, header.imageSize);
  const both = { start: min(initrd.start, needed.start), end: max(initrd.end, needed.end) };
  if (both.end - roundDown(both.start, REACH_ALIGNMENT) <= REACH) return undefined;
  const holder = image.segments.find((segment) => overlap(segment, initrd)) ?? handed.segment;
  const fact = `the initrd and the kernel (image_size) lie within ${formatRange(both)}`;
  return blame(image, holder, `${fact}: Linux wants both in 32 GiB from a multiple of 1 GiB on`);
}
