// Inputs out of inputs: numbers, bytes, words and parts changed at random.

import type { Target } from "../../test/fuzz/target.ts";

/** A number from 0 to below `limit`. */
export type Pick = (limit: number) => number;

/** Bytes that an input may have. */
const LONGEST = 32 << 10;
/** Bytes of a file's start, in which most of its numbers are. */
const START = 0x400;
const NUMBERS = [0n, 1n, 7n, 0xffn, 0xffffn, 0x7fff_ffffn, 0xffff_ffffn, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];

/** One to eight changes of one input, some with parts of another. */
export function mutate({ isText, words }: Target, input: Uint8Array, other: Uint8Array, pick: Pick): Uint8Array {
  // Not slice(): of a Buffer that is the same memory.
  let changed: Uint8Array = new Uint8Array(input);
  for (let left = 1 + pick(8); left > 0; left--) {
    const asText = pick(5) === 0 ? !isText : isText;
    changed = asText ? changeText(changed, other, words, pick) : changeNumbers(changed, other, words, pick);
  }
  return changed.subarray(0, LONGEST);
}

function changeText(bytes: Uint8Array, other: Uint8Array, words: readonly string[], pick: Pick): Uint8Array {
  const at = pick(bytes.length + 1);
  const length = Math.min(bytes.length - at, 1 + pick(pick(2) === 0 ? 4 : 64));
  const word = Buffer.from(words[pick(words.length)] ?? "", "latin1");
  const from = pick(other.length + 1);
  const part = other.subarray(from, from + 1 + pick(64));
  switch (pick(8)) {
    case 0:
      return splice(bytes, at, 0, word);
    case 1:
      return splice(bytes, at, length, word);
    case 2:
      return splice(bytes, at, length, new Uint8Array(0));
    case 3:
      return splice(bytes, at, 0, part);
    case 4:
      return splice(bytes, at, length, part);
    case 5:
      return splice(bytes, at, 0, bytes.subarray(at, at + length));
    case 6:
      // Many times, which takes a search in a search long.
      return pick(8) > 0 ? bytes : splice(bytes, at, 0, repeated(bytes.subarray(at, at + length), 1 << (4 + pick(7))));
    default:
      return splice(bytes, at, 1, Uint8Array.of(pick(256)));
  }
}

function repeated(part: Uint8Array, count: number): Uint8Array {
  return new Uint8Array(Buffer.concat(Array.from({ length: count }, () => part))).subarray(0, LONGEST);
}

function splice(bytes: Uint8Array, at: number, length: number, by: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]));
}

function changeNumbers(bytes: Uint8Array, other: Uint8Array, words: readonly string[], pick: Pick): Uint8Array {
  if (bytes.length < 16) return changeText(bytes, other, words, pick);
  const changed = new Uint8Array(bytes);
  const view = new DataView(changed.buffer);
  const at = pick(Math.min(pick(2) === 0 ? START : changed.length, changed.length - 8));
  const [place, isLittle, number] = [at & -4, pick(2) === 0, NUMBERS[pick(NUMBERS.length)] ?? 0n];
  switch (pick(10)) {
    case 0:
      changed[at] = pick(256);
      return changed;
    case 1:
      view.setBigUint64(place, number, isLittle);
      return changed;
    case 2:
      view.setUint32(place, Number(number & 0xffff_ffffn), isLittle);
      return changed;
    case 3:
      view.setBigUint64(place, view.getBigUint64(place, isLittle) + BigInt(pick(129) - 64), isLittle);
      return changed;
    case 4:
      view.setBigUint64(place, view.getBigUint64(pick(changed.length - 8) & -4));
      return changed;
    case 5:
      return changed.copyWithin(at, pick(changed.length), pick(changed.length));
    case 6:
      changed.set(Buffer.from(words[pick(words.length)] ?? "", "latin1").subarray(0, changed.length - at), at);
      return changed;
    case 7:
      view.setUint32(place, view.getUint32(place, isLittle) + pick(33) - 16, isLittle);
      return changed;
    case 8:
      return splice(changed, place, 0, other.subarray(pick(other.length) & -4).subarray(0, 4 * (1 + pick(16))));
    default:
      return pick(4) === 0 ? changed.subarray(0, at) : splice(changed, place, 4 * (1 + pick(8)), new Uint8Array(0));
  }
}

/** The smallest part of an input that still does it, as far as so many tries lead. */
export function minimise(input: Uint8Array, doesIt: (part: Uint8Array) => boolean, tries = 400): Uint8Array {
  let smallest = input;
  let left = tries;
  for (let size = input.length >> 1; size > 0 && left > 0; size >>= 1) {
    for (let at = 0; at < smallest.length && left > 0; ) {
      const shorter = splice(smallest, at, size, new Uint8Array(0));
      left--;
      if (doesIt(shorter)) smallest = shorter;
      else at += size;
    }
  }
  return smallest;
}
