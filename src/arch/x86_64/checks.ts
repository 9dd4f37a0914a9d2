// What can be known to be wrong with an x86-64 image that our stub enters, by the boot_params that follow the stub.
// Linux, Documentation/arch/x86/boot.rst: kernel_alignment, init_size, pref_address, relocatable_kernel, xloadflags.

import { hex } from "../../failure.ts";
import type { Form } from "../../forms.ts";
import { blame, blameWithAdvice, type Check, type EnteredCode, type Finding, type NextUse } from "../../kexec/check.ts";
import type { MachineFacts } from "../../kexec/facts.ts";
import { formCheck } from "../../kexec/form-checks.ts";
import {
  addressOf,
  bytesOf,
  endOfFile,
  type Handed,
  type KexecImage,
  kernelFor,
  type Segment,
} from "../../kexec/image.ts";
import { wrongInitrd } from "../../kexec/initrd.ts";
import { STUB_SIZE } from "../../kexec/stub.ts";
import { stubChecks } from "../../kexec/stub-checks.ts";
import { findLostHeader, listLackingHeader } from "../../kexec/told-header.ts";
import { contains, formatRange, type MemoryRange, max, overlap, rangeOfSize, subtractRanges } from "../../range.ts";
import { BOOT_PARAMS_SIZE, type BootParams, readBootParams, readSetupData, SETUP_DATA_HEADER } from "./boot-params.ts";
import { readToldHeader, unconfinedMap } from "./crash-memory.ts";
import { earlyMemory, reachOf } from "./placement.ts";
import { FOUR_GIB } from "./setup-header.ts";

export const checks: readonly Check[] = [
  formCheck({
    machine: "x86_64",
    product: "bzImage",
    finish: ", and zeropage --kernel makes of that what can be entered",
    endian: "little",
    judge: judgeForm,
  }),
  ...stubChecks,
  { name: "zero-page", errno: undefined, find: stubWithoutBootParams },
  { name: "crash-memory", errno: undefined, find: unconfinedMap },
  {
    name: "elfcorehdr",
    errno: undefined,
    find: (image, facts) => (image.crash ? findLostHeader(image, facts, readToldHeader(image)) : undefined),
  },
];

/** What a crash kernel will not have. */
export function listLacking(image: KexecImage): string[] {
  return listLackingHeader(image, readToldHeader(image), "zeropage --elfcorehdr");
}

/** Our stub enters a kernel as a bzImage has it, and nothing else. */
function judgeForm({ kind }: Form, by: EnteredCode["by"]): string | undefined {
  if (kind === "bzImage") {
    return "is a whole bzImage, with code for real mode at its start: zeropage --kernel gives what can be entered";
  }
  if (kind !== "elf" || by === "kexec") return undefined;
  return "begins with an ELF header, as a vmlinux does: zeropage --kernel makes of its bzImage what can be entered";
}

function stubWithoutBootParams(image: KexecImage, facts: MachineFacts): Finding | undefined {
  const { entry, handed } = image;
  if (handed?.target.argument !== "zero page") return undefined;
  const { segment } = handed;
  const address = addressOf(handed);
  const params = readBootParams(bytesOf(handed));
  if (params === undefined) {
    const fact = `no zero page at ${hex(address)}, after the ${hex(STUB_SIZE)} bytes of the stub: zeropage makes it`;
    return blame(image, segment, fact);
  }
  const wrong = wrongPage(image, handed, params);
  if (wrong !== undefined) return blame(image, segment, wrong);
  return (
    checkInitrd(image, handed, params, facts) ??
    outOfReach(image, handed, params) ??
    checkKernel(image, kernelFor(handed, entry), params, facts)
  );
}

/** What of the zero page's own is not as a kernel expects it: the command line and the setup data that it points to. */
function wrongPage(image: KexecImage, handed: Handed, params: BootParams): string | undefined {
  const { commandLine, commandLineSize } = params;
  const { segment } = handed;
  const bytes = bytesOf(handed);
  const address = addressOf(handed);
  const rest = { start: address + BigInt(BOOT_PARAMS_SIZE), end: address + BigInt(bytes.length) };
  if (!contains(rest, rangeOfSize(commandLine, 1n))) {
    const fact = `its command line is expected at ${hex(commandLine)}, outside this segment`;
    return `${fact}: was it made with zeropage -b ${hex(address)}?`;
  }
  const length = bytes.subarray(Number(commandLine - address)).indexOf(0);
  if (length < 0) return `its command line at ${hex(commandLine)} has no end in this segment`;
  // 0 would be a kernel that says nothing.
  if (commandLineSize !== 0 && length > commandLineSize) {
    return `its command line has ${length} bytes, this kernel takes ${commandLineSize}`;
  }
  const { lost } = readSetupData(bytes, address);
  const head = rangeOfSize(lost, BigInt(SETUP_DATA_HEADER));
  if (lost === 0n || image.segments.some((other) => other !== segment && contains(other, head))) return undefined;
  return `its setup data at ${hex(lost)} is not whole in this segment`;
}

function checkInitrd(
  image: KexecImage,
  handed: Handed,
  { initrd }: BootParams,
  facts: MachineFacts,
): Finding | undefined {
  if (initrd === undefined) return undefined;
  const end = endOfFile(handed.segment, STUB_SIZE + BOOT_PARAMS_SIZE - 1);
  const teller = { name: "the zero page", advice: "zeropage -i gives another", end };
  return wrongInitrd(image, handed, teller, initrd, facts);
}

/** A kernel of before Linux 3.8 does not look at the upper halves of addresses, and maps less. */
function outOfReach(image: KexecImage, { segment }: Handed, params: BootParams): Finding | undefined {
  const reach = reachOf(params);
  if (reach === undefined) return undefined;
  if (segment.end > reach.all) return blame(image, segment, "this kernel takes no zero page above 4 GiB");
  const { initrd } = params;
  if (initrd === undefined || initrd.end <= reach.initrd) return undefined;
  const holder = image.segments.find((each) => contains(each, rangeOfSize(initrd.end - 1n, 1n))) ?? segment;
  const why = reach.initrd === reach.all ? "" : " (initrd_addr_max)";
  return blame(image, holder, `this kernel's initrd has to end by ${hex(reach.initrd)}${why}`);
}

/** @param address of the kernel, as the stub has it */
function checkKernel(
  image: KexecImage,
  address: bigint | undefined,
  params: BootParams,
  facts: MachineFacts,
): Finding | undefined {
  const kernel = findKernel(image, address, params);
  // Then the stub has no kernel, and a check before this one has reported it.
  if (kernel === undefined) return undefined;
  const { segment, early } = kernel;
  if (!params.above4G && max(segment.end, early.end) > FOUR_GIB) {
    return blame(image, segment, "this kernel cannot be loaded above 4 GiB");
  }
  return checkEarlyMemory(image, kernel, facts);
}

interface Kernel {
  readonly segment: Segment;
  readonly address: bigint;
  readonly params: BootParams;
  readonly early: MemoryRange;
  /** Whether that is not where it is loaded, and what in its header makes it move. */
  readonly moves: boolean;
  readonly reason: string;
  /** Its own segment reaches that memory from below only. Where it lies elsewhere, these of zeros keep it free. */
  readonly keepers: readonly Segment[];
}

/** What lies at `address`, if a segment does. */
function findKernel(image: KexecImage, address: bigint | undefined, params: BootParams): Kernel | undefined {
  if (address === undefined) return undefined;
  const segment = image.segments.find((each) => contains(each, rangeOfSize(address, 1n)));
  if (segment === undefined) return undefined;
  const early = earlyMemory(params, address);
  const moves = early.start !== address;
  const keepers = image.segments.filter((each) => params.fixed && moves && each.bytes.length === 0);
  const reason = early.start === params.preferredAddress ? "pref_address" : "kernel_alignment";
  return { segment, address, params, early, moves, reason, keepers };
}

export function listUses(image: KexecImage): NextUse[] {
  const { entry, handed } = image;
  if (handed?.target.argument !== "zero page") return [];
  const params = readBootParams(bytesOf(handed));
  const kernel = params && findKernel(image, kernelFor(handed, entry), params);
  if (kernel === undefined) return [];
  const { segment, early, moves, reason, keepers } = kernel;
  const what = moves ? `moves itself here (${reason})` : "needs this too (init_size)";
  return [{ ...early, what, kernel: segment, sharers: [segment, ...keepers] }];
}

/**
 * What the kernel writes to early has to be memory that nothing else is in, and segments have to keep it free: elsewhere
 * the old kernel may have its page tables, on which the new one still runs when it writes there.
 */
function checkEarlyMemory(image: KexecImage, kernel: Kernel, facts: MachineFacts): Finding | undefined {
  const { segment, early, moves, reason, keepers } = kernel;
  const { memory, taken, crashkernel } = facts;
  const wrong = (fact: string) => blame(image, segment, fact);
  const to = moves ? `moves itself to ${hex(early.start)} (${reason}) and ` : "";
  const uses = `the kernel ${to}uses ${formatRange(early)} (init_size)`;
  const other = image.segments.find((each) => each !== segment && !keepers.includes(each) && overlap(each, early));
  if (other !== undefined) return blame(image, other, `${uses}: over this segment`);
  if (image.crash && crashkernel !== undefined && !contains(crashkernel, early)) {
    return wrong(`${uses}, not within the crash kernel's memory ${formatRange(crashkernel)}`);
  }
  if (memory.length > 0 && !memory.some((range) => contains(range, early))) {
    return wrong(`${uses}, not all of it memory`);
  }
  const hit = taken.find((range) => overlap(range, early));
  if (hit !== undefined) return wrong(`${uses}, over ${formatRange(hit)}: ${hit.name}`);
  const advised = (fact: string) => blameWithAdvice(image, segment, fact);
  if (overwritesItself(kernel)) return advised(`${uses}, over its own bytes: -a ${hex(early.start)} puts it there`);
  const left = subtractRanges([early], [segment, ...keepers])[0];
  if (left === undefined) return undefined;
  const isBelow = segment.start <= early.start;
  const more = isBelow ? early.end - segment.start - BigInt(segment.bytes.length) : left.end - left.start;
  const keep = `${isBelow ? "" : `-a ${hex(left.start)} `}-z ${hex(more)} keeps it free`;
  const usesUpTo = `the kernel uses its memory up to ${hex(early.end)} before it looks around (init_size)`;
  return advised(moves ? `${uses} before it looks around: ${keep}` : `${usesUpTo}: ${keep}`);
}

/** It copies itself to the end of that memory, the last byte first: up, over its own bytes as well, but down over none. */
function overwritesItself({ segment, address, params, early }: Kernel): boolean {
  if (!params.fixed || address <= early.start || address >= early.end) return false;
  const end = segment.start + BigInt(segment.bytes.length);
  return address > early.end - (end - address);
}
