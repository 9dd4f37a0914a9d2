// A program that unpacks a file, and what becomes of it when bytes are changed or missing: one line for each try.
// test/golden/unpack.test.ts runs it under every engine: METHOD FILE SIZE TRIES.

import { engine } from "#sys";
import { System } from "../../src/sys/system.ts";
import type { Packing } from "../../src/sys/unpack.ts";

const system = new System(engine);
const [, method = "", file = "", size = "", tries = ""] = engine.args;

/** The same numbers on every engine (xorshift32). */
let state = 0x9e3779b9;
function random(below: number): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

/** Of the bytes: enough to tell one result from another. */
function digest(bytes: Uint8Array): number {
  let sum = bytes.length;
  for (let at = 0; at < bytes.length; at += 37) sum = (Math.imul(sum, 31) + (bytes[at] ?? 0)) >>> 0;
  return sum;
}

const packed = system.mustReadFile(file, 16 * 1024 * 1024);
const output = system.allocate(Number(size), "output");

function unpack(bytes: Uint8Array, room: Uint8Array): string {
  const got = engine.unpack(method as Packing, bytes, room);
  return got < 0 ? String(got) : `${got} ${digest(room.subarray(0, got))}`;
}

const lines = [unpack(packed, output), unpack(packed, output.subarray(0, output.length - 1))];
for (let index = 0; index < Number(tries); index++) {
  const bytes = packed.slice();
  for (let flips = random(4); flips > 0; flips--) {
    const at = random(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 + random(255));
  }
  const isCut = random(3) === 0;
  lines.push(unpack(isCut ? bytes.subarray(0, random(bytes.length)) : bytes, output));
}
system.print(`${lines.join("\n")}\n`);
