// A tree looked over once for those who ask many questions of it: every node with its path and parent, phandles, memory.

import type { MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { readableMemory } from "./memory.ts";
import { phandleOf } from "./references.ts";
import type { DeviceTree, Node } from "./tree.ts";
import { visit } from "./walk.ts";

/** A node and where it is in its tree. */
export interface Position {
  readonly node: Node;
  readonly path: ByteString;
  /** Undefined for the root. */
  readonly parent: Position | undefined;
  /** 0 for the root. */
  readonly depth: number;
}

export interface Survey {
  readonly tree: DeviceTree;
  /** Parents before their children. */
  readonly nodes: readonly Position[];
  readonly byPath: ReadonlyMap<ByteString, Position>;
  /** By phandle, the first node that has it. */
  readonly byPhandle: ReadonlyMap<number, Position>;
  /** What a kernel takes for memory, as far as it can be read. */
  readonly memory: readonly MemoryRange[];
}

export function surveyOf(tree: DeviceTree): Survey {
  const nodes: Position[] = [];
  const byPhandle = new Map<number, Position>();
  const open: Position[] = [];
  visit(tree.root, {
    enter(node, path) {
      const position = { node, path, parent: open.at(-1), depth: open.length };
      nodes.push(position);
      const phandle = phandleOf(node);
      if (phandle !== undefined && !byPhandle.has(phandle)) byPhandle.set(phandle, position);
      open.push(position);
    },
    leave: () => void open.pop(),
  });
  let memory: readonly MemoryRange[] | undefined;
  return {
    tree,
    nodes,
    byPath: new Map(nodes.map((position) => [position.path, position])),
    byPhandle,
    // Few ask, and a value of 16 MiB has a million ranges.
    get memory() {
      memory ??= readableMemory(tree.root);
      return memory;
    },
  };
}

/** Where a node of the survey's own tree is. */
export function positionOf({ nodes }: Survey, node: Node): Position {
  const position = nodes.find((each) => each.node === node);
  if (position === undefined) throw new Error("a node of another tree");
  return position;
}
