// What the program asks of the engine that it runs on. src/sys/bun.ts and src/sys/quickjs.ts implement it, and a fake
// one for tests.

import type { Machine } from "./abi.ts";
import type { Packing } from "./unpack.ts";

export type { Machine };

/** Text as the kernel has it: one character, 0..255, for each byte, so that what is not UTF-8 survives too. */
export type ByteString = string;

/** Gets the next part of a text that is told part by part: that of a long value would be several times as large. */
export type Write = (part: ByteString) => void;

/** A string is passed as a NUL-terminated byte string, an array as its first byte's address, a bigint modulo 2^64. */
export type Argument = number | bigint | ByteString | Uint8Array | null;

export interface Engine {
  readonly name: "bun" | "quickjs";
  /** The name we were called by, then the arguments. */
  readonly args: readonly ByteString[];
  /** The machine whose instructions the program is made of. */
  readonly machine: Machine;
  /** The running kernel's: ppc64 of a program for ppc too, where that kernel has 64 bits. */
  readonly kernel: Machine;
  /** Bytes in a page of the running kernel (AT_PAGESZ). */
  readonly pageSize: number;
  /** The raw system call, in the kernel's own convention: the value, or -errno. */
  syscall(number: number, ...args: Argument[]): number;
  /** Where the first byte of `bytes` lies. The caller keeps `bytes` referenced for as long as the kernel may look. */
  address(bytes: Uint8Array): bigint;
  /** A view of mapped memory. It does not own the memory: unmapping is the caller's. */
  memory(address: number, length: number): Uint8Array;
  /** The byte string from `start` up to `end`. */
  decode(bytes: Uint8Array, start: number, end: number): ByteString;
  /** Writes `text` at `at`, no NUL, and returns how many bytes that was. RangeError when it does not fit. */
  encode(text: ByteString, bytes: Uint8Array, at: number): number;
  /**
   * Starts a program with these three descriptors as 0, 1 and 2 and no others (posix_spawn(3)): its process id, or
   * -errno. The environment is passed on.
   */
  spawn(path: ByteString, argv: readonly ByteString[], stdin: number, stdout: number, stderr: number): number;
  /** gather() of gather/gather.h: `state` is its struct. The value, or -errno. */
  gather(state: Uint8Array, action: number, directory: number, name: ByteString): number;
  /** The SHA-256 of all of `bytes` (FIPS 180-4): 64 lower case hexadecimal digits. */
  sha256(bytes: Uint8Array): string;
  /** How many bytes from `at` on are zero, up to the first that is not. */
  zeros(bytes: Uint8Array, at: number): number;
  /** Unpacks all of `input` into `output`: how many bytes that gave, or one of UNPACK (unpack.ts). */
  unpack(method: Packing, input: Uint8Array, output: Uint8Array): number;
  /**
   * From now on a page of this mapping of a file that turns out not to be there, since the file became shorter or its disk
   * failed, and all that follows it, become zeros when it is touched (guard/guard.h). False where too many are guarded.
   * @param address of its first page
   * @param length of all its pages
   */
  guard(address: bigint, length: number): boolean;
  /** Where the first page was that became zeros so; 0n where none did. */
  lostPage(): bigint;
  exit(code: number): never;
  /** Absent where the process has one thread: there rt_sigprocmask does all of this. */
  readonly heldSignals?: HeldSignals;
}

/** Keeps signals from acting for a while, in an engine that has threads of its own. */
export interface HeldSignals {
  hold(signals: readonly number[]): void;
  /** Whether it came since it was held. */
  pending(signal: number): boolean;
  /** Lets those that came act now, except where the signal's action was changed meanwhile. */
  release(signals: readonly number[]): void;
}
