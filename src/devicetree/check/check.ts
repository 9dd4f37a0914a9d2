// What a check of a tree is, and what several of them ask.

import { Failure, type Notice } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { baseName, below } from "../names.ts";
import { textOf } from "../strings.ts";
import type { Position, Survey } from "../survey.ts";
import { type Node, property } from "../tree.ts";

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

/** Not of an overlay, in which neither parents nor phandles are what they will be, and no machine is told of. */
export const OF_A_MACHINE: Prerequisite = { check: "overlay", at: "/" };

/** A look at each property by itself. */
export function eachProperty(
  look: (name: ByteString, value: Uint8Array, place: ByteString, tell: Notice) => void,
): Check["look"] {
  return ({ node, path }, tell) => {
    for (const { name, value } of node.properties) look(name, value, below(path, name), tell);
  };
}

/** Whether Linux takes a child of /cpus for a cpu (drivers/of/cpu.c of_get_next_cpu_node). */
export function isCpu(node: Node): boolean {
  const type = property(node, "device_type");
  return baseName(node.name) === "cpu" || (type !== undefined && textOf(type) === "cpu");
}

/** Whether there is one cpu alone, and neither its name nor a reg gives it a number: it needs none. */
export function isLoneCpu(cpus: readonly Node[]): boolean {
  const [only, ...others] = cpus;
  return others.length === 0 && only?.name === "cpu" && property(only, "reg") === undefined;
}

/** The items that are there more than once. */
export function findRepeated<T>(items: readonly T[]): Set<T> {
  const seen = new Set<T>();
  const twice = new Set<T>();
  for (const item of items) (seen.has(item) ? twice : seen).add(item);
  return twice;
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
