// The functions of the C library that Bun's door calls, and memory that is mapped by them.

import { dlopen, FFIType, type Pointer, toArrayBuffer } from "bun:ffi";
import type { ByteString } from "../engine.ts";

export const { symbols: libc } = orEnd(() =>
  dlopen("libc.so.6", {
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
    mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "i64"], returns: "ptr" },
    mprotect: { args: ["ptr", "u64", "i32"], returns: "i32" },
    sigaction: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    raise: { args: ["i32"], returns: "i32" },
    open: { args: ["ptr", "i32"], returns: "i32" },
    read: { args: ["i32", "ptr", "u64"], returns: FFIType.i64_fast },
    close: { args: ["i32"], returns: "i32" },
  }),
);

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE_ANONYMOUS = 0x22;

/**
 * Bun makes code for each function of a library. Where it was not given the memory for that, which is a gigabyte of
 * addresses, it throws before anything of ours runs.
 */
function orEnd<T>(open: () => T): T {
  try {
    return open();
  } catch (error) {
    const fact = `out of memory for code: ${(error as Error).message}`;
    process.getBuiltinModule("node:fs").writeSync(2, `kexecbox: memory: ${fact}\n`);
    return process.exit(1);
  }
}

/** What native code was given the address of, of which the garbage collector knows nothing. */
let inUse: readonly unknown[] = [];

/** What `call` gives, which calls native code: until it returns nothing of `held`, or of what that holds, is freed. */
export function holding<T>(held: unknown, call: () => T): T {
  const others = inUse;
  inUse = [held, others];
  try {
    return call();
  } finally {
    inUse = others;
  }
}

/** A byte string with its NUL. */
export function cString(text: ByteString): Buffer {
  return Buffer.from(`${text}\0`, "latin1");
}

/** Memory of our own, zeroed. */
export function mapPages(length: number): { readonly start: Pointer; readonly bytes: Uint8Array } {
  const start = libc.mmap(null, length, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0);
  // MAP_FAILED is the highest address of all.
  if (typeof start !== "number" || !Number.isSafeInteger(start)) throw new Error(`no memory for ${length} bytes`);
  return { start, bytes: new Uint8Array(toArrayBuffer(start, 0, length)) };
}

/** Turns such memory into code: from then on it cannot be written. */
export function makeExecutable(start: Pointer, length: number): void {
  libc.mprotect(start, length, PROT_READ | PROT_EXEC);
}

/**
 * Memory that begins with code, of which it is made by its prebuilt bytes.
 * @param hex digits and white space
 * @param room for the code; as long as the code unless given
 * @param data bytes behind that, which can be written
 */
export function mapCode(hex: string, room?: number, data = 0): ReturnType<typeof mapPages> {
  const code = Buffer.from(hex.replace(/\s/g, ""), "hex");
  const length = room ?? code.length;
  const pages = mapPages(length + data);
  pages.bytes.set(code);
  makeExecutable(pages.start, length);
  return pages;
}
