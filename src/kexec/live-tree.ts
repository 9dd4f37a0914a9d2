// The few things that loading asks of the running machine's own device tree, which it may not have.

import { type CellCounts, oneOrTwoCells } from "../devicetree/cells.ts";
import { DYNAMIC_MEMORY, dynamicRanges, isOfUnknownForm } from "../devicetree/drmem.ts";
import { treeFromDirectory } from "../devicetree/from/directory.ts";
import { memoryCells, takenRanges } from "../devicetree/memory.ts";
import type { Node, Property } from "../devicetree/tree.ts";
import { unlessFailure } from "../failure.ts";
import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

const TREE = "/proc/device-tree";

/** What the running kernel took for memory. */
export interface TreeMemory {
  /** The ranges of the memory nodes, in the order of the tree; none where there is no tree, or it makes no sense. */
  readonly nodes: readonly MemoryRange[];
  /** All of it; empty where not all of it can be read. */
  readonly all: readonly MemoryRange[];
}

export function readTreeMemory(system: System): TreeMemory {
  const names = listChildren(system, "");
  const cells = unlessFailure(() => readCells(system));
  const nodes = cells && unlessFailure(() => readMemoryNodes(system, names, cells));
  const blocks = cells && unlessFailure(() => readBlocks(system, names, cells));
  return { nodes: nodes ?? [], all: nodes === undefined || blocks === undefined ? [] : [...nodes, ...blocks] };
}

function readCells(system: System): CellCounts {
  const properties = ["#address-cells", "#size-cells"].flatMap((name): Property[] => {
    const value = system.readIfThere(`${TREE}/${name}`);
    return value === undefined ? [] : [{ name, value }];
  });
  return memoryCells({ name: "", properties, children: [] });
}

function readMemoryNodes(system: System, names: readonly ByteString[], cells: CellCounts): MemoryRange[] {
  return names
    .filter((name) => name === "memory" || name.startsWith("memory@"))
    .flatMap((name) => takenRanges(readNode(system, name), cells));
}

/** What a partition can gain and lose; undefined where nobody here can tell. */
function readBlocks(
  system: System,
  names: readonly ByteString[],
  cells: CellCounts,
): readonly MemoryRange[] | undefined {
  const children = names.filter((name) => name === DYNAMIC_MEMORY).map((name) => readNode(system, name));
  const root = { name: "", properties: [], children };
  return isOfUnknownForm(root, cells) ? undefined : dynamicRanges(root, cells);
}

/** What there is in the node of that path from the root, without a slash before it; nothing where there is no such node. */
export function listChildren(system: System, path: ByteString): ByteString[] {
  return (system.listIfThere(`${TREE}/${path}`) ?? []).map(({ name }) => name).sort();
}

/** The node of that path and what is below it; undefined where that cannot be read. */
export function readSubtree(system: System, path: ByteString): Node | undefined {
  return unlessFailure(() => readNode(system, path));
}

/** @throws Failure where it cannot be read */
function readNode(system: System, path: ByteString): Node {
  const rules = { maxSize: 64 * 1024 * 1024, strict: false, secrets: false, notice: () => {} };
  const { properties, children } = treeFromDirectory(system, `${TREE}/${path}`, rules);
  return { name: path, properties, children };
}

/** A number in /chosen, of one cell or two. */
export function readChosenNumber(system: System, name: ByteString): bigint | undefined {
  const value = system.readIfThere(`${TREE}/chosen/${name}`);
  return value && oneOrTwoCells(value);
}
