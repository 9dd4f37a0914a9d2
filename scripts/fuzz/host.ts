// What an engine does without the kernel, in node.

import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { UNPACK } from "../../src/sys/unpack.ts";
import type { Host } from "../../test/fuzz/machine.ts";

function codeOf({ code, message }: NodeJS.ErrnoException): number {
  if (code === "ERR_BUFFER_TOO_LARGE") return UNPACK.full;
  if (code === "Z_BUF_ERROR") return UNPACK.cutOff;
  return message.includes("incorrect header check") ? UNPACK.trailing : UNPACK.corrupt;
}

export const host: Host = {
  decode: (bytes, start, end) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", start, end),
  encode(text, bytes, at) {
    if (at + text.length > bytes.length) throw new RangeError("does not fit");
    return Buffer.from(bytes.buffer, bytes.byteOffset).write(text, at, "latin1");
  },
  sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
  zeros(bytes, at) {
    let end = at;
    while (end < bytes.length && bytes[end] === 0) end++;
    return end - at;
  },
  unpack(method, input, output) {
    // The others are the small engine's, which libFuzzer looks at.
    if (method !== "gzip") return UNPACK.unknown;
    try {
      const bytes = gunzipSync(input, { maxOutputLength: output.length });
      output.set(bytes);
      return bytes.length;
    } catch (error) {
      return codeOf(error as NodeJS.ErrnoException);
    }
  },
};
