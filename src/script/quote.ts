// Words written so that a shell reads them back, and the scripts of init too.

import type { ByteString } from "../sys/engine.ts";

/** What needs no quotes in any shell. */
export const PLAIN = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word. Within single quotes everything stands for itself, but for a single quote. */
export function quoteWord(text: ByteString): ByteString {
  return PLAIN.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command line of programs, each of which reads what the one before it writes. */
export function formatPipeline(commands: readonly (readonly ByteString[])[]): ByteString {
  return commands.map((words) => words.map(quoteWord).join(" ")).join(" | \\\n  ");
}
