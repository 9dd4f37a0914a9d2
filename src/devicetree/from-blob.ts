// A tree from a flattened device tree such as /sys/firmware/fdt: versions 16 and 17, refused wherever it is not well formed.
// Devicetree Specification 0.4, chapter 5.

import { Failure, hex } from "../failure.ts";
import { rangeOfSize, type MemoryRange } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { Node } from "./tree.ts";

const MAGIC = 0xd00dfeed;
const HEADER = 40;
/** The only version whose readers understand both: 16 has no size of the structure block. */
const VERSIONS = [16, 17];
/** Linux itself stops there (drivers/of/fdt.c FDT_MAX_DEPTH). */
const MAX_DEPTH = 64;

const BEGIN_NODE = 1;
const END_NODE = 2;
const PROP = 3;
const NOP = 4;
const END = 9;

export interface BlobContents {
  readonly root: Node;
  /** The reserve map without the entry that ends it. */
  readonly reservations: readonly MemoryRange[];
  /** Bytes of the whole blob. */
  readonly size: number;
}

/** Nodes and properties keep the blob's order. `place` is what a Failure calls the blob; offsets in it are hexadecimal. */
export function treeFromBlob(bytes: Uint8Array, place: ByteString): BlobContents {
  return new BlobReader(bytes, place).read();
}

class BlobReader {
  readonly #view: DataView;
  /** Where the structure block is read. */
  #at = 0;
  #end = 0;
  #strings = { start: 0, end: 0 };

  constructor(
    readonly bytes: Uint8Array,
    readonly place: ByteString,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): BlobContents {
    if (this.bytes.length < HEADER || this.#view.getUint32(0) !== MAGIC) {
      throw new Failure(this.place, "neither a directory nor a device tree blob");
    }
    const [size, structure, strings, reserveMap, version, compatible] =
      [4, 8, 12, 16, 20, 24].map((at) => this.#view.getUint32(at)) as [number, number, number, number, number, number];
    if (size < HEADER || size > this.bytes.length) throw this.#wrong(4, `${hex(size)} bytes, of which ${hex(this.bytes.length)} are here`);
    if (!VERSIONS.includes(version) && !(version > 17 && VERSIONS.includes(compatible))) {
      throw this.#wrong(20, `version ${version}, not 16 or 17`);
    }
    this.#strings = this.#block(12, strings, this.#view.getUint32(32), size);
    const structureSize = version >= 17 ? this.#view.getUint32(36) : size - structure;
    if (structure % 4 !== 0) throw this.#wrong(8, `the structure block at ${hex(structure)} is not aligned to 4`);
    const { start, end } = this.#block(8, structure, structureSize, size);
    this.#at = start;
    this.#end = end;
    return { root: this.#root(), reservations: this.#reservations(reserveMap, size), size };
  }

  #block(field: number, start: number, length: number, size: number): { start: number; end: number } {
    const end = start + length;
    if (start < HEADER - 4 || end > size) throw this.#wrong(field, `the block ${hex(start)}-${hex(end)} is not within the blob`);
    return { start, end };
  }

  #reservations(start: number, size: number): MemoryRange[] {
    if (start % 8 !== 0) throw this.#wrong(16, `the reserve map at ${hex(start)} is not aligned to 8`);
    const ranges: MemoryRange[] = [];
    for (let at = start; ; at += 16) {
      if (at + 16 > size) throw this.#wrong(16, "the reserve map has no end");
      const range = rangeOfSize(this.#view.getBigUint64(at), this.#view.getBigUint64(at + 8));
      if (range.start === 0n && range.end === 0n) return ranges;
      if (range.end > 1n << 64n) throw this.#wrong(at, "a reserved range ends above 2^64");
      if (range.end > range.start) ranges.push(range);
    }
  }

  #root(): Node {
    const open: Node[] = [];
    let root: Node | undefined;
    for (;;) {
      const at = this.#at;
      const token = this.#u32();
      const top = open.at(-1);
      if (token === NOP) continue;
      if (token === BEGIN_NODE) {
        const node: Node = { name: this.#nodeName(), properties: [], children: [] };
        if (open.length > MAX_DEPTH) throw this.#wrong(at, `deeper than ${MAX_DEPTH} nodes`);
        if (top !== undefined) top.children.push(node);
        else if (root === undefined) root = node;
        else throw this.#wrong(at, "a second root");
        open.push(node);
      } else if (token === PROP && top !== undefined) {
        if (top.children.length > 0) throw this.#wrong(at, "a property behind a child node");
        const [length, name] = [this.#u32(), this.#u32()];
        top.properties.push({ name: this.#propertyName(at, name), value: this.#take(at, length) });
      } else if (token === END_NODE && top !== undefined) open.pop();
      else if (token === END && top === undefined && root !== undefined) return root;
      else throw this.#wrong(at, `token ${hex(token)} is not expected here`);
    }
  }

  #u32(): number {
    if (this.#at + 4 > this.#end) throw this.#wrong(this.#at, "the structure block ends too early");
    const value = this.#view.getUint32(this.#at);
    this.#at += 4;
    return value;
  }

  /** The next `length` bytes, and what pads them to a multiple of 4. */
  #take(token: number, length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#end) throw this.#wrong(token, `${hex(length)} bytes are not within the structure block`);
    const value = this.bytes.subarray(this.#at, end);
    this.#at = Math.ceil(end / 4) * 4;
    return value;
  }

  #nodeName(): ByteString {
    const nul = this.bytes.indexOf(0, this.#at);
    if (nul < 0 || nul >= this.#end) throw this.#wrong(this.#at, "a node's name does not end");
    const name = this.#text(this.#at, nul);
    this.#at = Math.ceil((nul + 1) / 4) * 4;
    if (name.includes("/")) throw this.#wrong(nul - name.length, "a slash in a node's name");
    return name;
  }

  #propertyName(token: number, offset: number): ByteString {
    const start = this.#strings.start + offset;
    const nul = start < this.#strings.end ? this.bytes.indexOf(0, start) : -1;
    if (nul < 0 || nul >= this.#strings.end) throw this.#wrong(token, `a name at ${hex(offset)} is not within the strings`);
    if (nul === start) throw this.#wrong(token, "a property without a name");
    return this.#text(start, nul);
  }

  #text(start: number, end: number): ByteString {
    let text = "";
    for (let at = start; at < end; at++) text += String.fromCharCode(this.bytes[at]!);
    return text;
  }

  #wrong(at: number, fact: string): Failure {
    return new Failure(this.place, `at ${hex(at)}: ${fact}`);
  }
}
