// Numbers as people write them in options, edits and values.

/** Decimal, octal with a leading 0, or hexadecimal with 0x; undefined for anything else. */
export function parseNumber(text: string): bigint | undefined {
  if (!/^(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)$/i.test(text)) return undefined;
  return BigInt(/^0[0-7]+$/.test(text) ? `0o${text.slice(1)}` : text);
}
