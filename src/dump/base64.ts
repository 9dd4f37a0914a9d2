// Bytes as lines of text for a console, as uuencode -m writes them and uudecode reads them (POSIX.1, uuencode).

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Bytes in a line of 76 characters. */
const LINE = 57;

/** Between `begin` and `end`, bytes in pieces of any length. */
export class Base64 {
  readonly #line = new Uint8Array(LINE);
  #filled = 0;

  /** @param print gets text, whole lines */
  constructor(readonly print: (text: string) => void) {}

  begin(name: string): void {
    this.print(`begin-base64 600 ${name}\n`);
  }

  add(bytes: Uint8Array): void {
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + LINE - this.#filled);
      this.#line.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === LINE) text += this.#take();
    }
    if (text !== "") this.print(text);
  }

  end(): void {
    this.print(`${this.#filled === 0 ? "" : this.#take()}====\n`);
  }

  /** The line as text; then it is empty. */
  #take(): string {
    const line = this.#line;
    const length = this.#filled;
    line.fill(0, length);
    let text = "";
    for (let at = 0; at < length; at += 3) {
      const [a = 0, b = 0, c = 0] = [line[at], line[at + 1], line[at + 2]];
      text += `${DIGITS[a >> 2]}${DIGITS[((a & 3) << 4) | (b >> 4)]}`;
      text += `${at + 1 < length ? DIGITS[((b & 15) << 2) | (c >> 6)] : "="}${at + 2 < length ? DIGITS[c & 63] : "="}`;
    }
    this.#filled = 0;
    return `${text}\n`;
  }
}
