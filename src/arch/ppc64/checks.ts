// What can be known to be wrong with an image on ppc64, where kernels are entered without MMU and copy themselves down.

import { memoryOf, VECTORS } from "../../devicetree/memory.ts";
import { TCE_TABLE } from "../../devicetree/reservations.ts";
import { hex } from "../../failure.ts";
import {
  blame,
  type Check,
  type Finding,
  findEnteredCode,
  findEnteredSegments,
  findInSegments,
  type NextUse,
  nameSegment,
} from "../../kexec/check.ts";
import { crashTreeChecks, lackingByTree } from "../../kexec/crash-tree-checks.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { entryAlignment, formCheck } from "../../kexec/form-checks.ts";
import type { KexecImage, Segment } from "../../kexec/image.ts";
import { INITRD_ADVICE, readToldInitrd, stubChecks } from "../../kexec/stub-checks.ts";
import type { TreeTelling } from "../../kexec/told-header.ts";
import { contains, formatRange, overlap } from "../../range.ts";
import { LARGE_BSS } from "../placement.ts";
import { initrdBeyondLimit } from "./memory-limit.ts";
import { copiesItselfDown, LARGEST_PAGE } from "./run-at-load.ts";

/** early_init_devtree scans /chosen before it knows the root's cells: it makes nothing of linux,elfcorehdr. */
const confinement: TreeTelling = {
  memoryOf,
  limitsOf: memoryOf,
  besides: [VECTORS],
  readsHeaderProperty: false,
};

export const checks: readonly Check[] = [
  entryAlignment(4n),
  formCheck({
    machine: "ppc64",
    product: "vmlinux",
    finish: ", and objcopy -O binary makes of that what can be entered",
  }),
  { name: "rma", errno: undefined, find: outsideRma },
  ...stubChecks,
  { name: "copy-down", errno: undefined, find: inTheKernelsWay },
  { name: "memory-limit", errno: undefined, find: initrdBeyondLimit },
  ...crashTreeChecks(confinement),
  { name: "tce-table", errno: "ETXTBSY", find: overTceTable },
];

/** What a crash kernel will not have. */
export const listLacking = lackingByTree(confinement);

/** What the kernel itself refuses (machine_kexec_prepare), for those who skipped the check of all that is taken. */
function overTceTable(image: KexecImage, { taken }: MachineFacts): Finding | undefined {
  const tables = taken.filter(({ name }) => name === TCE_TABLE);
  return findInSegments(image, (segment) => {
    const hit = tables.find((table) => overlap(table, segment));
    return hit && `lies over ${formatRange(hit)}, ${TCE_TABLE}`;
  });
}

function outsideRma(image: KexecImage, { rma }: MachineFacts): Finding | undefined {
  if (rma === undefined) return undefined;
  const outside = findEnteredSegments(image).find((segment) => !contains(rma, segment));
  return outside && blame(image, outside, `not within ${formatRange(rma)}, all that is there without MMU`);
}

/**
 * A kernel that copies itself down to 0 lands on whatever lies there, on a crashed kernel's memory too. It copies all
 * up to its _end, and then clears its bss there: all that is told of it, -z included.
 */
function inTheKernelsWay(image: KexecImage, { keptInitrd }: MachineFacts): Finding | undefined {
  const copy = findCopy(image);
  if (copy === undefined) return undefined;
  const { kernel, end, zeros } = copy;
  if (image.crash) return blame(image, kernel, "a crash kernel must stay where it is: --poke 0x5c=1 after its -f");
  const reason = zeros === 0n ? "" : `, of which -z and -r are ${hex(zeros)}`;
  const copies = `copies itself to 0x0-${hex(end)}${reason}, over`;
  const found = findInSegments(image, (segment) => {
    if (segment === kernel || segment.start >= end) return undefined;
    return `the kernel in ${nameSegment(image, kernel)} ${copies} this segment`;
  });
  if (found !== undefined || keptInitrd === undefined || keptInitrd.start >= end) return found;
  // What it is told of and lies in no segment is that one, or a part of it: a check before this one has seen to that.
  const told = image.handed && readToldInitrd(image.handed);
  if (told === undefined || told.start >= end) return undefined;
  return blame(image, kernel, `${copies} the initrd at ${formatRange(told)} that the tree tells of: ${INITRD_ADVICE}`);
}

/** What inTheKernelsWay() cannot know: the bss of a kernel of which -z does not tell, where it might matter. */
export function listUncheckedBss(image: KexecImage): string[] {
  const copy = findCopy(image);
  if (copy === undefined || image.crash) return [];
  const { kernel, end, zeros } = copy;
  if (zeros >= LARGEST_PAGE) return [];
  const near = image.segments.filter((segment) => {
    return segment !== kernel && segment.start >= end && segment.start < end + LARGE_BSS;
  });
  return near.map((segment) => {
    const fact = `${nameSegment(image, segment)} begins ${hex(segment.start - end)} bytes behind its copy at 0`;
    return `the bss of the kernel in ${nameSegment(image, kernel)} is not checked: ${fact}, and no -z tells the bss`;
  });
}

export function listUses(image: KexecImage): NextUse[] {
  const copy = findCopy(image);
  if (copy === undefined) return [];
  const { kernel, end } = copy;
  return [{ start: 0n, end, what: "copies itself here", kernel, sharers: [kernel] }];
}

/** Of the kernel that copies itself down to 0: its segment, where the copy ends, and how much of that no file holds. */
function findCopy(image: KexecImage): { kernel: Segment; end: bigint; zeros: bigint } | undefined {
  const code = findEnteredCode(image).find(({ bytes }) => copiesItselfDown(bytes));
  if (code === undefined) return undefined;
  const end = code.segment.end - code.address;
  return { kernel: code.segment, end, zeros: end - BigInt(code.bytes.length) };
}
