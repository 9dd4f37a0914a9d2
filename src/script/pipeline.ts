// What one line of a script says, and how it is written out again.

import { escapeText } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";

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
}

/** The file that the last command writes. */
export interface Output {
  readonly path: ByteString;
  readonly how: "replace" | "append";
}

/** The line as it could stand in a script, except that bytes which are not printable ASCII stand as \xNN. */
export function describe({ commands, input, output }: Pipeline): string {
  const written = commands.map((words) => words.map(quoted).join(" "));
  if (input !== undefined) written[0] += ` < ${quoted(input)}`;
  if (output !== undefined) written[written.length - 1] += ` ${signs[output.how]} ${quoted(output.path)}`;
  return written.join(" | ");
}

const signs = { replace: ">", append: ">>" } as const;

function quoted(word: ByteString): string {
  const plain = /^[^\s|<>#'"\\]+$/.test(word) ? word : `"${word.replace(/["\\]/g, "\\$&")}"`;
  return plain.replace(/[^ -~]/g, escapeText);
}
