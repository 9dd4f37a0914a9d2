// The language of init's scripts: from text to pipelines, or to the line and column where it goes wrong.

import { Failure, unlessFailure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import type { Command, Output, Pipeline } from "./pipeline.ts";

/** `-` only at the start of a line, or behind a semicolon. */
type Sign = "-" | "|" | "<" | ">" | ">>" | "&&" | "||" | ";";

interface Token {
  readonly kind: Sign | "word" | "end of line";
  /** Of a word: its text without quotes and escapes. */
  readonly text: ByteString;
  /** Where it begins in the script, and the line that this is on, counted from 1. */
  readonly at: number;
  readonly line: number;
}

/**
 * Ends the parsing with what is wrong at a place in the script.
 * @param continuation where it breaks off that ends with a backslash
 */
type Fail = (at: number, fact: string, continuation?: Continuation) => never;

/** The tokens of one line, of which the last is its end, or a semicolon. */
type Line = [Token, ...Token[]];

/**
 * The pipelines of a script, in order.
 * @param name what errors call the script
 * @throws Failure whose place is `name:line:column`
 */
export function parseScript(name: string, text: ByteString): Pipeline[] {
  const fail: Fail = (at, fact) => {
    const lines = text.slice(0, at).split("\n");
    throw new Failure(`${name}:${lines.length}:${(lines.at(-1) ?? "").length + 1}`, fact);
  };
  const pipelines: Pipeline[] = [];
  let line: Line | undefined;
  for (const token of tokens(text, fail)) {
    if (line === undefined) line = [token];
    else line.push(token);
    if (token.kind !== "end of line" && token.kind !== ";") continue;
    if (line.length > 1 || token.kind === ";") for (const each of parseLine(line, fail)) pipelines.push(each);
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
  if (!line.endsWith("\\")) return undefined;
  let found: Continuation | undefined;
  unlessFailure(() => {
    const fail: Fail = (_, fact, continuation) => {
      found = continuation;
      throw new Failure("", fact);
    };
    for (const _ of tokens(before === "in a word" ? `x${line}` : line, fail));
  });
  return found;
}

/** `line` holds at least one token before its end. */
function parseLine(line: Line, fail: Fail): Pipeline[] {
  const pipelines: Pipeline[] = [];
  const mayFail = line[0].kind === "-";
  let part: Token[] = [];
  let after: "&&" | "||" | undefined;
  for (const token of line) {
    if (token.kind !== "-") part.push(token);
    if (token.kind !== "&&" && token.kind !== "||" && token.kind !== "end of line" && token.kind !== ";") continue;
    const pipeline = parsePipeline(part, after !== undefined, fail);
    pipelines.push({ ...pipeline, ...(after === undefined ? {} : { after }), ...(mayFail ? { mayFail } : {}) });
    part = [];
    after = token.kind === "&&" || token.kind === "||" ? token.kind : undefined;
  }
  return pipelines;
}

/** `tokens` end with what is behind the pipeline. @param isLaterPart of its line */
function parsePipeline(tokens: readonly Token[], isLaterPart: boolean, fail: Fail): Pipeline {
  const commands: Command[] = [];
  let words: ByteString[] = [];
  let redirection: "<" | ">" | ">>" | undefined;
  let input: ByteString | undefined;
  let output: Output | undefined;
  for (const { kind, text, at } of tokens) {
    if (redirection !== undefined) {
      if (kind !== "word") fail(at, `no file after ${redirection}`);
      if (redirection === "<") input = text;
      else output = { path: text, how: redirection === ">" ? "replace" : "append" };
      redirection = undefined;
    } else if (kind === "word") {
      words.push(text);
    } else if (kind !== "<" && kind !== ">" && kind !== ">>") {
      const [program, ...rest] = words;
      if (program === undefined) fail(at, "empty command");
      if (program === "-" && isLaterPart) fail(tokens[0]?.at ?? at, "- stands at the start of a line");
      if (kind === "|" && output !== undefined) fail(at, "standard output is redirected already");
      commands.push([program, ...rest]);
      words = [];
    } else {
      if (kind === "<" && commands.length > 0) fail(at, "standard input is the pipe already");
      if (kind === "<" && input !== undefined) fail(at, "standard input is redirected already");
      if (kind !== "<" && output !== undefined) fail(at, "standard output is redirected already");
      redirection = kind;
    }
  }
  return {
    line: tokens[0]?.line ?? 0,
    commands,
    ...(input === undefined ? {} : { input }),
    ...(output === undefined ? {} : { output }),
  };
}

/** Every line ends with an "end of line", also the last one. */
function* tokens(text: ByteString, fail: Fail): Generator<Token> {
  const source = new Source(text);
  for (let isFirst = true; ; ) {
    skipBlanks(source);
    const { next, at, line } = source;
    const isMark = isFirst && (source.startsWith("- ") || source.startsWith("-\t"));
    isFirst = next === "\n" || next === ";";
    if (next === undefined || next === "\n") yield { kind: "end of line", text: "", at, line };
    if (next === undefined) return;
    if (next === "\n") source.take();
    else if (isMark) yield { kind: "-", text: source.take(), at, line };
    else if (isSign(next)) yield { kind: takeSign(source, next, fail), text: "", at, line };
    else yield { kind: "word", text: takeWord(source, fail), at, line };
  }
}

/** Blanks, continued lines and comments. */
function skipBlanks(source: Source): void {
  for (;;) {
    if (source.next === " " || source.next === "\t") source.take();
    else if (source.next === "#") source.takeUpTo(END_OF_LINE);
    else if (source.startsWith("\\\n")) source.take(2);
    else return;
  }
}

/** What shells take for more than itself, where nothing quotes it; the last ones mean nothing here. */
const [SIGNS, STRANGE] = ["|<>&;", "*?$`()"];

function isSign(next: string): boolean {
  return SIGNS.includes(next) || STRANGE.includes(next);
}

const LONG_SIGNS = [">>", "&&", "||"] as const;

function takeSign(source: Source, next: string, fail: Fail): Sign {
  const sign = LONG_SIGNS.find((long) => source.startsWith(long)) ?? next;
  if (sign === "&" || STRANGE.includes(sign)) fail(source.at, `${sign} means nothing here; in quotes it is text`);
  source.take(sign.length);
  return sign as Sign;
}

function takeWord(source: Source, fail: Fail): ByteString {
  const start = source.at;
  let word = "";
  for (;;) {
    word += source.takeUpTo(END_OF_PLAIN);
    const { next, at } = source;
    if (next === "'" || next === '"') word += takeQuoted(source, next, fail);
    else if (next === "\\") word += takeEscaped(source, fail, at === start ? "between words" : "in a word");
    else if (next === "\0") fail(at, "NUL byte");
    else break;
  }
  // `2> file` would otherwise pass 2 as an argument and redirect standard output.
  if ((source.next === "<" || source.next === ">") && /^[0-9]+$/.test(source.text.slice(start, source.at))) {
    fail(start, `no descriptor can be named before ${source.next}; a blank between makes it an argument`);
  }
  return word;
}

/** Between single quotes everything stands for itself; between double quotes \" and \\ are escapes. */
function takeQuoted(source: Source, quote: "'" | '"', fail: Fail): ByteString {
  const start = source.at;
  let text = "";
  source.take();
  for (;;) {
    text += source.takeUpTo(END_OF_QUOTED[quote]);
    const { next, at } = source;
    if (next === quote) break;
    if (next === undefined || next === "\n") fail(start, `unterminated ${quote}`);
    if (next === "\0") fail(at, "NUL byte");
    if (source.startsWith('\\"') || source.startsWith("\\\\")) source.take();
    text += source.take();
  }
  source.take();
  return text;
}

/** @param continuation what it is where nothing is behind the backslash */
function takeEscaped(source: Source, fail: Fail, continuation: Continuation): ByteString {
  const start = source.at;
  source.take();
  if (source.next === undefined) fail(start, "nothing after the backslash", continuation);
  if (source.next === "\0") fail(source.at, "NUL byte");
  const character = source.take();
  return character === "\n" ? "" : character;
}

/** For each byte 1 where it is one of them, else 0. */
type Bytes = Uint8Array;

function bytesOf(characters: string): Bytes {
  const bytes = new Uint8Array(256);
  for (const character of characters) bytes[character.charCodeAt(0)] = 1;
  return bytes;
}

const END_OF_LINE = bytesOf("\n");
/** Of what stands for itself in a word. */
const END_OF_PLAIN = bytesOf(` \t\n'"\\\0${SIGNS}${STRANGE}`);
const END_OF_QUOTED = { "'": bytesOf("'\n\0"), '"': bytesOf('"\\\n\0') } as const;

/** The text, and how far it was read. */
class Source {
  at = 0;
  line = 1;

  constructor(readonly text: ByteString) {}

  get next(): string | undefined {
    return this.text[this.at];
  }

  startsWith(wanted: string): boolean {
    return this.text.startsWith(wanted, this.at);
  }

  take(count = 1): string {
    const taken = this.text.slice(this.at, this.at + count);
    if (taken.endsWith("\n")) this.line++;
    this.at += count;
    return taken;
  }

  /** All in front of the first of these bytes, one of which is the end of a line. */
  takeUpTo(ends: Bytes): string {
    const { text, at } = this;
    let end = at;
    while (end < text.length && !ends[text.charCodeAt(end)]) end++;
    this.at = end;
    return text.slice(at, end);
  }
}
