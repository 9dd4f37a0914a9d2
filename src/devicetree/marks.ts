// Marks that the reader of a directory leaves at nodes, so that what is asked of every tree is asked of few nodes.

import type { ByteString } from "../sys/engine.ts";
import type { NameRule } from "../sys/gather.ts";
import type { Node } from "./tree.ts";
import { pathOf, walk } from "./walk.ts";

/** A bit for each question. Looking through all properties of a tree takes as long as reading it. */
export const MARK = {
  /** A property that says what memory is taken. */
  reservation: 1,
  /** A standard property of a wrong length. */
  oddity: 2,
  /** A property by which a machine recognizes its trees. */
  arch: 4,
  /** A property that was left empty. */
  emptied: 8,
} as const;

/** The marks of a node that no reader has looked at: each may be set. */
export const ALL_MARKS = -1;

/** What a reader looks for. */
export interface MarkRules {
  /** Properties, by name. */
  readonly names: readonly NameRule[];
}

/** The rules of commands that ask nothing of every tree. */
export const NO_MARKS: MarkRules = { names: [] };

/** Marks the nodes that have a property of this name, whatever its length: no length & 0 is 1. */
export function ruleForName(name: ByteString, mark: number): NameRule {
  return { name, mask: 0, value: 1, mark };
}

/** The marks that a reader with these rules looks for. */
export function bitsOf({ names }: MarkRules): number {
  return names.reduce((bits, { mark }) => bits | mark, 0);
}

/** Visits every node that may have one of `marks`, parents before their children. */
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
