// What loading asks of the running machine's own device tree, which it may not have: few nodes of it, each read once.

import type { CellCounts } from "../devicetree/cells.ts";
import { DYNAMIC_MEMORY, dynamicRanges, isOfUnknownForm } from "../devicetree/drmem.ts";
import { headOf } from "../devicetree/format.ts";
import { treeFromDirectory } from "../devicetree/from/directory.ts";
import { keptMemory, RESERVED_MEMORY, rootNames, unmappedMemory } from "../devicetree/kept-memory.ts";
import { isMemoryName, leftOutRanges, memoryCells, takenRanges } from "../devicetree/memory.ts";
import { keptNames } from "../devicetree/reservations.ts";
import { MAX_DEPTH, type Node, type Property } from "../devicetree/tree.ts";
import { Failure, unlessFailure } from "../failure.ts";
import { isInPagesOf, type MemoryRange, type NamedRange, overlap } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { LIVE_BLOB, LIVE_TREE } from "./live-paths.ts";

/** Bytes that are read, at most, of a node, of /reserved-memory, and of the live blob, which begins with its reserve map. */
const MOST = { node: 64 * 1024 * 1024, reservedMemory: 256 * 1024, blob: 64 * 1024 };

/** What the running kernel took for memory. */
export interface TreeMemory {
  /** The ranges of the memory nodes, in the order of the tree; none where there is no tree, or it makes no sense. */
  readonly nodes: readonly MemoryRange[];
  /** All of it; empty where not all of it can be read. */
  readonly all: readonly MemoryRange[];
  /** What of the memory nodes' own ranges it did not take, since it was told what is usable. */
  readonly leftOut: readonly MemoryRange[];
  /** Why not all of it is known; undefined where it is. */
  readonly problem: string | undefined;
  /** Whether there is a tree at all. */
  readonly isThere: boolean;
}

export function readTreeMemory(system: System): TreeMemory {
  const problems: string[] = [];
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      problems.push(error.message);
      return undefined;
    }
  };
  const names = listChildren(system, "");
  const cells = attempt(() => readCells(system));
  const memory = cells && attempt(() => readMemoryNodes(system, names, cells));
  const blocks = cells && attempt(() => readBlocks(system, names, cells));
  const nodes = memory?.taken ?? [];
  const all = memory === undefined || blocks === undefined ? [] : [...nodes, ...blocks];
  const isThere = names.length > 0;
  const nothing = isThere ? `${LIVE_TREE} tells of none` : `${LIVE_TREE} cannot be read`;
  const problem = all.length > 0 ? undefined : (problems[0] ?? nothing);
  return { nodes, all, leftOut: memory?.leftOut ?? [], problem, isThere };
}

function readCells(system: System): CellCounts {
  const properties = readProperties(system, "", ["#address-cells", "#size-cells"]);
  return memoryCells({ name: "", properties, children: [] });
}

function readMemoryNodes(system: System, names: readonly ByteString[], cells: CellCounts) {
  const nodes = names.filter(isMemoryName).map((name) => readNode(system, name));
  return {
    taken: nodes.flatMap((node) => takenRanges(node, cells)),
    leftOut: nodes.flatMap((node) => leftOutRanges(node, cells)),
  };
}

/** What a partition can gain and lose. @throws Failure where nobody here can tell */
function readBlocks(system: System, names: readonly ByteString[], cells: CellCounts): readonly MemoryRange[] {
  const children = names.filter((name) => name === DYNAMIC_MEMORY).map((name) => readNode(system, name));
  const root = { name: "", properties: [], children };
  if (isOfUnknownForm(root, cells)) throw new Failure(`/${DYNAMIC_MEMORY}`, "lists memory in a way that is not known");
  return dynamicRanges(root, cells);
}

/**
 * What the tree says that firmware or the kernel keeps, by their names. Of nodes that may have pairs of properties for
 * it those are looked at that Linux looks at: RTAS, OPAL, and PCI bridges, from the root or from a bus on it down.
 */
export function readKeptMemory(system: System): NamedRange[] {
  const names = listChildren(system, "");
  const reserved = unlessFailure(() => readNode(system, RESERVED_MEMORY, MOST.reservedMemory));
  return keptMemory({
    name: "",
    properties: readProperties(system, "", rootNames),
    children: [
      ...names.filter(isKeeper).map((name) => readPairs(system, name, name, 1)),
      ...names.filter(mayBeBus).map((name) => readPairs(system, name, name, 1)),
      ...(reserved === undefined ? [] : [reserved]),
    ],
  });
}

/** What of /reserved-memory no kernel maps, by the names of its nodes. */
export function readUnmappedMemory(system: System): NamedRange[] {
  const reserved = unlessFailure(() => readNode(system, RESERVED_MEMORY, MOST.reservedMemory));
  if (reserved === undefined) return [];
  return unmappedMemory({ name: "", properties: readProperties(system, "", rootNames), children: [reserved] });
}

/** Whether a child of the root may have such a pair of properties, or a node below it. */
export function isKeeper(name: ByteString): boolean {
  return name === "rtas" || name === "ibm,opal" || isPci(name);
}

/** Not a node that is read as a whole, or of which there may be hundreds. */
function mayBeBus(name: ByteString): boolean {
  return !isKeeper(name) && name !== RESERVED_MEMORY && !isMemoryName(name);
}

/** The node with nothing but its pairs, and the PCI bridges below it. */
function readPairs(system: System, name: ByteString, path: ByteString, depth: number): Node {
  const entries = system.listIfThere(`${LIVE_TREE}/${path}`) ?? [];
  const pairs = entries.filter((entry) => keptNames.includes(entry.name)).map((entry) => entry.name);
  // A symbolic link is no node, and may lead back up.
  const bridges = entries.filter(({ kind, name }) => kind !== "file" && kind !== "symlink" && isPci(name));
  return {
    name,
    properties: readProperties(system, path, pairs),
    children:
      depth < MAX_DEPTH
        ? bridges.map((bridge) => readPairs(system, bridge.name, `${path}/${bridge.name}`, depth + 1))
        : [],
  };
}

function isPci(name: ByteString): boolean {
  return /^pci(ex)?(@|$)/.test(name);
}

/**
 * The reserve map that the running kernel was started with, without what only that start needed: its blob and its
 * initrd. undefined where it cannot be read. A range that one of `known` shares memory with has its name: the map has
 * whole pages.
 */
export function readReserveMap(
  system: System,
  known: readonly NamedRange[],
  initrd: MemoryRange | undefined,
): NamedRange[] | undefined {
  const head = headOf(system.readStartIfThere(LIVE_BLOB, MOST.blob) ?? new Uint8Array(0));
  if (head === undefined) return undefined;
  const named = head.reserved.map((range) => {
    const name = known.find((other) => overlap(other, range))?.name;
    return { ...range, name: name ?? `the reserve map of ${LIVE_BLOB}`, isKnown: name !== undefined };
  });
  const own = named.find(({ start, end, isKnown }) => !isKnown && end - start === BigInt(head.size));
  return named.filter((range) => range !== own && !(initrd !== undefined && isInPagesOf(initrd, range)));
}

/** What there is in the node of that path from the root, without a slash before it; nothing where there is no such node. */
export function listChildren(system: System, path: ByteString): ByteString[] {
  return (system.listIfThere(`${LIVE_TREE}/${path}`) ?? []).map(({ name }) => name).sort();
}

/** The node of that path and what is below it; undefined where that cannot be read. */
export function readSubtree(system: System, path: ByteString): Node | undefined {
  return unlessFailure(() => readNode(system, path));
}

/** @throws Failure where it cannot be read, or has more bytes than `maxSize` */
function readNode(system: System, path: ByteString, maxSize = MOST.node): Node {
  const rules = { maxSize, strict: false, secrets: false, notice: () => {} };
  const { properties, children } = treeFromDirectory(system, `${LIVE_TREE}/${path}`, rules);
  return { name: path, properties, children };
}

/** Those of the properties that the node has. */
function readProperties(system: System, path: ByteString, names: readonly ByteString[]): Property[] {
  return names.flatMap((name): Property[] => {
    const value = system.readIfThere(`${LIVE_TREE}/${path}${path === "" ? "" : "/"}${name}`);
    return value === undefined ? [] : [{ name, value }];
  });
}
