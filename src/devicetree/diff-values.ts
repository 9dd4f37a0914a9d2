// One side of a difference as a line for people: references as paths, and of a long value the part that differs.

import { hex } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { wordsOf } from "./cells.ts";
import { type Kind, kindOf } from "./kinds.ts";
import { escapeName, escapePath } from "./names.ts";
import { quote } from "./quote.ts";
import { stringsOf } from "./strings.ts";
import type { Property } from "./tree.ts";
import { bytesText } from "./value-text.ts";

/** Bytes of the longest value that is shown whole. */
const LONG = 1024;

/** Bytes that are shown of a longer one: before and behind those that differ, and at most of those. */
const AROUND = 32;
const MOST = 64;

export type Targets = ReadonlyMap<number, ByteString>;

export interface Context {
  /** The name of the node that has the property. */
  readonly node: ByteString;
  /** The paths of the nodes that words of the value refer to, by the words' indexes, which are in this range. */
  targets(from: number, to: number): Targets;
  /** This value and the one on the other side, where there is one, as they are compared. */
  sides(): readonly [own: Uint8Array, other: Uint8Array] | undefined;
}

/** `name = value;`; where that is a part, a comment says which and where the two sides differ. */
export function propertyText({ name, value }: Property, context: Context): string {
  const kind = kindOf(name, value, context.node);
  if (kind === "empty") return `${escapeName(name)};`;
  if (value.length <= LONG) return `${escapeName(name)} = ${partText(kind, value, 0, context)};`;
  const sides = context.sides();
  const differing = sides && differingBytes(sides[0], sides[1]);
  const [from, to] = differing ?? [0, MOST];
  // Whole cells, so that both sides begin at one place.
  const start = Math.max(0, from - AROUND) & ~3;
  const end = Math.min(value.length, ((Math.min(to, from + MOST) + AROUND) | 3) + 1);
  const part = partText(kind, value.subarray(start, end), start, context);
  const shown = `${start > 0 ? "... " : ""}${part}${end < value.length ? " ..." : ""}`;
  const differ = differing === undefined ? "" : `, ${hex(from)}-${hex(to)} differ`;
  return `${escapeName(name)} = ${shown}; /* ${hex(value.length)} bytes: ${hex(start)}-${hex(end)} shown${differ} */`;
}

/** What lies between that which both begin with and that which both end with; undefined where they are equal. */
function differingBytes(value: Uint8Array, other: Uint8Array): readonly [from: number, to: number] | undefined {
  const shorter = Math.min(value.length, other.length);
  let from = 0;
  while (from < shorter && value[from] === other[from]) from++;
  if (from === shorter && value.length === other.length) return undefined;
  let same = 0;
  while (same < shorter - from && value[value.length - 1 - same] === other[other.length - 1 - same]) same++;
  return [from, value.length - same];
}

/** @param start of the part in the value */
function partText(kind: Exclude<Kind, "empty">, part: Uint8Array, start: number, context: Context): string {
  switch (kind) {
    case "strings":
      return stringsOf(part).map(quote).join(", ");
    case "cells": {
      const first = start / 4;
      const words = wordsOf(part);
      const targets = context.targets(first, first + words.length);
      return `<${words.map((word, index) => wordText(word, targets.get(first + index))).join(" ")}>`;
    }
    case "bytes":
      return bytesText(part);
  }
}

function wordText(word: number, target: ByteString | undefined): string {
  return target === undefined ? hex(word) : `&{${escapePath(target)}}`;
}
