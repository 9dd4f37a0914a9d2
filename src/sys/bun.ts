// Bun's door: libc's syscall(2) and posix_spawn(3) through bun:ffi.

import { dlopen, FFIType, ptr, read, toArrayBuffer, type Pointer } from "bun:ffi";
import { readFileSync } from "node:fs";
import type { Argument, ByteString, Engine, Machine } from "./engine.ts";

const { symbols: libc } = dlopen("libc.so.6", {
  syscall: { args: ["i64", "i64", "i64", "i64", "i64", "i64", "i64"], returns: FFIType.i64_fast },
  __errno_location: { args: [], returns: "ptr" },
  sysconf: { args: ["i32"], returns: FFIType.i64_fast },
  posix_spawn: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  posix_spawn_file_actions_init: { args: ["ptr"], returns: "i32" },
  posix_spawn_file_actions_adddup2: { args: ["ptr", "i32", "i32"], returns: "i32" },
  posix_spawn_file_actions_destroy: { args: ["ptr"], returns: "i32" },
  posix_spawnattr_init: { args: ["ptr"], returns: "i32" },
  posix_spawnattr_setflags: { args: ["ptr", "i16"], returns: "i32" },
  posix_spawnattr_setsigdefault: { args: ["ptr", "ptr"], returns: "i32" },
  posix_spawnattr_destroy: { args: ["ptr"], returns: "i32" },
});

const machines: Partial<Record<NodeJS.Architecture, Machine>> = { x64: "x86_64", arm64: "aarch64" };
const _SC_PAGESIZE = 30;
const POSIX_SPAWN_SETSIGDEF = 4;
const SIGPIPE = 13;

/** NUL-terminated strings of the call under way: one buffer for all, so that its address is asked for only once. */
const strings = Buffer.alloc(64 * 1024);
const stringsAddress = ptr(strings);

function cString(text: ByteString): Buffer {
  return Buffer.from(`${text}\0`, "latin1");
}

function syscall(number: number, ...args: Argument[]): number {
  let used = 0;
  const kept: Buffer[] = [];
  const words = args.map((value) => {
    if (typeof value === "number" || typeof value === "bigint") return BigInt.asIntN(64, BigInt(value));
    if (value === null) return 0;
    if (typeof value !== "string") return addressOf(value);
    if (value.includes("\0")) throw new TypeError("NUL inside a string for the kernel");
    const place = used;
    used += value.length + 1;
    if (used > strings.length) {
      const own = cString(value);
      kept.push(own);
      return ptr(own);
    }
    strings.write(`${value}\0`, place, "latin1");
    return stringsAddress + place;
  });
  while (words.length < 6) words.push(0);
  const result = Number(libc.syscall(number, ...(words as [number, number, number, number, number, number])));
  // errno must be read before anything else runs.
  return result === -1 ? -read.i32(libc.__errno_location() as Pointer, 0) : result;
}

/** ptr() refuses an empty array; the kernel is never told to look at one. */
function addressOf(bytes: Uint8Array): number {
  return bytes.length === 0 ? 0 : ptr(bytes);
}

/** `argv` as the kernel gave it, byte for byte: Bun's own copy has lost what is not UTF-8. */
function rawArguments(): ByteString[] {
  const given = process.argv.slice(2);
  try {
    const raw = readFileSync("/proc/self/cmdline", "latin1").split("\0").slice(0, -1);
    return [process.argv0, ...(given.length === 0 ? [] : raw.slice(-given.length))];
  } catch {
    return [process.argv0, ...given];
  }
}

function spawn(
  path: ByteString, argv: readonly ByteString[], stdin: number, stdout: number, stderr: number,
): number {
  const strings = [path, ...argv].map(cString);
  const environment = Object.entries(process.env).map(([name, value]) => Buffer.from(`${name}=${value}\0`));
  const actions = new Uint8Array(512);
  const attributes = new Uint8Array(1024);
  const signals = new Uint8Array(128);
  const pid = new Int32Array(1);
  const table = (entries: Buffer[]) => new BigUint64Array([...entries.map((entry) => BigInt(ptr(entry))), 0n]);
  const argvTable = table(strings.slice(1));
  const environmentTable = table(environment);
  signals[(SIGPIPE - 1) >> 3]! |= 1 << ((SIGPIPE - 1) & 7);
  libc.posix_spawn_file_actions_init(actions);
  [stdin, stdout, stderr].forEach((from, to) => libc.posix_spawn_file_actions_adddup2(actions, from, to));
  libc.posix_spawnattr_init(attributes);
  libc.posix_spawnattr_setsigdefault(attributes, signals);
  libc.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF);
  const failed = libc.posix_spawn(pid, strings[0]!, actions, attributes, argvTable, environmentTable);
  libc.posix_spawnattr_destroy(attributes);
  libc.posix_spawn_file_actions_destroy(actions);
  return failed ? -failed : pid[0]!;
}

export const engine: Engine = {
  args: rawArguments(),
  machine: machines[process.arch]!,
  pageSize: Number(libc.sysconf(_SC_PAGESIZE)),
  syscall,
  address: (bytes) => BigInt(addressOf(bytes)),
  memory: (address, length) => new Uint8Array(toArrayBuffer(address as Pointer, 0, length)),
  decode: (bytes, start, end) => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1"),
  encode(text, bytes, at) {
    if (at + text.length > bytes.length) throw new RangeError("the string does not fit");
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(text, at, "latin1");
  },
  spawn,
  exit: (code) => process.exit(code),
};
