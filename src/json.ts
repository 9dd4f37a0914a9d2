// JSON for programs: one line of ASCII.

/** A byte of a byte string that is not ASCII becomes \u0080 to \u00ff. */
export function ascii(json: unknown): string {
  return JSON.stringify(json).replace(/[\x7f-\xff]/g, (byte) => `\\u00${byte.charCodeAt(0).toString(16)}`);
}

/** The same, ended by a newline. */
export function asciiLine(json: unknown): string {
  return `${ascii(json)}\n`;
}
