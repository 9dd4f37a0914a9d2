// What the generators of test cases share: words that are there sometimes, byte strings, and a seed that is the same every time.

import fc from "fast-check";

/** Every run tries the same cases. What fails is shrunk, and fast-check prints it with the seed and the path to it. */
export const SEED = 20051123;

/** Nothing, but in one of `chance` cases `some`. */
export function sometimes<T>(chance: number, some: fc.Arbitrary<readonly T[]>): fc.Arbitrary<readonly T[]> {
  const nothing = { weight: chance - 1, arbitrary: fc.constant<readonly T[]>([]) };
  return fc.oneof({ withCrossShrink: true }, nothing, { weight: 1, arbitrary: some });
}

/** These words, all of them. */
export function words(...given: readonly string[]): fc.Arbitrary<readonly string[]> {
  return fc.constant(given);
}

/** `flag` and one of these, as two words. */
export function option(flag: string, value: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> {
  return value.map((text) => [flag, text]);
}

/** One part after the other. */
export function joined<T>(...parts: readonly fc.Arbitrary<readonly T[]>[]): fc.Arbitrary<readonly T[]> {
  return fc.tuple(...parts).map((made) => made.flat());
}

/** One character for each byte, but for NUL; the slash, which no name has, becomes another. */
export const nameByte: fc.Arbitrary<string> = fc
  .integer({ min: 1, max: 255 })
  .map((code) => (code === 0x2f ? "|" : String.fromCharCode(code)));

/** `minLength` to `maxLength` such characters. */
export function nameText(minLength: number, maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: nameByte, minLength, maxLength, size: "max" });
}

export function hexadecimal(value: number): string {
  return `0x${value.toString(16)}`;
}
