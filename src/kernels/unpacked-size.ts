// How large compressed bytes will be when they are unpacked, as far as they tell: by the sizes that the formats carry.
//
// RFC 1952 (ISIZE), RFC 8878 (frames and blocks), the .xz file format (footer and index), the .lzma file format. What is
// said there may be a lie.

import { viewOf } from "../elf.ts";
import { type Packing, UNPACK } from "../sys/unpack.ts";

/** Bytes. `isSure`: more than it are not there, unless the bytes are corrupt. */
export interface UnpackedSize {
  readonly size: number;
  readonly isSure: boolean;
}

/** The most that deflate makes of one byte. */
const MOST_OF_DEFLATE = 1032;

/** Of xz and the others where they do not tell: kernels become a third to a fifth of their size. */
const USUAL_RATIO = 6;

/** Of a block of zstd. */
const MOST_OF_BLOCK = 128 * 1024;

/** Of blocks of zstd and of xz that are walked. A kernel has hundreds. */
const MOST_BLOCKS = 32768;

/** @returns of `zstd`, whose blocks have to be walked for it, one of UNPACK too */
export function findUnpackedSize(method: Packing, bytes: Uint8Array): UnpackedSize | number {
  const guess = { size: USUAL_RATIO * bytes.length, isSure: false };
  switch (method) {
    case "gzip":
      return sizeOfGzip(bytes) ?? guess;
    case "xz":
      return sizeOfXz(bytes) ?? guess;
    case "lzma":
      return sizeOfLzma(bytes) ?? guess;
    case "zstd":
      return sizeOfZstd(bytes);
  }
}

/** The last member's size modulo 2^32, which need not be there where the file is cut off. */
function sizeOfGzip(bytes: Uint8Array): UnpackedSize | undefined {
  if (bytes.length < 4) return undefined;
  const size = viewOf(bytes).getUint32(bytes.length - 4, true);
  return size === 0 || size > MOST_OF_DEFLATE * bytes.length ? undefined : { size, isSure: false };
}

/** -1 where it was not known. */
function sizeOfLzma(bytes: Uint8Array): UnpackedSize | undefined {
  if (bytes.length < 13) return undefined;
  const size = Number(viewOf(bytes).getBigUint64(5, true));
  return size > Number.MAX_SAFE_INTEGER ? undefined : { size, isSure: true };
}

/** By the index that the last stream ends with. */
function sizeOfXz(bytes: Uint8Array): UnpackedSize | undefined {
  const view = viewOf(bytes);
  const footer = bytes.length - 12;
  // Its magic, YZ.
  if (footer < 12 || view.getUint16(footer + 10) !== 0x595a) return undefined;
  const start = footer - 4 * (view.getUint32(footer + 4, true) + 1);
  if (start < 0 || bytes[start] !== 0) return undefined;
  let at = start + 1;
  /** 7 bits a byte, the lowest first, 9 bytes at most. */
  const number = (): number => {
    let value = 0;
    for (let scale = 1; at < footer && scale < 2 ** 63; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  };
  let size = 0;
  const count = number();
  if (count > MOST_BLOCKS) return undefined;
  for (let left = count; left > 0 && at < footer; left--) {
    number();
    size += number();
  }
  return { size, isSure: false };
}

/** The frames' sizes, or what their blocks have at most. */
function sizeOfZstd(bytes: Uint8Array): UnpackedSize | number {
  const walk = new ZstdWalk(viewOf(bytes));
  let isSure = true;
  let size = 0;
  while (walk.at < bytes.length) {
    const frame = walk.frame();
    if (typeof frame === "number") return frame;
    isSure &&= frame.size !== undefined;
    size += frame.size ?? frame.most;
  }
  return { size, isSure: isSure && walk.at === bytes.length };
}

class ZstdWalk {
  at = 0;
  #blocks = 0;

  constructor(readonly view: DataView) {}

  /** One of UNPACK where the next frame is not whole, or is none. */
  frame(): { readonly size: number | undefined; readonly most: number } | number {
    const { view, at } = this;
    if (at + 8 > view.byteLength) return at === 0 ? UNPACK.cutOff : UNPACK.trailing;
    const magic = view.getUint32(at, true);
    if (magic >>> 4 === 0x184d2a5) {
      this.at += 8 + view.getUint32(at + 4, true);
      return { size: 0, most: 0 };
    }
    if (magic !== 0xfd2fb528) return at === 0 ? UNPACK.corrupt : UNPACK.trailing;
    const descriptor = view.getUint8(at + 4);
    const isSingle = (descriptor & 32) !== 0;
    const sizeAt = at + 5 + (isSingle ? 0 : 1) + pick([0, 1, 2, 4], descriptor & 3);
    const width = pick([isSingle ? 1 : 0, 2, 4, 8], descriptor >> 6);
    if (sizeAt + width > view.byteLength) return UNPACK.cutOff;
    this.at = sizeAt + width;
    const most = this.#walkBlocks();
    if ((descriptor & 4) !== 0) this.at += 4;
    return this.at > view.byteLength ? UNPACK.cutOff : { size: readSize(view, sizeAt, width), most };
  }

  /** Goes behind the last block, and returns the most that they unpack to. */
  #walkBlocks(): number {
    const { view } = this;
    for (let most = 0; ; ) {
      // Nobody's kernel: the library says what is wrong with it.
      if (++this.#blocks > MOST_BLOCKS) {
        this.at = view.byteLength;
        return most;
      }
      if (this.at + 3 > view.byteLength) {
        this.at = Infinity;
        return most;
      }
      const header = view.getUint16(this.at, true) + 65536 * view.getUint8(this.at + 2);
      const size = header >>> 3;
      const type = (header >>> 1) & 3;
      // 0: as it is; 1: one byte, many times; 2: compressed.
      most += type === 2 ? MOST_OF_BLOCK : size;
      this.at += 3 + (type === 1 ? 1 : size);
      if ((header & 1) !== 0) return most;
    }
  }
}

function pick(values: readonly [number, number, number, number], index: number): number {
  return values[index] ?? 0;
}

/** Frame_Content_Size; undefined where there is none. */
function readSize(view: DataView, at: number, width: number): number | undefined {
  switch (width) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, true) + 256;
    case 4:
      return view.getUint32(at, true);
    case 8:
      return Number(view.getBigUint64(at, true));
    default:
      return undefined;
  }
}
