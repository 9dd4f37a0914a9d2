// What an engine does without the kernel, in node.

import { createHash } from "node:crypto";
import { unpack } from "../../src/sys/bun/unpack.ts";
import { UNPACK } from "../../src/sys/unpack.ts";
import type { Host } from "../../test/fuzz/machine.ts";

export const host: Host = {
  parseJson: JSON.parse,
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
  // The other methods are the small engine's, which libFuzzer looks at.
  unpack: (method, input, output) => (method === "gzip" ? unpack(method, input, output) : UNPACK.unknown),
};
