// Values of properties as source text writes them: "text", <cells>, [bytes], &node, with commas between.
// Devicetree Specification 0.4, 6.3 and 6.4; /bits/ and escapes as dtc reads them.

import { Failure } from "../failure.ts";
import { parseNumber } from "../number.ts";
import type { ByteString } from "../sys/engine.ts";
import { u32Value } from "./cells.ts";
import { ESCAPES } from "./quote.ts";
import { stringValue } from "./strings.ts";

/** What a reference in a value stands for. */
export interface Target {
  readonly path: ByteString;
  /** Asked for only where the phandle is written. */
  phandle(): number;
}

/** The node that `&label`, `&{/path}` or `&0x1f` names. */
export type Resolve = (reference: ByteString) => Target;

/** A value as it is written: bytes, and references to nodes of a tree that is not there yet. */
export type WrittenValue = readonly (Uint8Array | Reference)[];

interface Reference {
  readonly reference: ByteString;
  /** What is written in its place. */
  readonly kind: "path" | "phandle";
}

/**
 * A value that is written as source text, from the character `start` on.
 * @throws Failure whose place is `place`
 */
export function parseValue(text: ByteString, place: string, start = 0): WrittenValue {
  return new ValueReader(text, place, start).read();
}

/** Bytes of the largest value that is made: a MiB of references to a deep node would have 20 GiB. */
const LARGEST_VALUE = 64 * 1024 * 1024;

/**
 * The bytes of a value, in a tree whose nodes `resolve` finds.
 * @throws Failure where it would be too large
 */
export function resolveValue(value: WrittenValue, resolve: Resolve): Uint8Array {
  const known = new Map<string, Uint8Array>();
  const parts = value.map((part) => (part instanceof Uint8Array ? part : resolveReference(part, resolve, known)));
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size > LARGEST_VALUE) throw new Failure("value", `${size} bytes are more than ${LARGEST_VALUE}`);
  const [only, ...others] = parts;
  if (only !== undefined && others.length === 0) return only;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** @param known what each reference became: one value may have many of one */
function resolveReference(
  { reference, kind }: Reference,
  resolve: Resolve,
  known: Map<string, Uint8Array>,
): Uint8Array {
  const key = kind + reference;
  const before = known.get(key);
  if (before !== undefined) return before;
  const target = resolve(reference);
  const bytes = kind === "path" ? stringValue(target.path) : u32Value(target.phandle());
  known.set(key, bytes);
  return bytes;
}

/** Bytes of a part that is not copied, with the room behind it. */
const WORTH_GIVING = 2 ** 16;

/** Bytes one after the other: as a list of numbers each would take 16. */
class Bytes {
  #bytes = new Uint8Array(64);
  #length = 0;

  push(byte: number): void {
    if (this.#length === this.#bytes.length) this.reserve(this.#length);
    this.#bytes[this.#length++] = byte;
  }

  /** Makes room for so many more at once. */
  reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    // Twice as large at least: many short parts would be copied with each of them.
    const larger = new Uint8Array(Math.max(2 * this.#length, this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }

  pushU32(word: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.push((word >>> shift) & 0xff);
  }

  /** What was pushed since it was last taken. */
  take(): Uint8Array {
    const length = this.#length;
    this.#length = 0;
    if (length < WORTH_GIVING) return this.#bytes.slice(0, length);
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = new Uint8Array(64);
    return taken;
  }
}

/** What a digit of any base up to 36 stands for; -1 for all else, and behind a text's end. */
function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = (code | 0x20) - 0x57;
  return letter >= 10 && letter < 36 ? letter : -1;
}

const BACKSLASH = 0x5c;
const LETTER_X = 0x78;
/** Digits of numbers that are below 2^32 whatever they are. */
const SHORT = { 10: 9, 16: 8 } as const;

class ValueReader {
  readonly #parts: (Uint8Array | Reference)[] = [];
  /** What follows the last part. */
  readonly #bytes = new Bytes();
  #at: number;

  constructor(
    readonly text: ByteString,
    readonly place: string,
    readonly start: number,
  ) {
    this.#at = start;
  }

  read(): WrittenValue {
    do this.#item();
    while (this.#takeOne(","));
    this.#skipSpace();
    if (this.#at < this.text.length) throw this.#wrong("a comma or the end is expected");
    this.#endBytes();
    return this.#parts;
  }

  #item(): void {
    const bits = this.#peek() === "/" ? this.#take(/\/bits\/[ \t-\r]+(?:8|16|32|64)(?=[ \t-\r]*<)/y) : undefined;
    if (bits !== undefined) this.#cells(Number(bits.slice("/bits/".length)));
    else if (this.#peek() === "<") this.#cells(32);
    else if (this.#peek() === "[") this.#hexadecimal();
    else if (this.#peek() === '"') this.#string();
    else if (!this.#reference("path")) throw this.#wrong('"text", <cells>, [bytes] or &node is expected');
  }

  /** @param bits of each number: 8, 16, 32 or 64 */
  #cells(bits: number): void {
    this.#takeOne("<");
    while (!this.#takeOne(">")) {
      const small = this.#smallNumber();
      if (small !== undefined && bits === 32) this.#bytes.pushU32(small);
      else if (small !== undefined) this.#number(BigInt(small), bits);
      else if (!this.#reference("phandle")) this.#anyNumber(bits);
      else if (bits !== 32) throw this.#wrong("a phandle has 32 bits");
    }
  }

  /** A number as nearly all are, below 2^32; undefined where another one, or none, stands here. */
  #smallNumber(): number | undefined {
    const { text } = this;
    const base = this.#startsHexadecimal() ? 16 : 10;
    const start = this.#at + (base === 16 ? 2 : 0);
    let at = start;
    let number = 0;
    let digit = digitOf(text.charCodeAt(at));
    for (; digit >= 0 && digit < base && at < start + SHORT[base]; digit = digitOf(text.charCodeAt(++at)))
      number = base * number + digit;
    const isOctal = base === 10 && at > start + 1 && text[start] === "0";
    if (at === start || digit >= 0 || isOctal) return undefined;
    this.#at = at;
    return number;
  }

  #startsHexadecimal(): boolean {
    return this.text[this.#at] === "0" && (this.text.charCodeAt(this.#at + 1) | 0x20) === 0x78;
  }

  #anyNumber(bits: number): void {
    const minus = this.#takeOne("-");
    const number = parseNumber(this.#take(/[0-9A-Za-z]+/y) ?? "");
    if (number === undefined) throw this.#wrong("a number, &node or > is expected");
    this.#number(minus ? -number : number, bits);
  }

  #number(number: bigint, bits: number): void {
    const limit = 1n << BigInt(bits);
    if (number >= limit || number < -limit / 2n) throw this.#wrong(`${number} does not fit into ${bits} bits`);
    for (let shift = bits - 8; shift >= 0; shift -= 8) this.#bytes.push(Number((number >> BigInt(shift)) & 0xffn));
  }

  #hexadecimal(): void {
    this.#takeOne("[");
    while (!this.#takeOne("]")) {
      const high = digitOf(this.text.charCodeAt(this.#at));
      const low = digitOf(this.text.charCodeAt(this.#at + 1));
      if (high < 0 || high >= 16 || low < 0 || low >= 16) throw this.#wrong("two hexadecimal digits or ] are expected");
      this.#bytes.push(16 * high + low);
      this.#at += 2;
    }
  }

  #string(): void {
    const start = ++this.#at;
    while (this.text[this.#at] !== '"') {
      if (this.#at >= this.text.length) throw this.#wrong("the text has no end");
      this.#at += this.text[this.#at] === "\\" ? 2 : 1;
    }
    this.#bytes.reserve(this.#at - start + 1);
    for (let at = start; at < this.#at; ) {
      const code = this.text.charCodeAt(at);
      const length = code === BACKSLASH ? this.#escaped(at) : 1;
      if (length === 1) this.#bytes.push(code);
      at += length;
    }
    this.#bytes.push(0);
    this.#at++;
  }

  /** The byte that an escape stands for: `\\x` and two digits, three octal ones, or fewer; or a letter. Returns the escape's length. */
  #escaped(at: number): number {
    const code = this.text.charCodeAt(at + 1);
    const start = code === LETTER_X ? at + 2 : at + 1;
    const base = code === LETTER_X ? 16 : 8;
    const most = start + (code === LETTER_X ? 2 : 3);
    let byte = 0;
    let end = start;
    for (let digit = digitOf(this.text.charCodeAt(end)); digit >= 0 && digit < base && end < most; ) {
      byte = base * byte + digit;
      digit = digitOf(this.text.charCodeAt(++end));
    }
    this.#bytes.push((end > start ? byte : (ESCAPES[this.text[at + 1] as string] ?? code)) & 0xff);
    return end > start ? end - at : 2;
  }

  #endBytes(): void {
    const bytes = this.#bytes.take();
    if (bytes.length > 0) this.#parts.push(bytes);
  }

  /** False where no reference stands here. */
  #reference(kind: Reference["kind"]): boolean {
    if (this.#peek() !== "&") return false;
    const reference = this.#take(/&(?:\{\/[^}]*\}|0[xX][0-9a-fA-F]+|[0-9]+|[A-Za-z_][A-Za-z0-9_]*)/y);
    if (reference === undefined) return false;
    this.#endBytes();
    this.#parts.push({ reference, kind });
    return true;
  }

  /** Whether this character stands here, which is then taken. */
  #takeOne(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#at++;
    return true;
  }

  #peek(): string | undefined {
    this.#skipSpace();
    return this.text[this.#at];
  }

  /** What stands here, after white space, if it matches; `pattern` is sticky. */
  #take(pattern: RegExp): string | undefined {
    this.#skipSpace();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    for (let code = this.text.charCodeAt(this.#at); code === 0x20 || (code >= 9 && code <= 13); )
      code = this.text.charCodeAt(++this.#at);
  }

  #wrong(fact: string): Failure {
    return new Failure(this.place, `character ${this.#at - this.start + 1} of the value: ${fact}`);
  }
}
