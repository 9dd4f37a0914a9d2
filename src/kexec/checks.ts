// Everything that can be known to be wrong with an image before the kernel is asked, as a table.
// Kernel rules: kernel/kexec_core.c sanity_check_segment_list, kernel/kexec.c, arch/powerpc/kexec/core_64.c.

import { wrongWithArm64Kernel } from "../arch/arm64/checks.ts";
import { stubOwner } from "../arch/stubs.ts";
import { wrongWithZeroPage } from "../arch/x86_64/checks.ts";
import { headOf } from "../devicetree/format.ts";
import { isElf } from "../elf.ts";
import { Failure, hex } from "../failure.ts";
import { contains, formatRange, type MemoryRange, overlap, rangeOfSize, roundUp } from "../range.ts";
import { EM_AARCH64 } from "../sys/abi.ts";
import { type ErrnoName, errno } from "../sys/errno.ts";
import type { KexecImage, Segment } from "./image.ts";
import type { MachineFacts } from "./machine.ts";
import { kernelAddressIn, STUB_SIZE, type Target } from "./stub.ts";

/** linux/kexec.h KEXEC_SEGMENT_MAX. */
const MAX_SEGMENTS = 16;

interface Finding {
  readonly place: string;
  readonly fact: string;
}

interface Check {
  /** What the kernel would answer; undefined for what it does not look at, and the new kernel would die of. */
  readonly errno: ErrnoName | undefined;
  find(image: KexecImage, machine: MachineFacts): Finding | undefined;
}

/** The word at 0x5c of a relocatable ppc64 kernel that will copy itself down to 0 (arch/powerpc/kernel/head_64.S run_at_load). */
const RUN_AT_ZERO = [0x72756e30, 0x306e7572];
const RUN_AT_LOAD_OFFSET = 0x5c;

const checks: readonly Check[] = [
  { errno: "EINVAL", find: tooManySegments },
  { errno: "EADDRNOTAVAIL", find: (image) => inSegments(image, endsAboveAll) },
  { errno: "EADDRNOTAVAIL", find: (image, machine) => inSegments(image, (segment) => unaligned(segment, machine)) },
  { errno: "EINVAL", find: overlapping },
  { errno: "EADDRNOTAVAIL", find: outsideCrashRegion },
  { errno: "ETXTBSY", find: (image, machine) => inSegments(image, (segment) => belowKernelEnd(segment, machine)) },
  { errno: undefined, find: (image, machine) => inSegments(image, (segment) => outsideMemory(segment, machine)) },
  { errno: undefined, find: (image, machine) => inSegments(image, (segment) => overTaken(segment, machine)) },
  { errno: "EINVAL", find: overHalfOfRam },
  { errno: undefined, find: entryNowhere },
  { errno: undefined, find: entryUnaligned },
  { errno: undefined, find: outsideRealMode },
  { errno: undefined, find: stubOnAnotherMachine },
  { errno: undefined, find: stubWithoutTree },
  { errno: undefined, find: stubWithoutKernel },
  { errno: undefined, find: stubWithoutZeroPage },
  { errno: undefined, find: badArm64Kernel },
  { errno: undefined, find: inTheKernelsWay },
  { errno: undefined, find: enteredElf },
];

/** Throws the first thing that is wrong. */
export function checkImage(image: KexecImage, machine: MachineFacts): void {
  for (const { find } of checks) {
    const finding = find(image, machine);
    if (finding !== undefined) throw new Failure(finding.place, finding.fact);
  }
}

/** What explains an error of the kernel's, for those who skipped the checks. */
export function explanation(image: KexecImage, machine: MachineFacts, result: number): string | undefined {
  for (const { errno: name, find } of checks) {
    if (name === undefined || errno[name] !== -result) continue;
    const finding = find(image, machine);
    if (finding !== undefined) return `${finding.place}: ${finding.fact}`;
  }
  return undefined;
}

/** How messages name a segment: `segment 1 (0x6000000-0x6500000, vmlinux.kexec)`. */
export function segmentPlace(image: KexecImage, segment: Segment): string {
  return `segment ${image.segments.indexOf(segment)} (${formatRange(segment)}, ${segment.from})`;
}

function inSegments(image: KexecImage, fact: (segment: Segment) => string | undefined): Finding | undefined {
  for (const segment of image.segments) {
    const found = fact(segment);
    if (found !== undefined) return { place: segmentPlace(image, segment), fact: found };
  }
  return undefined;
}

function tooManySegments({ segments }: KexecImage): Finding | undefined {
  if (segments.length <= MAX_SEGMENTS) return undefined;
  return { place: `${segments.length} segments`, fact: `the kernel takes at most ${MAX_SEGMENTS}` };
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
    if (other === undefined) continue;
    return { place: segmentPlace(image, segment), fact: `overlaps ${segmentPlace(image, other)}` };
  }
  return undefined;
}

function outsideCrashRegion(image: KexecImage, { crashRegion, memory }: MachineFacts): Finding | undefined {
  if (!image.crash) return undefined;
  if (crashRegion === undefined) {
    // Without a device tree nothing is known about the region.
    if (memory.length === 0) return undefined;
    return { place: "-p", fact: "no memory is reserved for a crash kernel: boot with crashkernel=SIZE@START" };
  }
  return inSegments(image, (segment) =>
    contains(crashRegion, segment) ? undefined : `not within the crash kernel's memory ${formatRange(crashRegion)}`,
  );
}

function belowKernelEnd({ start }: Segment, { kernelEnd }: MachineFacts): string | undefined {
  if (kernelEnd === undefined || start >= kernelEnd) return undefined;
  return `starts below ${hex(kernelEnd)}, where the running kernel ends`;
}

function outsideMemory(segment: Segment, { memory }: MachineFacts): string | undefined {
  if (memory.length === 0 || memory.some((range) => contains(range, segment))) return undefined;
  return `not within the machine's memory ${memory.map(formatRange).join(" ")}`;
}

/** The kernel of x86-64 and arm64 loads there without a word. */
function overTaken(segment: Segment, { taken }: MachineFacts): string | undefined {
  const hit = taken.find((range) => overlap(range, segment));
  return hit && `lies over ${formatRange(hit)}, which is taken: ${hit.name}`;
}

function overHalfOfRam(image: KexecImage, { pageSize, totalRam }: MachineFacts): Finding | undefined {
  if (totalRam === undefined) return undefined;
  const half = (totalRam / pageSize / 2n) * pageSize;
  const size = ({ start, end }: MemoryRange) => roundUp(end - start, pageSize);
  const over = inSegments(image, (segment) =>
    size(segment) > half ? `${hex(size(segment))} bytes are more than half of the RAM, ${hex(half)}` : undefined,
  );
  if (over !== undefined) return over;
  const sum = image.segments.reduce((total, segment) => total + size(segment), 0n);
  if (sum <= half) return undefined;
  return { place: "all segments", fact: `${hex(sum)} bytes are more than half of the RAM, ${hex(half)}` };
}

function entryNowhere({ entry, segments }: KexecImage): Finding | undefined {
  if (entry === undefined) return { place: "entry", fact: "none is set: -e behind an -a sets it" };
  if (segments.some((segment) => contains(segment, rangeOfSize(entry, 4n)))) return undefined;
  return { place: `entry ${hex(entry)}`, fact: "lies in no segment" };
}

function entryUnaligned({ entry }: KexecImage): Finding | undefined {
  if (entry === undefined || entry % 4n === 0n) return undefined;
  return { place: `entry ${hex(entry)}`, fact: "is not a multiple of 4" };
}

/** The entry's segment, and those whose addresses were stored for it: a stub and its kernel. */
function enteredSegments({ entry, segments, stored }: KexecImage): Segment[] {
  return segments.filter(
    (segment) => (entry !== undefined && contains(segment, rangeOfSize(entry, 4n))) || isChained(stored, segment),
  );
}

function isChained(stored: KexecImage["stored"], { start }: Segment): boolean {
  return stored.some(({ kind, value }) => kind === "chain" && value === start);
}

function outsideRealMode(image: KexecImage, { realMode }: MachineFacts): Finding | undefined {
  if (realMode === undefined) return undefined;
  const outside = enteredSegments(image).find((segment) => !contains(realMode, segment));
  if (outside === undefined) return undefined;
  return {
    place: segmentPlace(image, outside),
    fact: `not within ${formatRange(realMode)}, all that is there without MMU`,
  };
}

/** The segment that begins with a stub of ours and is entered there. */
function entryStub({ entry, segments }: KexecImage): { segment: Segment; target: Target } | undefined {
  const segment = segments.find(({ start }) => start === entry);
  const target = segment && stubOwner(segment.bytes);
  return segment && target && { segment, target };
}

function stubOnAnotherMachine(image: KexecImage, { elfMachine }: MachineFacts): Finding | undefined {
  const entered = entryStub(image);
  if (entered === undefined || elfMachine === entered.target.elfMachine) return undefined;
  const { name, elfMachine: own } = entered.target;
  const fact = `the ${name} stub is entered, but this machine is ${elfMachine}, not ${own}`;
  return { place: segmentPlace(image, entered.segment), fact };
}

function stubWithoutTree(image: KexecImage): Finding | undefined {
  const entered = entryStub(image);
  if (entered?.target.stub.before !== "device tree blob") return undefined;
  const { segment } = entered;
  const tree = segment.start + BigInt(STUB_SIZE);
  const bytes = segment.bytes.subarray(STUB_SIZE);
  const head = headOf(bytes);
  const place = segmentPlace(image, segment);
  if (head === undefined) {
    return { place, fact: `no device tree blob at ${hex(tree)}, behind the ${hex(STUB_SIZE)} bytes of the stub` };
  }
  if (head.size > bytes.length) {
    return { place, fact: `the device tree blob of ${hex(head.size)} bytes is cut off after ${hex(bytes.length)}` };
  }
  const own = rangeOfSize(tree, BigInt(head.size));
  if (head.reserved.some((range) => contains(range, own))) return undefined;
  const made = `was it made with fs2dt -b ${hex(tree)}?`;
  return { place, fact: `the device tree blob does not reserve its memory at ${hex(tree)}: ${made}` };
}

function stubWithoutKernel(image: KexecImage): Finding | undefined {
  const entered = entryStub(image);
  if (entered === undefined) return undefined;
  const { segment, target } = entered;
  const { stub } = target;
  const kernel = kernelAddressIn(stub, segment.bytes);
  if (image.segments.some((other) => other !== segment && contains(other, rangeOfSize(kernel, 4n)))) return undefined;
  const place = segmentPlace(image, segment);
  if (kernel === 0n)
    return { place, fact: `the stub does not know its kernel: -c ${hex(stub.chain)} behind the kernel's -a tells it` };
  return { place, fact: `the stub's kernel address ${hex(kernel)} lies in no other segment` };
}

function stubWithoutZeroPage(image: KexecImage): Finding | undefined {
  const entered = entryStub(image);
  if (entered?.target.stub.before !== "zero page") return undefined;
  const { segment, target } = entered;
  const { stub } = target;
  const wrong = wrongWithZeroPage(segment, kernelAddressIn(stub, segment.bytes), image.segments);
  return wrong && { place: segmentPlace(image, wrong.segment), fact: wrong.fact };
}

function badArm64Kernel(image: KexecImage, machine: MachineFacts): Finding | undefined {
  if (machine.elfMachine !== EM_AARCH64) return undefined;
  for (const kernel of enteredSegments(image)) {
    const wrong = wrongWithArm64Kernel(kernel, image.segments, machine);
    if (wrong !== undefined) return { place: segmentPlace(image, wrong.segment), fact: wrong.fact };
  }
  return undefined;
}

/**
 * A kernel that copies itself down to 0 lands on whatever lies there, on a crashed kernel's memory too. Its bss, beyond
 * the bytes we have, is not counted.
 */
function inTheKernelsWay(image: KexecImage): Finding | undefined {
  const kernel = enteredSegments(image).find(({ bytes }) => copiesItselfDown(bytes));
  if (kernel === undefined) return undefined;
  if (image.crash) {
    const fact = "a crash kernel must stay where it is: --poke 0x5c=1 behind its -f";
    return { place: segmentPlace(image, kernel), fact };
  }
  const end = BigInt(kernel.bytes.length);
  return inSegments(image, (segment) => {
    if (segment === kernel || segment.start >= end) return undefined;
    return `the kernel in ${segmentPlace(image, kernel)} copies itself to 0x0-${hex(end)}, over this segment`;
  });
}

function copiesItselfDown(bytes: Uint8Array): boolean {
  const word = wordAt(bytes, RUN_AT_LOAD_OFFSET);
  return word !== undefined && RUN_AT_ZERO.includes(word);
}

/** A vmlinux as the linker makes it: its first bytes are no instructions. */
function enteredElf(image: KexecImage): Finding | undefined {
  const segment = image.segments.find(
    (each) => (each.start === image.entry || isChained(image.stored, each)) && isElf(each.bytes),
  );
  if (segment === undefined) return undefined;
  const fact = "begins with an ELF header, not with code: objcopy -O binary makes what can be entered";
  return { place: segmentPlace(image, segment), fact };
}

/** Big endian; undefined beyond the end. */
function wordAt(bytes: Uint8Array, offset: number): number | undefined {
  if (bytes.length < offset + 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
}
