// Numbers as people write them in options, edits and values.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** Bytes as people say them: `64 KiB`, `5.2 MiB`, `105 MiB`. `2.0 GiB` is about 2 GiB, `2 GiB` is exact. */
export function formatSize(size: bigint): string {
  let unit = 0;
  while (unit + 1 < UNITS.length && size >> BigInt(10 * (unit + 1)) > 0n) unit++;
  const value = Number(size) / 2 ** (10 * unit);
  const isExact = size % (1n << BigInt(10 * unit)) === 0n;
  return `${isExact ? value : value.toFixed(value < 99.95 ? 1 : 0)} ${UNITS[unit]}`;
}

/** The largest of `numbers`, at least `least`. A call would take only so many of them as its arguments. */
export function largestOf(numbers: readonly number[], least = 0): number {
  return numbers.reduce((largest, each) => Math.max(largest, each), least);
}

/**
 * Decimal, octal with a leading 0, or hexadecimal with 0x; undefined for anything else. What has more than 64 digits fits
 * nowhere, and an engine takes only so many.
 */
export function parseNumber(text: string): bigint | undefined {
  if (!/^(0x[0-9a-f]{1,64}|0[0-7]{0,64}|[1-9][0-9]{0,63})$/i.test(text)) return undefined;
  return BigInt(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text);
}
