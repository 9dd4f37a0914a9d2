// What one line of a script says, and how it is written for people.

import { escapeText } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { PLAIN } from "./quote.ts";

/** A program's name and its arguments. */
export type Command = readonly [ByteString, ...ByteString[]];

/** Each command's standard output is the next one's standard input. */
export interface Pipeline {
  /** The line it begins on, counted from 1. */
  readonly line: number;
  readonly commands: readonly Command[];
  /** The file that the first command reads. */
  readonly input?: ByteString;
  readonly output?: Output;
  /** What is between it and the pipeline before it on its line; undefined where it begins a line. */
  readonly after?: "&&" | "||";
  /** Whether the script goes on where it, or another one of its line, fails. */
  readonly mayFail?: true;
}

/** The file that the last command writes. */
export interface Output {
  readonly path: ByteString;
  readonly how: "replace" | "append";
}

/** The line as a script could have it, but with \xNN for each byte that is not printable ASCII. */
export function describe({ commands, input, output, after, mayFail }: Pipeline): string {
  const written = commands.map((words) => words.map(quote).join(" "));
  // A program of that name.
  if (commands[0]?.[0] === "-") written[0] = `"-"${written[0]?.slice(1)}`;
  if (input !== undefined) written[0] += ` < ${quote(input)}`;
  if (output !== undefined) written[written.length - 1] += ` ${signs[output.how]} ${quote(output.path)}`;
  return `${after === undefined ? (mayFail ? "- " : "") : `${after} `}${written.join(" | ")}`;
}

const signs = { replace: ">", append: ">>" } as const;

function quote(word: ByteString): string {
  if (PLAIN.test(word)) return word;
  const plain = /^[^\s|<>&;*?$`()#'"\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, "\\$&")}"`;
  return plain.replace(/[^ -~]/g, escapeText);
}
