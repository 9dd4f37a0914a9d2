// What a check of a tree is, and what several of them ask.

import { Failure } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { below } from "../names.ts";
import type { Survey, Surveyed } from "../survey.ts";

export type Tell = (place: ByteString, fact: string) => void;

export interface Check {
  readonly name: string;
  readonly severity: "error" | "warning";
  readonly reason: string;
  /** Where it is written. */
  readonly source: string;
  readonly find: (survey: Survey, tell: Tell) => void;
}

/** A check that looks at each node by itself. */
export function eachNode(look: (surveyed: Surveyed, tell: Tell, survey: Survey) => void): Check["find"] {
  return (survey, tell) => survey.nodes.forEach((surveyed) => look(surveyed, tell, survey));
}

/** The same for each property. */
export function eachProperty(
  look: (name: ByteString, value: Uint8Array, place: ByteString, tell: Tell) => void,
): Check["find"] {
  return eachNode(({ node, path }, tell) => {
    for (const { name, value } of node.properties) look(name, value, below(path, name), tell);
  });
}

/** What is there more than once. */
export function repeated<T>(items: readonly T[]): Set<T> {
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
