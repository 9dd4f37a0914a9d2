// Marks that the reader of a directory leaves at nodes, so that few nodes have to be looked at later.

import type { ByteString } from "../sys/engine.ts";
import type { Node } from "./tree.ts";
import { pathOf, walk } from "./walk.ts";

/**
 * What is asked of every tree, though few nodes have to do with it. The reader of directories leaves at each node which
 * of these it may have to do with, so that nobody looks through all properties for a handful.
 */
export const MARK = {
  /** A property that says what memory is taken. */
  reservation: 1,
  /** A standard property of a wrong length, or a name that is too long. */
  oddity: 2,
  /** A property by which a machine recognizes its trees. */
  arch: 4,
  /** A property that was left empty. */
  emptied: 8,
} as const;

/** Of a node of which nothing is known before one has looked. */
export const ALL_MARKS = -1;

/** Visits in the same way those nodes that may have one of `marks`. */
export function visitMarked(root: Node, marks: number, enter: (node: Node, path: ByteString) => void): void {
  walk(root, {
    enter(node, parent) {
      if (((node.marksBelow ?? ALL_MARKS) & marks) === 0) return false;
      if (mayHave(node, marks)) enter(node, pathOf(node, parent));
      return true;
    },
  });
}

/** Whether a look at its properties may find what one of `marks` stands for. */
export function mayHave(node: Node, marks: number): boolean {
  return ((node.marks ?? ALL_MARKS) & marks) !== 0;
}
