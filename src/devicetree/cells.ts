// Numbers in values: cells, which are 32-bit words, big endian.

import type { ByteString } from "../sys/engine.ts";
import { type Node, property } from "./tree.ts";

export function u32Value(...numbers: readonly number[]): Uint8Array {
  const value = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((number, index) => value.setUint32(4 * index, number));
  return new Uint8Array(value.buffer);
}

export function u64Value(...numbers: readonly bigint[]): Uint8Array {
  const value = new DataView(new ArrayBuffer(8 * numbers.length));
  numbers.forEach((number, index) => value.setBigUint64(8 * index, number));
  return new Uint8Array(value.buffer);
}

/** A number of `cells` 32-bit words; undefined where the value ends before it. */
export function cellsAt(value: Uint8Array, offset: number, cells: number): bigint | undefined {
  if (offset + 4 * cells > value.length) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  let number = 0n;
  for (let cell = 0; cell < cells; cell++) number = (number << 32n) | BigInt(view.getUint32(offset + 4 * cell));
  return number;
}

/** The property's one cell; undefined where it is absent or of another length. */
export function cellIn(node: Node, name: ByteString): number | undefined {
  const value = property(node, name);
  return value?.length === 4 ? Number(cellsAt(value, 0, 1)) : undefined;
}

/** The whole cells of a value. */
export function wordsOf(value: Uint8Array): number[] {
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  return Array.from({ length: Math.floor(value.length / 4) }, (_, index) => view.getUint32(4 * index));
}
