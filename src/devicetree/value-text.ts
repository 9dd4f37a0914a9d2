// A property's value as a person reads it, by what its name and its bytes say that it is.

import { hex } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { wordsOf } from "./cells.ts";
import { kindOf } from "./kinds.ts";
import { quote } from "./quote.ts";
import { stringsOf } from "./strings.ts";

/**
 * A value as text on one line, its cells in groups of so many; "" where it is empty.
 * @param node the name of the node that has it
 */
export function valueText(name: ByteString, value: Uint8Array, group = Infinity, node: ByteString = ""): string {
  switch (kindOf(name, value, node)) {
    case "empty":
      return "";
    case "strings":
      return stringsOf(value).map(quote).join(", ");
    case "cells":
      return groupsOf(wordsOf(value), group)
        .map((words) => `<${words.map((word) => hex(word)).join(" ")}>`)
        .join(", ");
    case "bytes":
      return bytesText(value);
  }
}

/** `[00 ff]` */
export function bytesText(bytes: Uint8Array): string {
  return `[${hexDigits(bytes, " ")}]`;
}

/** Bytes that become text at a time: a list of the digits of all would take 50 times their memory. */
const CHUNK = 4096;

/** Two digits for each byte. */
export function hexDigits(bytes: Uint8Array, between: string): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const part = Array.from(bytes.subarray(at, at + CHUNK), (byte) => byte.toString(16).padStart(2, "0"));
    text += `${at === 0 ? "" : between}${part.join(between)}`;
  }
  return text;
}

function groupsOf<T>(items: readonly T[], size: number): T[][] {
  if (items.length <= size) return [[...items]];
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(size * index, size * (index + 1)),
  );
}
