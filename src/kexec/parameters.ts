// A Linux command line, as far as it decides what a kernel takes for memory.
// Linux: Documentation/admin-guide/kernel-parameters.txt (mem=, memmap=), lib/cmdline.c (next_arg, memparse).

import { type MemoryRange, min } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";

/** A word of a command line: `name=value`, or a name alone, whose value is "". */
export interface Parameter {
  readonly name: ByteString;
  readonly value: ByteString;
}

/** All words as they stand there, in their order. What is in quotes is one. */
export function parametersOf(line: ByteString): ByteString[] {
  return line.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
}

/** In their order, without those of init, which follow ` -- `. */
export function wordsOfLine(line: ByteString): Parameter[] {
  const words = parametersOf(line);
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? words.length : end).map((word) => {
    const at = word.indexOf("=");
    return at < 0 ? { name: word, value: "" } : { name: word.slice(0, at), value: word.slice(at + 1) };
  });
}

export function hasParameter(line: ByteString, name: ByteString): boolean {
  return wordsOfLine(line).some((word) => word.name === name);
}

/** The line with this parameter once, in place of all that it has of that name. */
export function setParameter(line: ByteString, name: ByteString, value: ByteString): ByteString {
  const words = parametersOf(line);
  const end = words.includes("--") ? words.indexOf("--") : words.length;
  const others = words.slice(0, end).filter((word) => word !== name && !word.startsWith(`${name}=`));
  return [...others, `${name}=${value}`, ...words.slice(end)].join(" ");
}

/** A number with a letter for its unit, and what follows it; undefined where the text begins with no number. */
export function parseSize(text: ByteString): { readonly size: bigint; readonly rest: ByteString } | undefined {
  const [all = "", digits = "", unit = ""] = /^(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})([KMGTPEkmgtpe]?)/.exec(text) ?? [];
  if (digits === "") return undefined;
  const number = BigInt(/^0[0-7]+$/.test(digits) ? `0o${digits}` : digits);
  const shift = 10 * "KMGTPE".indexOf(unit.toUpperCase()) + 10;
  return { size: unit === "" ? number : number << BigInt(shift), rest: text.slice(all.length) };
}

/** What of memory mem= leaves, which counts bytes from the lowest on; the last one counts. */
export function limitMemory(memory: readonly MemoryRange[], line: ByteString): readonly MemoryRange[] {
  const last = wordsOfLine(line).findLast(({ name }) => name === "mem");
  const limit = last && parseSize(last.value)?.size;
  if (limit === undefined || limit === 0n) return memory;
  let left = limit;
  return memory.flatMap(({ start, end }) => {
    const range = { start, end: min(end, start + left) };
    left -= range.end - range.start;
    return range.start < range.end ? [range] : [];
  });
}
