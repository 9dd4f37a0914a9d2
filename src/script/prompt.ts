// The prompt: runs what is typed, line by line, in the language of scripts.

import { type Failure, failureFrom, formatFailure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { STDIN } from "../sys/system.ts";
import { type Continuation, continuationOf, parseScript } from "./parse.ts";
import { runLines, type Shell } from "./run.ts";

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
  const tell = (failure: Failure): void => system.say(`${tool}: ${formatFailure(failure)}`);
  for (const line of promptLines(shell)) {
    try {
      runLines(shell, parseScript("prompt", line), () => {}, tell);
    } catch (error) {
      const failure = failureFrom(error);
      if (failure === undefined) throw error;
      tell(failure);
    }
  }
}

/** Asks for lines of standard input, which the terminal edits: each without its newline, and with all that continues it. */
function* promptLines({ system, rest }: Shell): Generator<ByteString> {
  const buffer = new Uint8Array(4096);
  /** What was read of a line whose end is still to come. */
  let parts: ByteString[] = [];
  /** Lines that the next one continues. */
  let begun: ByteString[] = [];
  let goesOn: Continuation | undefined;
  system.print(PROMPT);
  for (;;) {
    const length = system.must(
      rest(() => system.read(STDIN, buffer, 0, buffer.length)),
      "standard input",
    );
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
      system.print(goesOn === undefined ? PROMPT : MORE);
    }
    if (length > 0) continue;
    const unended = [...begun, parts.join("")].join("\n");
    if (unended !== "") yield unended;
    system.print("\n");
    return;
  }
}
