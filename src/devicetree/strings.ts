// Texts in values: bytes that end with NUL.

import type { ByteString } from "../sys/engine.ts";

/** Arguments that a call may have: engines differ, and this is far below all of them. */
const CHUNK = 4096;

/** The bytes from `start` to `end` as text. */
export function textIn(bytes: Uint8Array, start = 0, end = bytes.length): ByteString {
  let text = "";
  for (let at = start; at < end; at += CHUNK) {
    // As an array, which it is to apply(): spreading goes through an iterator, byte by byte.
    const chunk = bytes.subarray(at, Math.min(at + CHUNK, end)) as unknown as number[];
    text += String.fromCharCode.apply(null, chunk);
  }
  return text;
}

/** Appends NUL: a string as firmware writes it. */
export function stringValue(text: ByteString): Uint8Array {
  return Uint8Array.from([...text, "\0"], (character) => character.charCodeAt(0));
}

/** The strings of a value; the last may lack its NUL. */
export function stringsOf(value: Uint8Array): ByteString[] {
  const strings: ByteString[] = [];
  for (let start = 0; start < value.length; ) {
    const nul = value.indexOf(0, start);
    const end = nul < 0 ? value.length : nul;
    strings.push(textIn(value, start, end));
    start = end + 1;
  }
  return strings;
}

/**
 * Tells the same strings in parts, of which a long one has several.
 * @param tell also gets whether a string begins, or ends, with the part
 */
export function eachPartOfStrings(
  value: Uint8Array,
  tell: (part: ByteString, begins: boolean, ends: boolean) => void,
): void {
  for (let start = 0; start < value.length; ) {
    const nul = value.indexOf(0, start);
    const end = nul < 0 ? value.length : nul;
    let at = start;
    do {
      const next = Math.min(at + CHUNK, end);
      tell(textIn(value, at, next), at === start, next === end);
      at = next;
    } while (at < end);
    start = end + 1;
  }
}

/** A string value up to its NUL. */
export function textOf(value: Uint8Array): ByteString {
  const nul = value.indexOf(0);
  return textIn(value, 0, nul < 0 ? value.length : nul);
}
