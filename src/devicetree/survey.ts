// A tree looked over once for those who ask many questions of it: every node with its path and its parent, cells, phandles.

import { type MemoryRange, rangeOfSize } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { cellIn, cellsAt } from "./cells.ts";
import { isMemory } from "./memory.ts";
import { pathsOfPhandles } from "./references.ts";
import { type DeviceTree, type Node, property } from "./tree.ts";
import { visit } from "./walk.ts";

export interface Surveyed {
  readonly node: Node;
  readonly path: ByteString;
  /** Undefined for the root. */
  readonly parent: Surveyed | undefined;
  /** 0 for the root. */
  readonly depth: number;
}

export interface Survey {
  readonly tree: DeviceTree;
  /** Parents before their children. */
  readonly nodes: readonly Surveyed[];
  readonly byPath: ReadonlyMap<ByteString, Surveyed>;
  readonly pathsOfPhandles: ReadonlyMap<number, ByteString>;
  /** What the root's memory nodes say, as far as it can be read. */
  readonly memory: readonly MemoryRange[];
}

export function surveyOf(tree: DeviceTree): Survey {
  const nodes: Surveyed[] = [];
  const open: Surveyed[] = [];
  visit(tree.root, {
    enter(node, path) {
      const surveyed = { node, path, parent: open.at(-1), depth: open.length };
      nodes.push(surveyed);
      open.push(surveyed);
    },
    leave: () => void open.pop(),
  });
  const root = nodes[0]!;
  return {
    tree,
    nodes,
    byPath: new Map(nodes.map((each) => [each.path, each])),
    pathsOfPhandles: pathsOfPhandles(tree.root),
    memory: nodes
      .filter(({ node, parent }) => parent === root && isMemory(node))
      .flatMap(({ node }) => regEntries(property(node, "reg"), addressCells(root.node), sizeCells(root.node))),
  };
}

/** Of the addresses of a node's children. The default is the specification's (Devicetree Specification 0.4, 2.3.5). */
export function addressCells(node: Node): number {
  return cellIn(node, "#address-cells") ?? 2;
}

/** Of the sizes of a node's children. */
export function sizeCells(node: Node): number {
  return cellIn(node, "#size-cells") ?? 1;
}

/** The whole entries of a reg as ranges. */
function regEntries(reg: Uint8Array | undefined, address: number, size: number): MemoryRange[] {
  const step = 4 * (address + size);
  if (reg === undefined || step === 0 || step > 32) return [];
  return Array.from({ length: Math.floor(reg.length / step) }, (_, index) =>
    rangeOfSize(cellsAt(reg, step * index, address)!, cellsAt(reg, step * index + 4 * address, size)!),
  );
}

/** The node that takes this node's interrupts: the nearest interrupt-parent, or the parent that has #interrupt-cells. */
export function interruptParent(survey: Survey, surveyed: Surveyed): Surveyed | undefined {
  for (let at: Surveyed | undefined = surveyed; at !== undefined; at = at.parent) {
    const phandle = cellIn(at.node, "interrupt-parent");
    if (phandle !== undefined) return survey.byPath.get(survey.pathsOfPhandles.get(phandle) ?? "");
    if (at !== surveyed && property(at.node, "#interrupt-cells") !== undefined) return at;
  }
  return undefined;
}
