// The language of init's scripts: from text to pipelines, or to the line and column where it goes wrong.

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { Command, Output, Pipeline } from "./pipeline.ts";

/** `-` only at the start of a line. */
type Sign = "-" | "|" | "<" | ">" | ">>";

interface Token {
  readonly kind: Sign | "word" | "end of line";
  /** Of a word: its text without quotes and escapes. */
  readonly text: ByteString;
  readonly position: Position;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** Ends the parsing with what is wrong at a position. */
type Fail = (position: Position, fact: string) => never;

/** The tokens of one line, of which the last is its end. */
type Line = [Token, ...Token[]];

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
  let line: Line | undefined;
  for (const token of tokens(text, fail)) {
    if (line === undefined) line = [token];
    else line.push(token);
    if (token.kind !== "end of line") continue;
    if (line.length > 1) pipelines.push(parseLine(line, fail));
    line = undefined;
  }
  return pipelines;
}

/** Where a line breaks off that the next one continues. */
export type Continuation = "in a word" | "between words";

/**
 * Where it breaks off; undefined where it does not: it ends with a backslash that nothing quotes. Each line is looked at by
 * itself, however many it continues.
 * @param before where the one before it broke off that it continues
 */
export function continuationOf(line: ByteString, before: Continuation | undefined): Continuation | undefined {
  const text = before === "in a word" ? `x${line}` : line;
  if (failureIn(text) !== NOTHING_BEHIND) return undefined;
  // Between words it begins a comment, in which a quote needs no other one.
  return failureIn(`${text}\n#'`) === undefined ? "between words" : "in a word";
}

/** What is wrong with the words of a text. */
function failureIn(text: ByteString): string | undefined {
  try {
    for (const _ of tokens(text, stop));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.fact;
  }
  return undefined;
}

/** Of a backslash that is the last character of all. */
const NOTHING_BEHIND = "nothing after the backslash";

function stop(_: Position, fact: string): never {
  throw new Failure("", fact);
}

/** `line` holds at least one token before its end. */
function parseLine(line: Line, fail: Fail): Pipeline {
  const commands: Command[] = [];
  let words: ByteString[] = [];
  let redirection: "<" | ">" | ">>" | undefined;
  let input: ByteString | undefined;
  let output: Output | undefined;
  let mayFail = false;
  for (const { kind, text, position } of line) {
    if (kind === "-") mayFail = true;
    else if (redirection !== undefined) {
      if (kind !== "word") fail(position, `no file after ${redirection}`);
      if (redirection === "<") input = text;
      else output = { path: text, how: redirection === ">" ? "replace" : "append" };
      redirection = undefined;
    } else if (kind === "word") {
      words.push(text);
    } else if (kind === "|" || kind === "end of line") {
      const [program, ...rest] = words;
      if (program === undefined) fail(position, "empty command");
      if (kind === "|" && output !== undefined) fail(position, "standard output is redirected already");
      commands.push([program, ...rest]);
      words = [];
    } else {
      if (kind === "<" && commands.length > 0) fail(position, "standard input is the pipe already");
      if (kind === "<" && input !== undefined) fail(position, "standard input is redirected already");
      if (kind !== "<" && output !== undefined) fail(position, "standard output is redirected already");
      redirection = kind;
    }
  }
  return {
    line: line[0].position.line,
    commands,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
    ...(mayFail ? { mayFail } : {}),
  };
}

/** Every line ends with an "end of line", also the last one. */
function* tokens(text: ByteString, fail: Fail): Generator<Token> {
  const source = new Source(text);
  for (let isFirst = true; ; ) {
    skipBlanks(source);
    const { next, position } = source;
    const isMark = isFirst && (source.startsWith("- ") || source.startsWith("-\t"));
    isFirst = next === "\n";
    if (next === undefined || next === "\n") yield { kind: "end of line", text: "", position };
    if (next === undefined) return;
    if (next === "\n") source.take();
    else if (isMark) yield { kind: "-", text: source.take(), position };
    else if (next === "|" || next === "<" || next === ">") yield { kind: takeSign(source, next), text: "", position };
    else yield { kind: "word", text: takeWord(source, fail), position };
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

function takeSign(source: Source, next: "|" | "<" | ">"): Sign {
  const sign = source.startsWith(">>") ? ">>" : next;
  source.take(sign.length);
  return sign;
}

function takeWord(source: Source, fail: Fail): ByteString {
  const start = source.position;
  const from = source.at;
  let word = "";
  while (source.next !== undefined && !" \t\n|<>".includes(source.next)) {
    const { next, position } = source;
    if (next === "\0") fail(position, "NUL byte");
    if (next === "'" || next === '"') word += takeQuoted(source, next, fail);
    else if (next === "\\") word += takeEscaped(source, fail);
    else word += source.take();
  }
  // `2> file` would otherwise pass 2 as an argument and redirect standard output.
  if ((source.next === "<" || source.next === ">") && /^[0-9]+$/.test(source.text.slice(from, source.at))) {
    fail(start, `no descriptor can be named before ${source.next}; a blank between makes it an argument`);
  }
  return word;
}

/** Between single quotes everything stands for itself; between double quotes \" and \\ are escapes. */
function takeQuoted(source: Source, quote: string, fail: Fail): ByteString {
  const start = source.position;
  let text = "";
  source.take();
  while (source.next !== quote) {
    if (source.next === undefined || source.next === "\n") fail(start, `unterminated ${quote}`);
    if (source.next === "\0") fail(source.position, "NUL byte");
    if (quote === '"' && (source.startsWith('\\"') || source.startsWith("\\\\"))) source.take();
    text += source.take();
  }
  source.take();
  return text;
}

function takeEscaped(source: Source, fail: Fail): ByteString {
  const start = source.position;
  source.take();
  if (source.next === undefined) fail(start, NOTHING_BEHIND);
  if (source.next === "\0") fail(source.position, "NUL byte");
  const character = source.take();
  return character === "\n" ? "" : character;
}

/** The text, and how far it was read. */
class Source {
  at = 0;
  #line = 1;
  #column = 1;

  constructor(readonly text: ByteString) {}

  get next(): string | undefined {
    return this.text[this.at];
  }

  get position(): Position {
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
