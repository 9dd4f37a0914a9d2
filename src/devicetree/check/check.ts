// What a check of a tree is, and what several of them ask.

import { Failure, type Notice } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { baseName, below, MAX_NAME } from "../names.ts";
import type { Position, Survey } from "../survey.ts";
import type { Node } from "../tree.ts";

export interface Check {
  readonly name: string;
  readonly severity: "error" | "warning";
  readonly reason: string;
  /** Where it is written. */
  readonly source: string;
  /** The path of the one node that is looked at, if it is there; absent where every node is. */
  readonly at?: ByteString;
  /** Checks without which this one makes no sense. It is silent where one of them has failed. */
  readonly needs?: readonly Prerequisite[];
  /** Looks at a node, and tells of what is wrong there. */
  readonly look: (position: Position, tell: Notice, survey: Survey) => void;
}

export interface Prerequisite {
  /** The name of a check that comes earlier in the table. */
  readonly check: string;
  /** Where it must not have failed: at the node that is looked at, at its parent, or at the node of this path. */
  readonly at: "itself" | "parent" | `/${string}`;
  /** Only a finding on this property of that node counts; where it is absent, any finding there does. */
  readonly property?: ByteString;
}

/** A look at each property by itself. */
export function eachProperty(
  look: (name: ByteString, value: Uint8Array, place: ByteString, tell: Notice) => void,
): Check["look"] {
  return ({ node, path }, tell) => {
    for (const { name, value } of node.properties) look(name, value, below(path, name), tell);
  };
}

/** The items that are there more than once. */
export function findRepeated<T>(items: readonly T[]): Set<T> {
  const seen = new Set<T>();
  const twice = new Set<T>();
  for (const item of items) (seen.has(item) ? twice : seen).add(item);
  return twice;
}

/** The names of the node and of its properties that are longer than the specification has them. */
export function longNames(node: Node, path: ByteString): { readonly place: ByteString; readonly length: number }[] {
  const own = baseName(node.name).length;
  const found = own > MAX_NAME ? [{ place: path, length: own }] : [];
  for (const { name } of node.properties)
    if (name.length > MAX_NAME) found.push({ place: below(path, name), length: name.length });
  return found;
}

/** The Failure that `work` ends with, if it does. */
export function failureOf(work: () => unknown): Failure | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  return undefined;
}
