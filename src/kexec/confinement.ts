// Whether a crash kernel would stay in the memory that crashkernel= reserved: all other is what it is to save, and it
// takes for its own whatever it is told is memory. What it is not told of it does not map, though it is loaded there.

import { DYNAMIC_MEMORY } from "../devicetree/drmem.ts";
import { treeFromBlob } from "../devicetree/from/blob.ts";
import { keptMemory, RESERVED_MEMORY, reservedMemory } from "../devicetree/kept-memory.ts";
import { isMemoryName } from "../devicetree/memory.ts";
import { textOf } from "../devicetree/strings.ts";
import { child, type DeviceTree, type Node, property } from "../devicetree/tree.ts";
import { Failure, hex } from "../failure.ts";
import {
  contains,
  formatRange,
  formatRanges,
  type MemoryRange,
  mergeRanges,
  overlap,
  rangeOfSize,
  roundDown,
  roundUp,
  subtractRanges,
} from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { blame, blameWithAdvice, type Finding } from "./check.ts";
import type { MachineFacts } from "./facts.ts";
import { addressOf, bytesOf, type Handed, type KexecImage, type Segment } from "./image.ts";
import { isKeeper } from "./live-tree.ts";
import { limitMemory } from "./parameters.ts";

/** What differs from machine to machine where a crash kernel gets a tree. */
export interface ConfinementRules {
  /** What a kernel takes for memory that is given this tree. @throws Failure where it could not read that */
  memoryOf(root: Node, facts: MachineFacts): readonly MemoryRange[];
  /** What it is told to keep to, empty where a tree does not say: all that it maps. @throws Failure as memoryOf() does */
  limitsOf(root: Node): readonly MemoryRange[];
  /** What it may use besides the region. */
  readonly besides: readonly MemoryRange[];
  /** What of the image it maps wherever that lies. */
  mapsAnyway?(handed: Handed): readonly MemoryRange[];
}

/** Of a crash kernel that is handed a tree. */
export function findUnconfinedTree(
  image: KexecImage,
  facts: MachineFacts,
  { memoryOf, limitsOf, besides, mapsAnyway }: ConfinementRules,
): Finding | undefined {
  const { crashkernel, pageSize } = facts;
  if (!image.crash || crashkernel === undefined) return undefined;
  const { handed } = image;
  if (handed?.target.argument !== "device tree blob") return undefined;
  const { segment } = handed;
  const advice = `fs2dt --usable ${hex(crashkernel.start)},${hex(crashkernel.end - crashkernel.start)}`;
  const place = `the device tree blob at ${hex(addressOf(handed))}`;
  try {
    const tree = treeFromBlob(bytesOf(handed), place, isOfMemory);
    const { root } = tree;
    const line = textOf(property(child(root, "chosen"), "bootargs") ?? new Uint8Array(0));
    const memory = allocatable(tree, limitMemory(mergeRanges(memoryOf(root, facts)), line), pageSize);
    const outside = outsideRegion(facts, memory, [...besides, ...keptMemory(root)]);
    if (outside !== undefined) {
      return blameWithAdvice(image, segment, `by its tree ${outside}: ${advice} confines it`);
    }
    const limits = mergeRanges(limitsOf(root));
    const mapped = mapsAnyway?.(handed) ?? [];
    const lost = image.segments.find(
      (each) => limits.length > 0 && !holdsBytes(limits, each) && !mapped.some((range) => overlap(range, each)),
    );
    if (lost === undefined) return undefined;
    const fact = `the crash kernel has by its tree only ${formatRanges(limits)}`;
    return blameWithAdvice(image, lost, `${fact}: ${advice} gives it the region`);
  } catch (error) {
    if (error instanceof Failure) return blame(image, segment, error.message);
    throw error;
  }
}

/** Whether one of `ranges` has all the bytes of the segment, which may have none. */
function holdsBytes(ranges: readonly MemoryRange[], { start, bytes }: Segment): boolean {
  return bytes.length === 0 || ranges.some((each) => contains(each, rangeOfSize(start, BigInt(bytes.length))));
}

/** The children of the root that tell of memory, and of the command line, which may limit it. */
export function isOfMemory(name: ByteString): boolean {
  return isMemoryName(name) || isKeeper(name) || ["chosen", DYNAMIC_MEMORY, RESERVED_MEMORY].includes(name);
}

/** What Linux may give to whoever asks. It reserves by whole pages. */
function allocatable(tree: DeviceTree, memory: readonly MemoryRange[], page: bigint): MemoryRange[] {
  const reserved = [...tree.reservations, ...reservedMemory(tree.root)];
  const pages = reserved.map(({ start, end }) => ({ start: roundDown(start, page), end: roundUp(end, page) }));
  return subtractRanges(memory, pages);
}

/** In words, what of `memory` is neither what crashkernel= reserved nor among `besides`. */
export function outsideRegion(
  { crashkernel, crashkernelLow }: MachineFacts,
  memory: readonly MemoryRange[],
  besides: readonly MemoryRange[],
): string | undefined {
  if (crashkernel === undefined) return undefined;
  const low = crashkernelLow === undefined ? [] : [crashkernelLow];
  const outside = subtractRanges(memory, [crashkernel, ...low, ...besides]);
  if (outside.length === 0) return undefined;
  const ranges = formatRanges(outside);
  return `the crash kernel takes ${ranges} for its own, beyond ${formatRange(crashkernel)}, which is kept for it`;
}

/** What of a crash kernel is not checked, for people. */
export function listUncheckedConfinement({ crash, handed }: KexecImage): string[] {
  if (!crash || handed !== undefined) return [];
  return ["what memory the crash kernel takes for its own is not checked: no stub of ours is entered"];
}
