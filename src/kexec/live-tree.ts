// What loading asks of the running machine's own device tree, which it may not have: few nodes of it, each read once, unless
// all of it was read already.

import { type CellCounts, oneOrTwoCells } from "../devicetree/cells.ts";
import { DYNAMIC_MEMORY, dynamicRanges, isOfUnknownForm } from "../devicetree/drmem.ts";
import { headOf } from "../devicetree/format.ts";
import { openDirectory, treeFromDirectory } from "../devicetree/from/directory.ts";
import { RESERVED_MEMORY, reservedMemory, rootNames, unmappedMemory } from "../devicetree/kept-memory.ts";
import { MARK, visitMarked } from "../devicetree/marks.ts";
import { isMemoryName, leftOutRanges, memoryCells, takenRanges } from "../devicetree/memory.ts";
import { baseName } from "../devicetree/names.ts";
import { keptByPairs, keptNames } from "../devicetree/reservations.ts";
import { child, MAX_DEPTH, type Node, type Property, property } from "../devicetree/tree.ts";
import { attempt, Failure } from "../failure.ts";
import { isInPagesOf, type MemoryRange, type NamedRange, overlap, rangeOfSize } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { type Entry, type System, saysMissing } from "../sys/system.ts";
import { LIVE_BLOB, LIVE_TREE } from "./live-paths.ts";

/** Bytes that are read, at most, of a node, of /reserved-memory, and of the live blob, which begins with its reserve map. */
const MOST = { node: 64 * 1024 * 1024, reservedMemory: 256 * 1024, blob: 64 * 1024 };

/** The running machine's tree. A path has the names of nodes from the root on, without a slash before them: the root's is "". */
export interface LiveTree {
  /** Names of the nodes in a node; none where there is no such node. @throws Failure where they cannot be read */
  childrenOf(path: ByteString): readonly ByteString[];
  /** undefined where there is none. @throws Failure where it cannot be read */
  property(path: ByteString, name: ByteString): Uint8Array | undefined;
  /**
   * A node and what is below it; undefined where there is no such node.
   * @throws Failure where it cannot be read, or has more bytes than `maxSize`
   */
  node(path: ByteString, maxSize?: number): Node | undefined;
  /**
   * The nodes, with the properties at least, that tell by pairs of them what somebody keeps (see readKeptMemory).
   * @param tell gets why one is not among them
   */
  keepers(tell: (why: string) => void): readonly Node[];
}

/** Reads what it is asked for, and nothing else: the tree of a large machine has thousands of nodes. */
export class UnreadTree implements LiveTree {
  constructor(readonly system: System) {}

  childrenOf(path: ByteString): ByteString[] {
    return this.#list(path)
      .filter(isNode)
      .map(({ name }) => name)
      .sort();
  }

  property(path: ByteString, name: ByteString): Uint8Array | undefined {
    return this.system.mustReadIfThere(`${LIVE_TREE}/${path}${path === "" ? "" : "/"}${name}`);
  }

  node(path: ByteString, maxSize = MOST.node): Node | undefined {
    const directory = `${LIVE_TREE}/${path}`;
    const opened = openDirectory(this.system, directory);
    if (saysMissing(opened)) return undefined;
    const rules = { maxSize, strict: false, secrets: false, notice: () => {} };
    const { properties, children } = treeFromDirectory(this.system, directory, rules, opened);
    return { name: path, properties, children };
  }

  keepers(tell: (why: string) => void): Node[] {
    const names = attempt(() => this.childrenOf(""), tell) ?? [];
    return [...names.filter(isKeeper), ...names.filter(mayBeBus)].flatMap((name) => this.#pairs(name, name, 1, tell));
  }

  /** The node with nothing but its pairs, and the PCI bridges below it. */
  #pairs(name: ByteString, path: ByteString, depth: number, tell: (why: string) => void): Node[] {
    const entries = attempt(() => this.#list(path), tell) ?? [];
    const pairs = entries.filter((entry) => keptNames.includes(entry.name)).map((entry) => entry.name);
    const properties = attempt(() => readProperties(this, path, pairs), tell) ?? [];
    const bridges = depth < MAX_DEPTH ? entries.filter((entry) => isNode(entry) && isPci(entry.name)) : [];
    return [
      { name, properties, children: [] },
      ...bridges.flatMap((bridge) => this.#pairs(bridge.name, `${path}/${bridge.name}`, depth + 1, tell)),
    ];
  }

  #list(path: ByteString): readonly Entry[] {
    return this.system.mustListIfThere(`${LIVE_TREE}/${path}`) ?? [];
  }
}

/** A symbolic link is no node, and may lead back up. */
function isNode({ kind }: Entry): boolean {
  return kind !== "file" && kind !== "symlink";
}

/** Was read as a whole, and is not edited yet. */
export class ReadTree implements LiveTree {
  /** @param root marked at least by reservationRules */
  constructor(readonly root: Node) {}

  childrenOf(path: ByteString): ByteString[] {
    return this.#find(path)?.children.map(({ name }) => name) ?? [];
  }

  property(path: ByteString, name: ByteString): Uint8Array | undefined {
    return property(this.#find(path), name);
  }

  node(path: ByteString): Node | undefined {
    return this.#find(path);
  }

  keepers(): Node[] {
    const nodes: Node[] = [];
    visitMarked(this.root, MARK.reservation, (node, path) => {
      const [first = "", ...others] = path.slice(1).split("/");
      if ((isKeeper(first) || mayBeBus(first)) && others.every(isPci)) nodes.push(node);
    });
    return nodes;
  }

  #find(path: ByteString): Node | undefined {
    const names = path === "" ? [] : path.split("/");
    return names.reduce<Node | undefined>((node, name) => child(node, name), this.root);
  }
}

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

export function readTreeMemory(tree: LiveTree): TreeMemory {
  const problems: string[] = [];
  const tell = (why: string) => problems.push(why);
  const names = attempt(() => tree.childrenOf(""), tell) ?? [];
  const cells = attempt(() => readCells(tree), tell);
  const memory = cells && attempt(() => readMemoryNodes(tree, names, cells), tell);
  const blocks = cells && attempt(() => readBlocks(tree, names, cells), tell);
  const nodes = memory?.taken ?? [];
  const all = memory === undefined || blocks === undefined ? [] : [...nodes, ...blocks];
  const isThere = names.length > 0;
  const nothing = isThere ? `${LIVE_TREE} tells of none` : `${LIVE_TREE} cannot be read`;
  const problem = all.length > 0 ? undefined : (problems[0] ?? nothing);
  return { nodes, all, leftOut: memory?.leftOut ?? [], problem, isThere };
}

function readCells(tree: LiveTree): CellCounts {
  const properties = readProperties(tree, "", ["#address-cells", "#size-cells"]);
  return memoryCells({ name: "", properties, children: [] });
}

function readMemoryNodes(tree: LiveTree, names: readonly ByteString[], cells: CellCounts) {
  const nodes = names.filter(isMemoryName).flatMap((name) => tree.node(name) ?? []);
  return {
    taken: takenRanges(nodes, cells),
    leftOut: leftOutRanges(nodes, cells),
  };
}

/** What a partition can gain and lose. @throws Failure where nobody here can tell */
function readBlocks(tree: LiveTree, names: readonly ByteString[], cells: CellCounts): readonly MemoryRange[] {
  const children = names.filter((name) => name === DYNAMIC_MEMORY).flatMap((name) => tree.node(name) ?? []);
  const root = { name: "", properties: [], children };
  if (isOfUnknownForm(root, cells)) throw new Failure(`/${DYNAMIC_MEMORY}`, "lists memory in a way that is not known");
  return dynamicRanges(root, cells);
}

/**
 * What the tree says that firmware or the kernel keeps, by their names. Of nodes that may have pairs of properties for
 * it those are looked at that Linux looks at: RTAS, OPAL, and PCI bridges, from the root or from a bus on it down.
 * @param tell gets why some of it is not known
 */
export function readKeptMemory(tree: LiveTree, tell: (why: string) => void): NamedRange[] {
  const pairs = tree.keepers(tell).flatMap(keptByPairs);
  const children = attempt(() => readReserved(tree), tell) ?? [];
  const reserved = attempt(() => reservedMemory(readRoot(tree, children)), tell) ?? [];
  return [...pairs.filter(({ start, end }) => start < end), ...reserved];
}

/** What of /reserved-memory no kernel maps, by the names of its nodes. @throws Failure where it cannot be read */
export function readUnmappedMemory(tree: LiveTree, isFirmware?: (name: ByteString) => boolean): NamedRange[] {
  const children = readReserved(tree);
  return children.length === 0 ? [] : unmappedMemory(readRoot(tree, children), isFirmware);
}

/** The node that tells what is reserved, where there is one. */
function readReserved(tree: LiveTree): Node[] {
  const reserved = tree.node(RESERVED_MEMORY, MOST.reservedMemory);
  return reserved === undefined ? [] : [reserved];
}

/** The root with what of its own properties tells of reserved memory. */
function readRoot(tree: LiveTree, children: Node[]): Node {
  return { name: "", properties: readProperties(tree, "", rootNames), children };
}

/** Whether a child of the root may have such a pair of properties, or a node below it. */
export function isKeeper(name: ByteString): boolean {
  return name === "rtas" || name === "ibm,opal" || isPci(name);
}

/** Not a node that is read as a whole, or of which there may be hundreds. */
function mayBeBus(name: ByteString): boolean {
  return !isKeeper(name) && name !== RESERVED_MEMORY && !isMemoryName(name);
}

function isPci(name: ByteString): boolean {
  const base = baseName(name);
  return base === "pci" || base === "pciex";
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

/** A number in /chosen, of one cell or two; undefined where there is none. @throws Failure where it cannot be read */
export function readChosenNumber(tree: LiveTree, name: ByteString): bigint | undefined {
  const value = tree.property("chosen", name);
  return value && oneOrTwoCells(value);
}

/** Those of the properties that the node has. */
function readProperties(tree: LiveTree, path: ByteString, names: readonly ByteString[]): Property[] {
  return names.flatMap((name): Property[] => {
    const value = tree.property(path, name);
    return value === undefined ? [] : [{ name, value }];
  });
}

/** What crashkernel= reserved, where the kernel says so in the tree (arch/powerpc/kexec/core.c kexec_setup). */
export function readCrashkernel(tree: LiveTree): MemoryRange | undefined {
  const base = readChosenNumber(tree, "linux,crashkernel-base");
  const size = readChosenNumber(tree, "linux,crashkernel-size");
  return base === undefined || size === undefined || size === 0n ? undefined : rangeOfSize(base, size);
}
