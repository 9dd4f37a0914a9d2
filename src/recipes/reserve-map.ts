// The reserve map of a tree that was read from a directory, which has none: that of the blob which the running kernel was
// started with, where the directory is that kernel's tree.

import { treeFromBlob } from "../devicetree/from/blob.ts";
import { openDirectory } from "../devicetree/from/directory.ts";
import { reservedMemory } from "../devicetree/kept-memory.ts";
import { isMemoryName } from "../devicetree/memory.ts";
import { listPerhapsOwn } from "../devicetree/own-entry.ts";
import { initrdOf } from "../devicetree/reservations.ts";
import { child, type DeviceTree, type Node, property } from "../devicetree/tree.ts";
import { type Notice, unlessFailure } from "../failure.ts";
import { isLiveTree, LIVE_BLOB } from "../kexec/live-paths.ts";
import { STUB_SIZE } from "../kexec/stub.ts";
import { contains, isInPagesOf, type MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

/** Bytes of that blob. Where its reserve map matters Linux maps no more. */
const LARGEST = 2 * 1024 * 1024;

/** Of the root, what tells one machine from another. */
const IDENTITY: readonly ByteString[] = ["model", "compatible", "serial-number"];

/**
 * Adds what firmware reserved and nothing else in the tree tells of. The initrd's entry was of that start alone, and so was the
 * blob's own where a stub lay before it. Elsewhere it is kept, since nothing tells it from firmware's. Says so where the map is not known.
 * @param source what the tree was read from
 */
export function takeReserveMap(system: System, tree: DeviceTree, source: ByteString, notice: Notice): void {
  if (!isDirectory(system, source)) return;
  const isLive = isLiveTree(system, source);
  const started = readStarted(system);
  if (started === undefined) {
    // A machine without one did not start from a tree like this: it is from elsewhere.
    if (isLive || !system.isMissing(LIVE_BLOB))
      notice("/", `${LIVE_BLOB} cannot be read, and a directory has no reserve map: --reserve adds to it`);
    return;
  }
  if (!isLive && !isSameMachine(started.root, tree.root)) {
    notice("/", `${LIVE_BLOB} is of another tree, and a directory has no reserve map: --reserve adds to it`);
    return;
  }
  if (started.reservations.length === 0) return;
  const initrd = initrdOf(started.root);
  const told = [...reservedMemory(tree.root), ...(initrd === undefined ? [] : [initrd])];
  const isTold = (range: MemoryRange) => told.some((other) => contains(other, range) || isInPagesOf(other, range));
  const own = listPerhapsOwn(started).find(isBehindStub);
  const kept = started.reservations.filter((range) => range !== own && !isTold(range));
  tree.reservations = [...tree.reservations, ...kept];
  tree.blobSize = started.blobSize;
}

/** No other entry begins so far behind the start of a page: kernel after kernel would keep one blob more. */
function isBehindStub({ start }: MemoryRange): boolean {
  return start % 0x1000n === BigInt(STUB_SIZE);
}

/**
 * Whether a tree is of the machine that this runs on: its own, or one like the blob that its kernel was started with.
 * @param source what it was read from
 */
export function isOwnTree(system: System, tree: DeviceTree, source: ByteString): boolean {
  if (isLiveTree(system, source)) return true;
  const started = readStarted(system);
  return started !== undefined && isSameMachine(started.root, tree.root);
}

/** Of that blob what is looked at here; undefined where it cannot be read. */
function readStarted(system: System): DeviceTree | undefined {
  const bytes = system.readIfThere(LIVE_BLOB, LARGEST);
  return bytes && unlessFailure(() => treeFromBlob(bytes, LIVE_BLOB, isCompared));
}

function isDirectory(system: System, source: ByteString): boolean {
  const descriptor = openDirectory(system, source);
  if (descriptor >= 0) system.close(descriptor);
  return descriptor >= 0;
}

/** The children of the root that are looked at here. */
function isCompared(name: ByteString): boolean {
  return name === "cpus" || name === "chosen" || isMemoryName(name);
}

/** By what neither a kernel nor an edit of what is handed on changes. */
function isSameMachine(a: Node, b: Node): boolean {
  return describe(a) === describe(b);
}

function describe(root: Node): string {
  const memory = root.children.filter(({ name }) => isMemoryName(name));
  const cpus = child(root, "cpus")?.children ?? [];
  const words = [
    ...IDENTITY.map((name) => [name, property(root, name)] as const),
    ...memory.map((node) => [node.name, property(node, "reg")] as const),
    ...cpus.map((node) => [node.name, property(node, "reg")] as const),
  ];
  return words
    .map(([name, value]) => `${name}=${value === undefined ? "-" : value.join()}`)
    .sort()
    .join("\n");
}
