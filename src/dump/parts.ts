// The program headers of a dump without its zeros: each PT_LOAD becomes parts of which the file has the beginning alone,
// and p_memsz says how many zeros follow, as makedumpfile -E writes them.

import { type ProgramHeader, PT_NOTE } from "../elf.ts";
import type { Taker } from "./runs.ts";

/** Zeros are left out by so many bytes at least, which is the largest page. */
export const BLOCK = 64 * 1024;

/** Each segment begins at a multiple of so many bytes, for programs that map it. */
const PAGE = 4096;

/** Parts beside the first ones of each PT_LOAD: a dump has thousands of headers, never more. */
export const MOST_PARTS = 8192;

const ZEROS = new Uint8Array(BLOCK);

export function writeZeros(length: number, write: (bytes: Uint8Array) => void): void {
  for (let left = length; left > 0; left -= BLOCK) write(ZEROS.subarray(0, Math.min(left, BLOCK)));
}

export class Parts implements Taker {
  /** Of what was given so far. */
  readonly headers: ProgramHeader[] = [];
  /** Where in the dump's file each of them begins. */
  readonly sources: bigint[] = [];
  /** Bytes that were written. */
  written = 0n;
  #zeros = 0;
  #extra = 0;
  /** Of the dump, still to come. */
  #left: bigint;

  /**
   * @param offset where in the new file the first byte lies
   * @param total bytes of all that is to come
   * @param write gets all bytes that the new file has, in their order
   */
  constructor(
    readonly offset: bigint,
    total: bigint,
    readonly write: (bytes: Uint8Array) => void,
  ) {
    this.#left = total;
  }

  /** A segment of the dump begins. */
  begin(segment: ProgramHeader): void {
    const beyond = Number(this.written % BigInt(PAGE));
    if (beyond > 0) {
      this.write(ZEROS.subarray(beyond, PAGE));
      this.written += BigInt(PAGE - beyond);
    }
    this.#push(segment, segment.offset);
    this.#zeros = 0;
  }

  #push(header: ProgramHeader, source: bigint): void {
    this.headers.push({ ...header, offset: this.offset + this.written, fileSize: 0n, memorySize: 0n });
    this.sources.push(source);
  }

  data(bytes: Uint8Array): void {
    if (this.#zeros > 0) this.#endZeros();
    this.#grow(bytes.length);
    this.#put(bytes);
  }

  zeros(length: number): void {
    // Other programs do not know of segments of which a file has nothing, and notes have no zeros to leave out.
    const { type, fileSize } = this.#last;
    const first = type === PT_NOTE ? length : fileSize === 0n ? Math.min(length, BLOCK) : 0;
    writeZeros(first, (bytes) => this.data(bytes));
    this.#grow(length - first);
    this.#zeros += length - first;
  }

  /** Bytes follow zeros: in a new part, or in the same one, which then has the zeros too. */
  #endZeros(): void {
    const mayGo = MOST_PARTS - this.#extra;
    const isWorthIt =
      this.#extra < MOST_PARTS / 2 ? this.#zeros >= BLOCK : BigInt(this.#zeros) * BigInt(mayGo) > this.#left;
    if (isWorthIt) {
      const last = this.#last;
      const { address, physical, memorySize } = last;
      this.#extra++;
      const source = (this.sources.at(-1) ?? 0n) + memorySize;
      this.#push({ ...last, address: address + memorySize, physical: physical + memorySize }, source);
    } else {
      writeZeros(this.#zeros, (bytes) => this.#put(bytes));
    }
    this.#zeros = 0;
  }

  get #last(): ProgramHeader {
    const last = this.headers.at(-1);
    if (last === undefined) throw new Error("no segment has begun");
    return last;
  }

  #grow(length: number): void {
    const last = this.#last;
    this.headers[this.headers.length - 1] = { ...last, memorySize: last.memorySize + BigInt(length) };
    this.#left -= BigInt(length);
  }

  #put(bytes: Uint8Array): void {
    this.write(bytes);
    this.written += BigInt(bytes.length);
    const last = this.#last;
    this.headers[this.headers.length - 1] = { ...last, fileSize: last.fileSize + BigInt(bytes.length) };
  }
}
