// A property's value as a person reads it, by what its name and its bytes say that it is.

import { hex } from "../failure.ts";
import type { ByteString, Write } from "../sys/engine.ts";
import { wordsOf } from "./cells.ts";
import { kindOf } from "./kinds.ts";
import { escapeQuoted } from "./quote.ts";
import { eachPartOfStrings } from "./strings.ts";

/**
 * Writes a value as text on one line, its cells in groups of so many; nothing where it is empty.
 * @param node the name of the node that has it
 */
export function writeValue(
  write: Write,
  name: ByteString,
  value: Uint8Array,
  group = Infinity,
  node: ByteString = "",
): void {
  switch (kindOf(name, value, node)) {
    case "empty":
      return;
    case "strings": {
      let between = "";
      eachPartOfStrings(value, (part, begins, ends) => {
        write(`${begins ? `${between}"` : ""}${escapeQuoted(part)}${ends ? '"' : ""}`);
        between = ", ";
      });
      return;
    }
    case "cells":
      writeCells(write, value, group);
      return;
    case "bytes":
      write("[");
      writeDigits(write, value, " ");
      write("]");
  }
}

/** `<0x1 0x2>, <0x3 0x4>` */
function writeCells(write: Write, value: Uint8Array, group: number): void {
  const count = Math.floor(value.length / 4);
  const size = Math.max(1, Math.min(group, count));
  for (let at = 0; at < count; at += CHUNK) {
    const words = wordsOf(value.subarray(4 * at, 4 * (at + CHUNK)));
    const texts = words.map((word, index) => {
      const place = (at + index) % size;
      return `${place > 0 ? " " : at + index > 0 ? ">, <" : "<"}${hex(word)}`;
    });
    write(texts.join(""));
  }
  write(">");
}

/** A few of them: `[00 ff]` */
export function bytesText(bytes: Uint8Array): string {
  let text = "";
  writeDigits((part) => (text += part), bytes, " ");
  return `[${text}]`;
}

/** Bytes or cells that become text at a time: a list of the digits of all would take 50 times their memory. */
const CHUNK = 4096;

/** Of each byte: a text made for each byte of a value would take Bun five times that value's memory until it collects them. */
const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Two digits for each byte. */
export function writeDigits(write: Write, bytes: Uint8Array, between: string): void {
  const digits: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const end = Math.min(at + CHUNK, bytes.length);
    digits.length = 0;
    for (let each = at; each < end; each++) digits.push(DIGITS[bytes[each] as number] as string);
    write(`${at === 0 ? "" : between}${digits.join(between)}`);
  }
}
