// What can be known to be wrong with a riscv64 kernel's Image where it is to be loaded, and with its tree.
// Linux: Documentation/arch/riscv/boot.rst, arch/riscv/kernel/machine_kexec.c (machine_kexec_prepare).

import { headOf } from "../../devicetree/format.ts";
import { hex, unlessFailure } from "../../failure.ts";
import { blame, type Check, type EnteredCode, type Finding, findEnteredCode, type NextUse } from "../../kexec/check.ts";
import { crashTreeChecks, lackingByTree } from "../../kexec/crash-tree-checks.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { entryAlignment, formCheck } from "../../kexec/form-checks.ts";
import type { KexecImage, Segment } from "../../kexec/image.ts";
import { findLackOfMemory, type KernelMemory, listKernelMemory } from "../../kexec/kernel-memory.ts";
import { readToldInitrd, toldInitrd, treeSize, wholeTree } from "../../kexec/stub-checks.ts";
import { formatRange, overlap, roundUp } from "../../range.ts";
import { confinement } from "./crash-memory.ts";
import { IMAGE_ALIGNMENT, LARGE_PAGE, readImageSize } from "./image.ts";

export const checks: readonly Check[] = [
  formCheck({
    machine: "riscv64",
    product: "Image",
    finish: "",
    endian: "little",
    isBare: true,
    judge: ({ kind }) => (kind === "Image" ? "" : undefined),
  }),
  // Some have two bytes.
  entryAlignment(2n),
  { name: "bare-tree", errno: "EINVAL", find: withoutTree },
  wholeTree,
  toldInitrd,
  treeSize,
  { name: "image", errno: undefined, find: badKernel },
  { name: "initrd-apart", errno: undefined, find: initrdBesideKernel },
  ...crashTreeChecks(confinement),
];

/** What a crash kernel will not have. */
export const listLacking = lackingByTree(confinement);

function withoutTree(image: KexecImage): Finding | undefined {
  // Another machine's stub hands nothing over here.
  if (image.handed !== undefined && image.handed.target.stub === undefined) return undefined;
  const rule = "the kernel takes the first segment that begins with a device tree blob";
  for (const segment of image.segments) {
    const at = findBlob(segment);
    if (at !== undefined) return blame(image, segment, `its device tree blob is at ${hex(at)}, and ${rule}`);
  }
  return { place: "all segments", fact: `none begins with a device tree blob: ${rule}` };
}

/** Where a blob is that does not begin the segment: at the start of one of its files. */
function findBlob({ start, bytes, parts = [] }: Segment): bigint | undefined {
  const at = parts.map(({ end }) => end).find((end) => headOf(bytes.subarray(end)) !== undefined);
  return at === undefined ? undefined : start + BigInt(at);
}

function badKernel(image: KexecImage, facts: MachineFacts): Finding | undefined {
  for (const code of findEnteredCode(image)) {
    const finding = checkKernel(image, code, facts);
    if (finding !== undefined) return finding;
  }
  return undefined;
}

/** Code without an Image's header may lie anywhere. */
function checkKernel(image: KexecImage, code: EnteredCode, facts: MachineFacts): Finding | undefined {
  const memory = memoryOf(code.bytes);
  if (memory === undefined) return undefined;
  if (code.address % IMAGE_ALIGNMENT === 0n) return findLackOfMemory(image, code, memory, facts);
  return blame(image, code.segment, `a riscv64 Image has to begin at a multiple of ${hex(IMAGE_ALIGNMENT)}`);
}

/** A kernel that finds its initrd in memory that it has reserved for itself goes on without, after a line in its log. */
function initrdBesideKernel(image: KexecImage): Finding | undefined {
  const { handed } = image;
  const initrd = handed && unlessFailure(() => readToldInitrd(handed));
  const kernel = findEnteredCode(image).find(({ by }) => by === "kexec");
  const size = kernel && readImageSize(kernel.bytes);
  if (initrd === undefined || kernel === undefined || size === undefined) return undefined;
  const own = { start: kernel.address, end: roundUp(kernel.address + size, LARGE_PAGE) };
  if (!overlap(own, initrd)) return undefined;
  const holder = image.segments.find((segment) => overlap(segment, initrd)) ?? kernel.segment;
  return blame(image, holder, `the kernel reserves ${formatRange(own)} for itself, and takes no initrd from there`);
}

function memoryOf(bytes: Uint8Array): KernelMemory | undefined {
  const size = readImageSize(bytes);
  return size === undefined ? undefined : { size, reason: "image_size" };
}

export function listUses(image: KexecImage): NextUse[] {
  return listKernelMemory(image, memoryOf);
}
