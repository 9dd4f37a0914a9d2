// The values of options: numbers, pairs of numbers, addresses.

import { hex, usage } from "../failure.ts";
import { parseNumber } from "../number.ts";
import type { ByteString } from "../sys/engine.ts";

/** An address or a size. */
export function numberOf(place: string, text: string): bigint {
  const value = parseNumber(text);
  if (value === undefined || value >= 1n << 64n) {
    throw usage(place, `'${text}' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)`);
  }
  return value;
}

/** Two numbers with one separator between, as in START,END; `form` is how the help writes it. */
export function pairOf(place: string, text: string, form: string): readonly [bigint, bigint] {
  const [first, second, ...more] = text.split(form.includes("=") ? "=" : ",");
  if (first === undefined || second === undefined || more.length > 0) throw usage(place, `'${text}' is not ${form}`);
  return [numberOf(place, first), numberOf(place, second)];
}

/** -b: where the `what` that an applet writes will lie. */
export function addressOf(text: ByteString | undefined, what: string, alignment: bigint): bigint {
  if (text === undefined) throw usage("-b", `missing: the address at which the ${what} will lie`);
  const address = numberOf("-b", text);
  if (address % alignment !== 0n) throw usage("-b", `${hex(address)} is not a multiple of ${alignment}`);
  return address;
}
