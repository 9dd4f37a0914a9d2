// One command on a machine of memory, with an input of some size. Plain ES2023, so that every engine can run it.

import type { Machine } from "../../src/sys/engine.ts";
import { joinParts, splitParts } from "../fuzz/belongings.ts";
import type { Files } from "../fuzz/machine.ts";
import { bytesOf, textOf } from "../fuzz/target.ts";

export interface Case {
  readonly machine: Machine;
  /** As process 1. */
  readonly isFirst: boolean;
  readonly words: readonly string[];
  readonly stdin: Uint8Array;
  readonly files: Files;
}

/** Between words, none of which has one. */
const END = "\0";

export function packCase({ machine, isFirst, words, stdin, files }: Case): Uint8Array {
  const told = [machine, isFirst ? "first" : "", ...words].join(END);
  return joinParts([bytesOf(told), stdin, ...[...files].flatMap(([path, bytes]) => [bytesOf(path), bytes])]);
}

export function unpackCase(bytes: Uint8Array): Case {
  const [told = bytes, stdin = bytes, ...rest] = splitParts(bytes);
  const [machine = "", first, ...words] = textOf(told).split(END);
  const files = new Map<string, Uint8Array>();
  for (let at = 0; at < rest.length; at += 2) files.set(textOf(rest[at] ?? told), rest[at + 1] ?? told);
  return { machine: machine as Machine, isFirst: first === "first", words, stdin, files };
}
