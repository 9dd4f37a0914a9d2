// An array in a dump, of which a part is held at a time: it may be larger than memory.

import type { DumpMemory } from "./addresses.ts";

/** Bytes that are read at once, when what is wanted follows what was. */
const CHUNK = 64 * 1024;
const PAGE = 4096;

export class Window {
  #start = 0;
  #bytes: Uint8Array = new Uint8Array(0);

  /** @param size bytes of the array at `address` */
  constructor(
    readonly memory: DumpMemory,
    readonly address: bigint,
    readonly size: number,
  ) {}

  /** Bytes of it, all within the array; undefined where they cannot be read. */
  bytes(at: number, length: number): Uint8Array | undefined {
    const isHeld = at >= this.#start && at + length <= this.#start + this.#bytes.length;
    // Where not so much can be read, it may be less.
    const spans = at < this.#start ? [PAGE, 1] : [CHUNK, PAGE, 1];
    if (!isHeld && !spans.some((span) => this.#fill(at, span, length))) return undefined;
    return this.#bytes.subarray(at - this.#start, at - this.#start + length);
  }

  /** A number of 2, 4 or 8 bytes. */
  number(at: number, size: number): bigint | undefined {
    const bytes = this.bytes(at, size);
    return bytes && this.memory.decode(bytes);
  }

  /** @param span where the next place begins up to which is read, if that is not less than `length` */
  #fill(at: number, span: number, length: number): boolean {
    const end = Math.min(this.size, Math.max(at - (at % span) + span, at + length));
    const bytes = end < at + length ? undefined : this.memory.read(this.address + BigInt(at), end - at);
    if (bytes === undefined) return false;
    this.#start = at;
    this.#bytes = bytes;
    return true;
  }
}
