// A text as source text writes it. Devicetree Specification 0.4, 6.3; escapes as dtc reads them.

import type { ByteString } from "../sys/engine.ts";

/** What a letter after a backslash stands for. */
export const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };
const LETTERS = new Map(Object.entries(ESCAPES).map(([letter, code]) => [code, letter]));

/** `"a\n"`; bytes that are not printable as \xHH. */
export function quote(text: ByteString): string {
  return `"${escapeQuoted(text)}"`;
}

/** The same, or a part of it, without its quotes. */
export function escapeQuoted(text: ByteString): string {
  return text.replace(/[^ !#-[\]-~]/g, (character) => {
    const code = character.charCodeAt(0);
    const letter = LETTERS.get(code);
    if (letter !== undefined) return `\\${letter}`;
    return code === 0x22 || code === 0x5c ? `\\${character}` : `\\x${code.toString(16).padStart(2, "0")}`;
  });
}
