// The language of init's scripts: from text to pipelines, or to the line and column where it goes wrong.

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { Command, Output, Pipeline } from "./pipeline.ts";

type Sign = "|" | "<" | ">" | ">>";

interface Token {
  readonly kind: Sign | "word" | "end of line";
  /** Of a word: its text without quotes and escapes. */
  readonly text: ByteString;
  readonly place: Place;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * The pipelines of a script, one a line.
 * @param name what errors call the script
 * @throws Failure whose place is `name:line:column`
 */
export function parseScript(name: string, text: ByteString): Pipeline[] {
  const fail: Fail = ({ line, column }, fact) => {
    throw new Failure(`${name}:${line}:${column}`, fact);
  };
  const pipelines: Pipeline[] = [];
  let line: Token[] = [];
  for (const token of tokens(text, fail)) {
    line.push(token);
    if (token.kind !== "end of line") continue;
    if (line.length > 1) pipelines.push(parseLine(line, fail));
    line = [];
  }
  return pipelines;
}

type Fail = (place: Place, fact: string) => never;

/** `line` holds its end and at least one token before that. */
function parseLine(line: readonly Token[], fail: Fail): Pipeline {
  const commands: Command[] = [];
  let words: ByteString[] = [];
  let input: ByteString | undefined;
  let output: Output | undefined;
  for (let at = 0; at < line.length; at++) {
    const { kind, text, place } = line[at]!;
    if (kind === "word") {
      words.push(text);
    } else if (kind === "|" || kind === "end of line") {
      const [program, ...rest] = words;
      if (program === undefined) fail(place, "empty command");
      if (kind === "|" && output !== undefined) fail(place, "standard output is redirected already");
      commands.push([program, ...rest]);
      words = [];
    } else if (kind === "<") {
      if (commands.length > 0) fail(place, "standard input is the pipe already");
      if (input !== undefined) fail(place, "standard input is redirected already");
      input = fileAfter(line, at++, fail);
    } else {
      if (output !== undefined) fail(place, "standard output is redirected already");
      output = { path: fileAfter(line, at++, fail), how: kind === ">" ? "replace" : "append" };
    }
  }
  return {
    line: line[0]!.place.line,
    commands,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
  };
}

function fileAfter(line: readonly Token[], at: number, fail: Fail): ByteString {
  const file = line[at + 1]!;
  return file.kind === "word" ? file.text : fail(file.place, `no file after ${line[at]!.kind}`);
}

/** Every line ends with a token of its own, the last one too. */
function* tokens(text: ByteString, fail: Fail): Generator<Token> {
  const source = new Source(text);
  for (;;) {
    skipBlanks(source);
    const place = source.place;
    const next = source.next;
    if (next === undefined || next === "\n") yield { kind: "end of line", text: "", place };
    if (next === undefined) return;
    if (next === "\n") source.take();
    else if (next === "|" || next === "<" || next === ">") yield { kind: takeSign(source), text: "", place };
    else yield { kind: "word", text: takeWord(source, fail), place };
  }
}

/** Blanks, continued lines and comments. */
function skipBlanks(source: Source): void {
  for (;;) {
    if (source.next === " " || source.next === "\t") source.take();
    else if (source.startsWith("\\\n")) source.take(2);
    else if (source.next === "#") skipComment(source);
    else return;
  }
}

function skipComment(source: Source): void {
  while (source.next !== undefined && source.next !== "\n") source.take();
}

function takeSign(source: Source): Sign {
  return source.take(source.startsWith(">>") ? 2 : 1) as Sign;
}

function takeWord(source: Source, fail: Fail): ByteString {
  const start = source.place;
  const from = source.at;
  let word = "";
  while (source.next !== undefined && !" \t\n|<>".includes(source.next)) {
    const { next, place } = source;
    if (next === "\0") fail(place, "NUL byte");
    if (next === "'" || next === '"') word += takeQuoted(source, next, fail);
    else if (next === "\\") word += takeEscaped(source, fail);
    else word += source.take();
  }
  // `2> file` would otherwise pass 2 as an argument and redirect something else.
  if ((source.next === "<" || source.next === ">") && /^[0-9]+$/.test(source.text.slice(from, source.at))) {
    fail(start, `no descriptor can be named before ${source.next}; a blank between makes it an argument`);
  }
  return word;
}

/** Between single quotes everything stands for itself; between double quotes \" and \\ are escapes. */
function takeQuoted(source: Source, quote: string, fail: Fail): ByteString {
  const start = source.place;
  let text = "";
  source.take();
  while (source.next !== quote) {
    if (source.next === undefined || source.next === "\n") fail(start, `unterminated ${quote}`);
    if (source.next === "\0") fail(source.place, "NUL byte");
    if (quote === '"' && (source.startsWith('\\"') || source.startsWith("\\\\"))) source.take();
    text += source.take();
  }
  source.take();
  return text;
}

function takeEscaped(source: Source, fail: Fail): ByteString {
  const start = source.place;
  source.take();
  if (source.next === undefined) fail(start, "nothing after the backslash");
  if (source.next === "\0") fail(source.place, "NUL byte");
  const character = source.take();
  return character === "\n" ? "" : character;
}

/** The text and how far it has been read. */
class Source {
  at = 0;
  #line = 1;
  #column = 1;

  constructor(readonly text: ByteString) {}

  get next(): string | undefined {
    return this.text[this.at];
  }

  get place(): Place {
    return { line: this.#line, column: this.#column };
  }

  startsWith(wanted: string): boolean {
    return this.text.startsWith(wanted, this.at);
  }

  take(count = 1): string {
    const taken = this.text.slice(this.at, this.at + count);
    for (const character of taken) {
      this.#line += character === "\n" ? 1 : 0;
      this.#column = character === "\n" ? 1 : this.#column + 1;
    }
    this.at += count;
    return taken;
  }
}
