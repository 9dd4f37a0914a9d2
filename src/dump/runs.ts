// What a dump's file holds, as runs of bytes and of zeros. Memory that cannot be read counts as zeros, and is told.

import { Failure, hex } from "../failure.ts";
import { type MemoryRange, min } from "../range.ts";
import { errno } from "../sys/errno.ts";
import type { System } from "../sys/system.ts";
import type { CoreFile } from "./core.ts";

/** Bytes that are read at once. */
const CHUNK = 1024 * 1024;

/** Bytes of what is read alone where that fails: the smallest page. */
const PAGE = 4096;

/** Ranges of which the addresses are kept. */
const MOST_RANGES = 1000;

/** What a page says that cannot be read: firmware's own, broken, or of a machine that took it back. */
const UNREADABLE: readonly number[] = [-errno.EFAULT, -errno.EIO, -errno.EHWPOISON];

/** Gets what is read, in its order. */
export interface Taker {
  /** `bytes` are its own for the time of the call. */
  data(bytes: Uint8Array): void;
  zeros(length: number): void;
}

export class Runs {
  /** By their physical addresses. */
  readonly unreadable: MemoryRange[] = [];
  readonly #buffer: Uint8Array;

  /** @param onRead gets how many bytes were read, as they are; it may throw, to end it */
  constructor(
    readonly system: System,
    readonly core: CoreFile,
    readonly onRead: (length: number) => void,
  ) {
    this.#buffer = system.allocate(CHUNK, core.path);
  }

  /**
   * Reads from byte `start` of the file up to `end`. Zeros are told by whole blocks of `block` bytes, counted from
   * `start`, and at the end of a piece.
   * @throws Failure where the file ends before, or cannot be read at all
   */
  give(start: bigint, end: bigint, block: number, taker: Taker): void {
    for (let at = start; at < end; ) {
      const bytes = this.#buffer.subarray(0, Number(min(BigInt(CHUNK), end - at)));
      this.#fill(bytes, at);
      this.#cut(bytes, block, taker);
      at += BigInt(bytes.length);
      this.onRead(bytes.length);
    }
  }

  close(): void {
    this.system.free(this.#buffer);
  }

  #fill(bytes: Uint8Array, at: bigint): void {
    const { core } = this;
    for (let filled = 0, most = bytes.length; filled < bytes.length; ) {
      const part = bytes.subarray(filled, filled + most);
      const got = core.readInto(part, at + BigInt(filled));
      if (got === 0) throw new Failure(core.path, `ends at byte ${hex(at + BigInt(filled))}, where more was to come`);
      if (got > 0) {
        filled += got;
        continue;
      }
      if (!UNREADABLE.includes(got)) this.system.must(got, core.path);
      // Page by page from here to the end of the piece.
      if (part.length > PAGE) {
        most = PAGE;
        continue;
      }
      part.fill(0);
      this.#note(at + BigInt(filled), part.length);
      filled += part.length;
    }
  }

  #note(offset: bigint, length: number): void {
    const load = this.core.headers.find((each) => each.offset <= offset && offset < each.offset + each.fileSize);
    const start = load === undefined ? offset : load.physical + (offset - load.offset);
    const end = start + BigInt(length);
    const last = this.unreadable.at(-1);
    if (last?.end === start) this.unreadable[this.unreadable.length - 1] = { start: last.start, end };
    else if (this.unreadable.length < MOST_RANGES) this.unreadable.push({ start, end });
  }

  #cut(bytes: Uint8Array, block: number, taker: Taker): void {
    const { length } = bytes;
    let start = 0;
    for (let at = 0; at < length; ) {
      const zeros = this.system.engine.zeros(bytes, at);
      const whole = at + zeros === length ? zeros : zeros - (zeros % block);
      if (whole === 0) {
        at = Math.min(at + block, length);
        continue;
      }
      if (start < at) taker.data(bytes.subarray(start, at));
      taker.zeros(whole);
      at += whole;
      start = at;
    }
    if (start < length) taker.data(bytes.subarray(start));
  }
}
