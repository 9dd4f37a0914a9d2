// The prompt: runs what is typed, line by line, in the language of scripts.

import { failureFrom, failureOf, formatFailure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { STDIN } from "../sys/system.ts";
import { type Continuation, continuationOf, parseScript } from "./parse.ts";
import { runPipeline, type Shell } from "./run.ts";

const PROMPT = "kexecbox> ";

/** Asks for the rest of a line that ends with a backslash. */
const MORE = "> ";

/**
 * Runs what is typed until standard input ends. A line that fails is reported, and the next one is asked for.
 * @param tool stands before each error
 * @throws Failure when the terminal itself fails
 */
export function runPrompt(shell: Shell, tool: string): void {
  const { system } = shell;
  for (const line of promptLines(shell)) {
    try {
      for (const pipeline of parseScript("prompt", line)) runPipeline(shell, pipeline);
    } catch (error) {
      const failure = failureFrom(error);
      if (failure === undefined) throw error;
      shell.mend();
      system.say(`${tool}: ${formatFailure(failure)}`);
    }
  }
}

/** So often in a row a console is opened anew that ends at once. */
const MOST_MENDS = 16;

/** Asks for lines of standard input, which the terminal edits: each without its newline, and with all that continues it. */
function* promptLines(shell: Shell): Generator<ByteString> {
  const { system } = shell;
  const buffer = new Uint8Array(4096);
  /** What was read of a line whose end is still to come. */
  let parts: ByteString[] = [];
  /** Lines that the next one continues. */
  let begun: ByteString[] = [];
  let goesOn: Continuation | undefined;
  let mends = 0;
  ask(shell, PROMPT);
  for (;;) {
    const length = shell.rest(() => system.read(STDIN, buffer, 0, buffer.length));
    if (length <= 0 && mends++ < MOST_MENDS && shell.mend()) {
      // Who has the console now has seen nothing of what was begun.
      parts = [];
      begun = [];
      goesOn = undefined;
      ask(shell, PROMPT);
      continue;
    }
    system.must(length, "standard input");
    mends = 0;
    const pieces = system.engine.decode(buffer, 0, length).split("\n");
    for (const [index, piece] of pieces.entries()) {
      parts.push(piece);
      if (index === pieces.length - 1) break;
      const line = parts.join("");
      parts = [];
      begun.push(line);
      goesOn = continuationOf(line, goesOn);
      if (goesOn === undefined) {
        yield begun.join("\n");
        begun = [];
      }
      ask(shell, goesOn === undefined ? PROMPT : MORE);
    }
    if (length > 0) continue;
    const unended = [...begun, parts.join("")].join("\n");
    if (unended !== "") yield unended;
    ask(shell, "\n");
    return;
  }
}

/** A terminal that is taken away just now is no reason to end. */
function ask({ system, mend }: Shell, text: string): void {
  const print = () => failureOf(() => system.print(text));
  if (print() !== undefined && mend()) print();
}
