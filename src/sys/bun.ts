// Bun's door: system calls by libc's syscall(2), and the code of gather/ and guard/, through bun:ffi.

import { CFunction, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import { heapStats } from "bun:jsc";
import { CryptoHasher, gc } from "bun";
import { guard, lostPage } from "./bun/guard.ts";
import { cString, holding, libc, mapCode } from "./bun/libc.ts";
import { readArguments, spawn } from "./bun/process.ts";
import { holdSignals } from "./bun/signals.ts";
import { unpack } from "./bun/unpack.ts";
import { zeros } from "./bun/zeros.ts";
import type { Argument, ByteString, Engine, HeldSignals, Machine } from "./engine.ts";
import gatherArm64 from "./gather/arm64.hex" with { type: "text" };
import gatherX86 from "./gather/x86_64.hex" with { type: "text" };

const machine: Machine = process.arch === "arm64" ? "aarch64" : "x86_64";
const _SC_PAGESIZE = 30;

/** NUL-terminated strings of the call under way: one buffer for all, so that its address is asked for only once. */
const strings = Buffer.alloc(64 * 1024);
const stringsAddress = ptr(strings);

function syscall(number: number, ...args: Argument[]): number {
  collectTexts();
  let used = 0;
  const kept: Buffer[] = [];
  const words = args.map((value) => {
    if (typeof value === "number" || typeof value === "bigint") return BigInt.asIntN(64, BigInt(value));
    if (value === null) return 0;
    if (typeof value !== "string") return addressOf(value);
    if (value.includes("\0")) throw new TypeError("NUL inside a string for the kernel");
    const start = used;
    used += value.length + 1;
    if (used > strings.length) {
      const own = cString(value);
      kept.push(own);
      return ptr(own);
    }
    strings.write(`${value}\0`, start, "latin1");
    return stringsAddress + start;
  });
  while (words.length < 6) words.push(0);
  return holding([args, kept], () => {
    // biome-ignore lint/plugin: six words.
    const result = Number(libc.syscall(number, ...(words as [number, number, number, number, number, number])));
    // errno must be read before anything else runs.
    return result === -1 ? -read.i32(libc.__errno_location() as Pointer, 0) : result;
  });
}

/** ptr() refuses an empty array; the kernel is never told to look at one. */
function addressOf(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : ptr(bytes);
}

/** The code of gather/, which is mapped when it is first called. */
let gatherCode: ReturnType<typeof mapGather> | undefined;

function gather(state: Uint8Array, action: number, directory: number, name: ByteString): number {
  if (name.includes("\0")) throw new TypeError("NUL inside a string for the kernel");
  gatherCode ??= mapGather();
  const code = gatherCode;
  const fits = name.length < strings.length;
  if (fits) strings.write(`${name}\0`, "latin1");
  const text = fits ? strings : cString(name);
  return holding([state, text], () => code(state, action, directory, text) as number);
}

function mapGather() {
  const { start } = mapCode(machine === "aarch64" ? gatherArm64 : gatherX86);
  return CFunction({ ptr: start, args: ["ptr", "i32", "i32", "ptr"], returns: "i32" });
}

/** Bytes of texts that were written or made, after which those are collected that nobody has: so many, and more for each object. */
const [COLLECTED, FOR_OBJECT] = [2 ** 21, 16];
/** Of a short text's bytes, and of what is made on the way to it. */
const AROUND_TEXT = 24;
let uncollected = 0;
let most = COLLECTED;

/**
 * Bun by itself collects no texts until they are some 60 MB, whatever the program has use for. To collect is to look at each object
 * that somebody has: the more there are, the rarer that is done.
 */
function collectTexts(): void {
  if (uncollected < most) return;
  gc(true);
  most = COLLECTED + FOR_OBJECT * heapStats().objectCount;
  uncollected = 0;
}

/** Counts a text that is made or written, and collects others before: a long one is garbage when the next one comes. */
function countText(length: number): void {
  collectTexts();
  uncollected += AROUND_TEXT + length;
}

const pageSize = Number(libc.sysconf(_SC_PAGESIZE));
let held: HeldSignals | undefined;

export const engine: Engine = {
  name: "bun",
  args: readArguments(),
  machine,
  kernel: machine,
  pageSize,
  syscall,
  address: (bytes) => BigInt(addressOf(bytes)),
  memory: (address, length) => new Uint8Array(toArrayBuffer(address as Pointer, 0, length)),
  decode(bytes, start, end) {
    countText(end - start);
    return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1");
  },
  encode(text, bytes, at) {
    if (at + text.length > bytes.length) throw new RangeError("the string does not fit");
    countText(text.length);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(text, at, "latin1");
  },
  spawn,
  gather,
  sha256: (bytes) => new CryptoHasher("sha256").update(bytes).digest("hex"),
  unpack,
  zeros,
  guard: (address, length) => guard(address, length, pageSize),
  lostPage,
  exit: (code) => process.exit(code),
  get heldSignals() {
    held ??= holdSignals(pageSize);
    return held;
  },
};
