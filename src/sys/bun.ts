// Bun's door: libc's syscall(2), posix_spawn(3) and sigaction(3) through bun:ffi.

import { CFunction, dlopen, FFIType, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";
import type { Argument, ByteString, Engine, HeldSignals, Machine } from "./engine.ts";
import gatherArm64 from "./gather/arm64.hex" with { type: "text" };
import gatherX86 from "./gather/x86_64.hex" with { type: "text" };

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
  mmap: { args: ["ptr", "u64", "i32", "i32", "i32", "i64"], returns: "ptr" },
  mprotect: { args: ["ptr", "u64", "i32"], returns: "i32" },
  sigaction: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  raise: { args: ["i32"], returns: "i32" },
  open: { args: ["ptr", "i32"], returns: "i32" },
  read: { args: ["i32", "ptr", "u64"], returns: FFIType.i64_fast },
  close: { args: ["i32"], returns: "i32" },
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

/**
 * Arguments or environment as the kernel gave them, byte for byte: Bun's own copy has lost what is not UTF-8. By libc,
 * since node:fs takes a millisecond and 4 MB when it is first used.
 */
function givenByKernel(what: "cmdline" | "environ"): ByteString[] {
  const descriptor = libc.open(cString(`/proc/self/${what}`), 0);
  const part = Buffer.alloc(64 * 1024);
  let text = "";
  for (let got = 1; got > 0; text += part.toString("latin1", 0, Math.max(got, 0)))
    got = Number(libc.read(descriptor, part, part.length));
  libc.close(descriptor);
  return text.split("\0").slice(0, -1);
}

/** The name we were called by, then what follows Bun's own arguments, of which an executable has none. */
function rawArguments(): ByteString[] {
  const given = process.argv.length - 2;
  const raw = givenByKernel("cmdline");
  return [raw[0] ?? "", ...raw.slice(raw.length - given)];
}

function spawn(path: ByteString, argv: readonly ByteString[], stdin: number, stdout: number, stderr: number): number {
  const strings = [path, ...argv].map(cString);
  // Not process.env, from which our executable's start has taken everything that could steer Bun.
  const environment = givenByKernel("environ").map(cString);
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

/** The code of gather/, mapped when it is asked for. */
let gatherCode: ReturnType<typeof mappedGatherCode> | undefined;

function gather(state: Uint8Array, action: number, directory: number, name: ByteString): number {
  if (name.includes("\0")) throw new TypeError("NUL inside a string for the kernel");
  gatherCode ??= mappedGatherCode();
  const fits = name.length < strings.length;
  if (fits) strings.write(`${name}\0`, "latin1");
  return gatherCode(state, action, directory, fits ? strings : cString(name)) as number;
}

function mappedGatherCode() {
  const hex = process.arch === "arm64" ? gatherArm64 : gatherX86;
  const code = Buffer.from(hex.replace(/\s/g, ""), "hex");
  const pages = libc.mmap(null, code.length, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)!;
  new Uint8Array(toArrayBuffer(pages, 0, code.length)).set(code);
  libc.mprotect(pages, code.length, PROT_READ | PROT_EXEC);
  return CFunction({ ptr: pages, args: ["ptr", "i32", "i32", "ptr"], returns: "i32" });
}

const PROT_READ = 1;
const PROT_WRITE = 2;
const PROT_EXEC = 4;
const MAP_PRIVATE_ANONYMOUS = 0x22;
/** Of glibc's struct sigaction: the handler, 1024 bits of mask, flags. */
const SIGACTION_SIZE = 152;
const SIGACTION_FLAGS = 136;
const SA_RESTART = 0x10000000;

/**
 * Bun has threads that no mask of ours reaches, and the kernel gives a signal to any that lets it in. A handler is for
 * all of them. It can be no JavaScript: two pages, the second of which has a byte for each signal that came.
 */
function heldSignals(pageSize: number): HeldSignals {
  const pages = libc.mmap(null, 2 * pageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0)!;
  const code = new DataView(toArrayBuffer(pages, 0, pageSize));
  const came = new Uint8Array(toArrayBuffer(pages, pageSize, 128));
  if (process.arch === "arm64") {
    code.setUint32(0, 0x10000001 | ((pageSize / 4) << 5), true); // adr x1, .+pageSize
    code.setUint32(4, 0x52800022, true); // mov w2, #1
    code.setUint32(8, 0x38206822, true); // strb w2, [x1, x0]
    code.setUint32(12, 0xd65f03c0, true); // ret
  } else {
    code.setUint32(0, 0x00058d48, true); // lea pageSize(%rip - 7), %rax
    code.setInt32(3, pageSize - 7, true);
    code.setUint32(7, 0x013804c6, true); // movb $1, (%rax,%rdi)
    code.setUint8(11, 0xc3); // ret
  }
  libc.mprotect(pages, pageSize, PROT_READ | PROT_EXEC);
  const handling = new DataView(new ArrayBuffer(SIGACTION_SIZE));
  handling.setBigUint64(0, BigInt(pages), true);
  handling.setInt32(SIGACTION_FLAGS, SA_RESTART, true);
  const before = new Map<number, Uint8Array>();
  return {
    hold(signals) {
      for (const signal of signals) {
        came[signal] = 0;
        const old = new Uint8Array(SIGACTION_SIZE);
        libc.sigaction(signal, new Uint8Array(handling.buffer), old);
        before.set(signal, old);
      }
    },
    pending: (signal) => came[signal] === 1,
    release(signals) {
      for (const signal of signals) {
        const now = new DataView(new ArrayBuffer(SIGACTION_SIZE));
        libc.sigaction(signal, null, new Uint8Array(now.buffer));
        // Who has told the kernel something else meanwhile wants it to stay.
        if (now.getBigUint64(0, true) !== BigInt(pages)) continue;
        libc.sigaction(signal, before.get(signal)!, null);
        if (came[signal] === 1) libc.raise(signal);
      }
    },
  };
}

const pageSize = Number(libc.sysconf(_SC_PAGESIZE));
let held: HeldSignals | undefined;

export const engine: Engine = {
  name: "bun",
  args: rawArguments(),
  machine: machines[process.arch]!,
  pageSize,
  syscall,
  address: (bytes) => BigInt(addressOf(bytes)),
  memory: (address, length) => new Uint8Array(toArrayBuffer(address as Pointer, 0, length)),
  decode: (bytes, start, end) => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString("latin1"),
  encode(text, bytes, at) {
    if (at + text.length > bytes.length) throw new RangeError("the string does not fit");
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(text, at, "latin1");
  },
  spawn,
  gather,
  exit: (code) => process.exit(code),
  get heldSignals() {
    return (held ??= heldSignals(pageSize));
  },
};
