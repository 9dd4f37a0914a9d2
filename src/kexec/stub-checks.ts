// What can be known to be wrong with what an image hands over, and with a stub of ours that does it: machines put these among
// their checks.

import { headOf, layouts } from "../devicetree/format.ts";
import { treeFromBlob } from "../devicetree/from/blob.ts";
import { initrdOf } from "../devicetree/reservations.ts";
import { Failure, hex } from "../failure.ts";
import formOf from "../forms.ts";
import { contains, type MemoryRange, rangeOfSize } from "../range.ts";
import { blame, type Check, type Finding, nameSegment } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import { addressOf, bytesOf, type Handed, type KexecImage } from "./image.ts";
import { wrongInitrd } from "./initrd.ts";
import { offsetOfArgument, readKernelAddress, STUB_SIZE } from "./stub.ts";

/** The tree that is handed over is one, and whole. */
export const wholeTree: Check = { name: "tree", errno: undefined, find: withoutTree };

/** What it tells of an initrd is true. */
export const toldInitrd: Check = { name: "initrd", errno: undefined, find: treeWithWrongInitrd };

export const stubChecks: readonly Check[] = [
  { name: "stub-machine", errno: undefined, find: stubOnAnotherMachine },
  { name: "stub-order", errno: undefined, find: stubBehindItsOwn },
  { name: "stub-entry", errno: undefined, find: stubPassedBy },
  wholeTree,
  { name: "stub-kernel", errno: undefined, find: stubWithoutKernel },
  toldInitrd,
];

/** Of machines whose kernels map a page table of their tree (MAX_FDT_SIZE). */
export const treeSize: Check = { name: "tree-size", errno: undefined, find: largeTree };

const MOST_OF_A_TREE = 0x200000;

/** The kernel stops where it does not like its tree, before it has a console to say so. */
function largeTree(image: KexecImage): Finding | undefined {
  if (image.handed?.target.argument !== "device tree blob") return undefined;
  const size = headOf(bytesOf(image.handed))?.size ?? 0;
  if (size <= MOST_OF_A_TREE) return undefined;
  const most = `Linux maps no more than ${hex(MOST_OF_A_TREE)} of one`;
  return blame(image, image.handed.segment, `the device tree blob has ${hex(size)} bytes, and ${most}`);
}

function stubOnAnotherMachine(image: KexecImage, { elfMachine }: MachineFacts): Finding | undefined {
  if (image.handed === undefined || elfMachine === image.handed.target.elfMachine) return undefined;
  const { name, elfMachine: own } = image.handed.target;
  const fact = `the ${name} stub is entered, but this machine is ${elfMachine}, not ${own}`;
  return blame(image, image.handed.segment, fact);
}

/** What a stub hands over lies before it, and not behind it as well. */
function stubBehindItsOwn(image: KexecImage): Finding | undefined {
  const { entry, segments, stubInside } = image;
  const segment = segments.find((each) => entry !== undefined && contains(each, rangeOfSize(entry, 1n)));
  if (stubInside !== true || entry === undefined || segment === undefined || !isForStub(segment.bytes))
    return undefined;
  if (isForStub(segment.bytes.subarray(Number(entry - segment.start) + STUB_SIZE))) return undefined;
  return blame(image, segment, `the stub at ${hex(entry)} lies behind what it hands over: -w goes before -s`);
}

/** A kernel wants what its stub would hand over. */
function stubPassedBy(image: KexecImage): Finding | undefined {
  const { entry = -1n, segments, stubPassed } = image;
  const kernel = segments.find((segment) => contains(segment, rangeOfSize(entry, 1n)));
  if (stubPassed === undefined || kernel === undefined) return undefined;
  const fact = `is entered itself, not by the stub in ${nameSegment(image, stubPassed)}`;
  return blame(image, kernel, `${fact}: -e goes before its -w`);
}

/** Whether `bytes` begin with what a stub hands to a kernel. */
export function isForStub(bytes: Uint8Array): boolean {
  const kind = formOf(bytes)?.kind;
  return kind === "device tree blob" || kind === "zero page";
}

function withoutTree(image: KexecImage): Finding | undefined {
  if (image.handed?.target.argument !== "device tree blob") return undefined;
  const { segment } = image.handed;
  const wrong = (fact: string) => blame(image, segment, fact);
  const start = addressOf(image.handed);
  const bytes = bytesOf(image.handed);
  const head = headOf(bytes);
  if (head === undefined) {
    return wrong(`no device tree blob at ${hex(start)}, after the ${hex(STUB_SIZE)} bytes of the stub`);
  }
  if (head.size > bytes.length) {
    return wrong(`the device tree blob of ${hex(head.size)} bytes is cut off after ${hex(bytes.length)}`);
  }
  // Who reads these versions reserves its tree itself. The kernels of 2005, for which the others are, may not.
  if (head.version >= layouts[16].compatible) return undefined;
  const own = rangeOfSize(start, BigInt(head.size));
  if (head.reserved.some((range) => contains(range, own))) return undefined;
  const advice = `was it made with fs2dt -b ${hex(start)}?`;
  return wrong(`the device tree blob does not reserve its memory at ${hex(start)}: ${advice}`);
}

function stubWithoutKernel(image: KexecImage): Finding | undefined {
  const stub = image.handed?.target.stub;
  if (image.handed === undefined || stub === undefined) return undefined;
  const { segment } = image.handed;
  const kernel = readKernelAddress(stub, segment.bytes);
  if (image.segments.some((other) => other !== segment && contains(other, rangeOfSize(kernel, 4n)))) return undefined;
  if (kernel === 0n) {
    const advice = `-c ${hex(stub.chain)} after the kernel's -a tells it`;
    return blame(image, segment, `the stub does not know its kernel: ${advice}`);
  }
  return blame(image, segment, `the stub's kernel address ${hex(kernel)} lies in no other segment`);
}

function treeWithWrongInitrd(image: KexecImage, facts: MachineFacts): Finding | undefined {
  const { handed } = image;
  if (handed?.target.argument !== "device tree blob") return undefined;
  const { segment, target } = handed;
  try {
    const initrd = readToldInitrd(handed);
    const end = offsetOfArgument(target) + (headOf(bytesOf(handed))?.size ?? 0);
    return initrd && wrongInitrd(image, handed, { name: "the tree", advice: INITRD_ADVICE, end }, initrd, facts);
  } catch (error) {
    if (error instanceof Failure) return blame(image, segment, `${error.place}: ${error.fact}`);
    throw error;
  }
}

/** How to have another initrd told by a tree. */
export const INITRD_ADVICE = "fs2dt -i gives another, --no-initrd none";

/**
 * The initrd that the blob tells of.
 * @throws Failure for a blob that cannot be read
 */
export function readToldInitrd(handed: Handed): MemoryRange | undefined {
  if (handed.tree !== undefined) return initrdOf(handed.tree.root);
  const place = `the device tree blob at ${hex(addressOf(handed))}`;
  return initrdOf(treeFromBlob(bytesOf(handed), place, (name) => name === "chosen").root);
}
