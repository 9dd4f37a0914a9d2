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
 * A value that is written as source text.
 * @throws Failure whose place is `place`
 */
export function parseValue(text: ByteString, place: string): WrittenValue {
  return new ValueReader(text, place).read();
}

/** The bytes of a value, in a tree whose nodes `resolve` finds. */
export function resolveValue(value: WrittenValue, resolve: Resolve): Uint8Array {
  const parts = value.map((part) => (part instanceof Uint8Array ? part : resolveReference(part, resolve)));
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function resolveReference({ reference, kind }: Reference, resolve: Resolve): Uint8Array {
  const target = resolve(reference);
  return kind === "path" ? stringValue(target.path) : u32Value(target.phandle());
}

class ValueReader {
  readonly #parts: (Uint8Array | Reference)[] = [];
  /** What follows the last part. */
  #bytes: number[] = [];
  #at = 0;

  constructor(
    readonly text: ByteString,
    readonly place: string,
  ) {}

  read(): WrittenValue {
    do this.#item();
    while (this.#take(/,/y) !== undefined);
    if (this.#take(/$/y) === undefined) throw this.#wrong("a comma or the end is expected");
    this.#endBytes();
    return this.#parts;
  }

  #item(): void {
    const bits = this.#take(/\/bits\/[ \t-\r]+(?:8|16|32|64)(?=[ \t-\r]*<)/y);
    if (bits !== undefined) this.#cells(Number(bits.slice("/bits/".length)));
    else if (this.#peek() === "<") this.#cells(32);
    else if (this.#peek() === "[") this.#hexadecimal();
    else if (this.#peek() === '"') this.#string();
    else if (!this.#reference("path")) throw this.#wrong('"text", <cells>, [bytes] or &node is expected');
  }

  /** @param bits of each number: 8, 16, 32 or 64 */
  #cells(bits: number): void {
    this.#take(/</y);
    while (this.#take(/>/y) === undefined) {
      if (this.#reference("phandle")) {
        if (bits !== 32) throw this.#wrong("a phandle has 32 bits");
        continue;
      }
      const minus = this.#take(/-/y) !== undefined;
      const number = parseNumber(this.#take(/[0-9A-Za-z]+/y) ?? "");
      if (number === undefined) throw this.#wrong("a number, &node or > is expected");
      this.#number(minus ? -number : number, bits);
    }
  }

  #number(number: bigint, bits: number): void {
    const limit = 1n << BigInt(bits);
    if (number >= limit || number < -limit / 2n) throw this.#wrong(`${number} does not fit into ${bits} bits`);
    for (let shift = bits - 8; shift >= 0; shift -= 8) this.#bytes.push(Number((number >> BigInt(shift)) & 0xffn));
  }

  #hexadecimal(): void {
    this.#take(/\[/y);
    while (this.#take(/\]/y) === undefined) {
      const digits = this.#take(/[0-9a-fA-F]{2}/y);
      if (digits === undefined) throw this.#wrong("two hexadecimal digits or ] are expected");
      this.#bytes.push(parseInt(digits, 16));
    }
  }

  #string(): void {
    const start = ++this.#at;
    while (this.text[this.#at] !== '"') {
      if (this.#at >= this.text.length) throw this.#wrong("the text has no end");
      this.#at += this.text[this.#at] === "\\" ? 2 : 1;
    }
    const text = this.text
      .slice(start, this.#at++)
      .replace(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)/gs, (_, code: string) => {
        if (/^x./.test(code)) return String.fromCharCode(parseInt(code.slice(1), 16));
        if (/^[0-7]/.test(code)) return String.fromCharCode(parseInt(code, 8) & 0xff);
        const byte = ESCAPES[code];
        return byte === undefined ? code : String.fromCharCode(byte);
      });
    for (let index = 0; index < text.length; index++) this.#bytes.push(text.charCodeAt(index));
    this.#bytes.push(0);
  }

  #endBytes(): void {
    if (this.#bytes.length > 0) this.#parts.push(Uint8Array.from(this.#bytes));
    this.#bytes = [];
  }

  /** False where no reference stands here. */
  #reference(kind: Reference["kind"]): boolean {
    const reference = this.#take(/&(?:\{\/[^}]*\}|0[xX][0-9a-fA-F]+|[0-9]+|[A-Za-z_][A-Za-z0-9_]*)/y);
    if (reference === undefined) return false;
    this.#endBytes();
    this.#parts.push({ reference, kind });
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
    while (/[ \t-\r]/.test(this.text[this.#at] ?? "")) this.#at++;
  }

  #wrong(fact: string): Failure {
    return new Failure(this.place, `character ${this.#at + 1} of the value: ${fact}`);
  }
}
