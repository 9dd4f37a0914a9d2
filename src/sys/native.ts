// Numbers as the kernel of this machine has them in memory: longs of its width and byte order, and sets of signals.

import type { Abi } from "./abi.ts";

type Layout = Pick<Abi, "word" | "endian">;

/** Bytes of a sigset_t: 64 signals on every machine of ours (_NSIG in arch/*\/include/uapi/asm/signal.h). */
export const SIGNAL_SET_SIZE = 8;

/**
 * Unsigned longs, one after the other.
 * @throws RangeError for a value that does not fit into a long: the kernel must not see another number instead
 */
export function encodeLongs({ word, endian }: Layout, values: readonly bigint[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(word * values.length));
  for (const [index, value] of values.entries()) {
    if (BigInt.asUintN(8 * word, value) !== value) throw new RangeError(`${value} is not a long of ${word} bytes`);
    if (word === 8) view.setBigUint64(8 * index, value, endian === "little");
    else view.setUint32(4 * index, Number(value), endian === "little");
  }
  return new Uint8Array(view.buffer);
}

/** The long at `index` of those in `bytes`, without sign. */
export function decodeLong({ word, endian }: Layout, bytes: Uint8Array, index: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (word === 8) return view.getBigUint64(8 * index, endian === "little");
  return BigInt(view.getUint32(4 * index, endian === "little"));
}

/** The first number that is too large for an unsigned long. */
export function endOfNumbers({ word }: Layout): bigint {
  return 1n << BigInt(8 * word);
}

/** A number of 64 bits as two of 32, the higher one first. */
export function halvesOf(value: bigint): readonly [bigint, bigint] {
  return [BigInt.asUintN(32, value >> 32n), BigInt.asUintN(32, value)];
}

/** A sigset_t with these signals: an array of longs, the first of which has the lowest signals (linux/signal.h). */
export function encodeSignals(layout: Layout, signals: readonly number[]): Uint8Array {
  const bits = 8 * layout.word;
  const set = signals.reduce((all, signal) => all | (1n << BigInt(signal - 1)), 0n);
  const longs = Array.from({ length: SIGNAL_SET_SIZE / layout.word }, (_, index) =>
    BigInt.asUintN(bits, set >> BigInt(bits * index)),
  );
  return encodeLongs(layout, longs);
}

/** Whether a sigset_t that the kernel filled in has this signal. */
export function hasSignal(layout: Layout, set: Uint8Array, signal: number): boolean {
  return encodeSignals(layout, [signal]).some((bits, at) => (bits & (set[at] ?? 0)) !== 0);
}
