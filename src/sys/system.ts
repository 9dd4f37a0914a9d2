// The system calls as the program uses them, with their structures read and their failures put into words.
// A method returns -errno where the kernel does. One whose name begins with `must`, or `must` around it, throws a Failure.

import { EXIT, type ExitCode, Failure, hex, unlessFailure, usage } from "../failure.ts";
import { type Abi, abis } from "./abi.ts";
import type { Argument, ByteString, Engine, Machine, Write } from "./engine.ts";
import { errno } from "./errno.ts";
import {
  decodeEntries,
  decodeIdentity,
  decodeStatus,
  type Entry,
  type FileStatus,
  STATX_BASIC_STATS,
  STATX_SIZE,
} from "./files.ts";
import { decodeLong, encodeLongs, encodeSignals, halvesOf, hasSignal, SIGNAL_SET_SIZE } from "./native.ts";
import errnoText from "./strerror.ts";

export type { Entry, FileStatus } from "./files.ts";

export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;

/** The working directory, where a directory's descriptor is asked for. */
export const CWD = -100;

// The same on every Linux machine, unlike O_DIRECTORY and O_NOFOLLOW (include/uapi/asm-generic/fcntl.h).
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;

/** An ioctl that makes a terminal the session's own (asm-generic/ioctls.h, arch/powerpc/include/uapi/asm/ioctls.h). */
export const TIOCSCTTY = 0x540e;

/** What a child's end sends to its parent: the same number on every machine of ours. */
export const SIGCHLD = 17;

/** To fcntl(2): how many bytes a pipe holds (linux/fcntl.h). */
export const F_SETPIPE_SZ = 1031;

/** To wait4(2): do not wait, return only children that have ended. */
export const WNOHANG = 1;

// Commands of reboot(2) (include/uapi/linux/reboot.h).
export const REBOOT_KEXEC = 0x45584543;
export const REBOOT_POWER_OFF = 0x4321fedc;
export const REBOOT_RESTART = 0x01234567;

const PATH_MAX = 4096;
/** Bytes of a mapped file that are read at a time to find out what failed. */
const LOSS_CHUNK = 1024 * 1024;
const REBOOT_MAGIC1 = 0xfee1dead;
const REBOOT_MAGIC2 = 672274793;
const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const STATFS_SIZE = 128;
/** What an initramfs is unpacked into (linux/magic.h). */
const TMPFS = 0x0102_1994n;
const RAMFS = 0x8584_58f6n;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
/** linux/mman-common.h. */
const MADV_POPULATE_READ = 22;
const MAP_ANONYMOUS = 0x20;
const MREMAP_MAYMOVE = 1;
/** Bytes: how much is asked for of what may have any number. */
const FIRST_READ = 1024 * 1024;
// include/linux/syslog.h.
const SYSLOG_ACTION_READ_ALL = 3;
const SYSLOG_ACTION_SIZE_BUFFER = 10;
/** Another reader may take from a pipe what poll told of, and not so often. */
const MOST_WAITS = 1000;
const POLLIN = 1;
const POLLOUT = 4;
const CLOCK_MONOTONIC = 1;
const SIG_BLOCK = 0;
const SIG_UNBLOCK = 1;
const SIG_DFL = 0n;
const SIG_IGN = 1n;
export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGKILL = 9;
export const SIGPIPE = 13;
export const SIGTERM = 15;
/** What a person, or a terminal that goes away, ends a program with. */
export const INTERRUPTS = [SIGHUP, SIGINT, SIGQUIT, SIGTERM] as const;

/** A part of a file that is mapped. */
interface Mapping {
  readonly start: bigint;
  /** Bytes. */
  readonly length: number;
  readonly descriptor: number;
  readonly offset: number;
  readonly name: string;
}

/** What a file is to have: bytes, or a text that is told part by part. */
export type Content = Uint8Array | ((write: Write) => void);

/** Whether -errno says that nothing has a name, nor what it leads to. An error says nothing of the kind. */
export function saysMissing(result: unknown): boolean {
  return result === -errno.ENOENT || result === -errno.ENOTDIR;
}

export class System {
  /** What getdents64 fills in. One buffer is enough: a listing is copied out before the next is read. */
  #entries: Uint8Array | undefined;
  /** What a small file is read into. */
  #small: Uint8Array | undefined;
  #hasPrinted = false;
  /** Signals that wait until they are released. */
  #held: readonly number[] = [];
  /** `NAME=value`, each ended by a NUL. */
  #environment: ByteString | undefined;
  readonly #mappings: Mapping[] = [];

  constructor(
    readonly engine: Engine,
    readonly abi: Abi = abis[engine.machine],
  ) {}

  /** The running kernel's, which may have more bits than this program. */
  get machine(): Machine {
    return this.engine.kernel;
  }

  /** e_machine of the running kernel, which is also the kexec architecture. */
  get elfMachine(): number {
    return abis[this.machine].elfMachine;
  }

  get pageSize(): number {
    return this.engine.pageSize;
  }

  get littleEndian(): boolean {
    return this.abi.endian === "little";
  }

  /** A system call by its name. */
  call(name: keyof Abi["call"], ...args: Argument[]): number {
    // biome-ignore lint/plugin: six arguments at most, which every caller writes out.
    return this.engine.syscall(this.abi.call[name], ...args);
  }

  /**
   * The result of a call that has to succeed.
   * @param place what the error names
   * @throws Failure for -errno, in strerror's words
   */
  must(result: number, place: string, exitCode?: ExitCode): number;
  must<Result extends object | string>(result: Result | number, place: string, exitCode?: ExitCode): Result;
  must(result: unknown, place: string, exitCode: ExitCode = EXIT.input): unknown {
    if (typeof result === "number" && result < 0) throw new Failure(place, errnoText(result), exitCode);
    return result;
  }

  /**
   * A call whose last argument is an offset in a file, with an odd number of others before it. Where a register has 32 bits two
   * have it, of which the first is an odd one: one register is left out (arch/powerpc/include/asm/syscalls.h).
   */
  #callAt(name: keyof Abi["call"], others: readonly Argument[], offset: bigint): number {
    const registers = this.abi.word === 8 ? [offset] : [0, ...halvesOf(offset)];
    // biome-ignore lint/plugin: six arguments at most.
    return this.call(name, ...others, ...registers);
  }

  open(directory: number, name: ByteString, flags: number, mode = 0o666): number {
    return this.call("openat", directory, name, flags | O_CLOEXEC | this.abi.O_LARGEFILE, mode);
  }

  /** Opens a path that has to be there. `place` is what the error names. */
  mustOpen(path: ByteString, flags: number, place: string = path): number {
    return this.must(this.open(CWD, path, flags), place);
  }

  /** Opens for reading what has to be a plain file. */
  mustOpenFile(path: ByteString, place: string = path): { readonly descriptor: number; readonly status: FileStatus } {
    const descriptor = this.mustOpen(path, O_NONBLOCK, place);
    const status = this.must(this.status(descriptor), place);
    if (status.kind !== "file") throw new Failure(place, `is a ${status.kind}, not a file`);
    return { descriptor, status };
  }

  mustOpenDirectory(path: ByteString): number {
    return this.mustOpen(path, this.abi.O_DIRECTORY);
  }

  close(descriptor: number): void {
    this.call("close", descriptor);
  }

  /**
   * Closes a file that was written, once it is on its disk. A file system may say only here that it had no room, or that the
   * disk failed (NFS, quotas, FUSE).
   * @param waits false: it is not waited for until it is on a disk
   * @throws Failure then; the file is closed all the same
   */
  finish(descriptor: number, place: string, waits = true): void {
    const settled = waits ? this.call("fsync", descriptor) : 0;
    const closed = this.call("close", descriptor);
    // What has no disk cannot be synchronised.
    if (settled !== -errno.EINVAL) this.must(settled, place);
    this.must(closed, place);
  }

  /** Closes standard output if something was printed. @throws Failure where that did not get where it should */
  finishOutput(): void {
    if (!this.#hasPrinted) return;
    this.#hasPrinted = false;
    this.must(this.call("close", STDOUT), "standard output");
  }

  /**
   * Reads once, at most `length` bytes, to `at`. Of what does not block, but has nothing yet, it waits for something; of what
   * says that it has something each time, and has not, as some files of sysfs, it gives -EAGAIN.
   */
  read(descriptor: number, bytes: Uint8Array, at: number, length: number): number {
    for (let waits = 0; ; ) {
      const got = this.call("read", descriptor, bytes.subarray(at, at + length), length);
      if (got === -errno.EAGAIN && waits++ < MOST_WAITS) this.#waitFor(descriptor, POLLIN);
      else if (got !== -errno.EINTR) return got;
    }
  }

  /** Reads once from byte `at` of an open file, at most what `bytes` holds: how much that was, or -errno. */
  readAt(descriptor: number, bytes: Uint8Array, at: bigint): number {
    for (;;) {
      const got = this.#callAt("pread64", [descriptor, bytes, bytes.length], at);
      if (got !== -errno.EINTR) return got;
    }
  }

  /** Writes all of `bytes`, however slowly the other side takes them. @throws Failure where that fails, or a mapped file is lost */
  writeAll(descriptor: number, bytes: Uint8Array, place: string): void {
    if (descriptor !== STDERR) this.refuseLoss();
    if (descriptor === STDOUT && bytes.length > 0) this.#hasPrinted = true;
    for (let at = 0; at < bytes.length; ) {
      const written = this.call("write", descriptor, bytes.subarray(at), bytes.length - at);
      if (written === -errno.EAGAIN) this.#waitFor(descriptor, POLLOUT);
      else if (written === -errno.EFAULT) throw this.findLoss() ?? new Failure(place, errnoText(written));
      else if (written === -errno.ENOSPC) throw new Failure(place, errnoText(written) + this.#tellFull(descriptor));
      else if (written !== -errno.EINTR) at += this.must(written, place);
    }
  }

  /** For an error's end: that it is the initramfs that is full, which is in memory; "" of any other file system. */
  #tellFull(descriptor: number): string {
    const status = this.status(descriptor);
    if (typeof status === "number" || status.kind !== "file") return "";
    const root = this.open(CWD, "/", this.abi.O_DIRECTORY);
    const kind = this.fileSystem(root);
    // Without its last number, which is the file's own.
    const [device, itsDevice] = [root, descriptor].map((each) => String(this.identity(each)).replace(/:[0-9]+$/, ""));
    this.close(root);
    return device === itsDevice && (kind === TMPFS || kind === RAMFS) ? ": the initramfs is full" : "";
  }

  /** Goes to a byte of an open file, counted from its start or from where it is: which one it is then, or -errno. */
  seek(descriptor: number, offset: number, from: "start" | "here"): number {
    const whence = from === "start" ? 0 : 1;
    if (this.abi.word === 8) return this.call("lseek", descriptor, offset, whence);
    // _llseek(2): where it is then, it writes.
    const [high, low] = halvesOf(BigInt(offset));
    const reached = new DataView(new ArrayBuffer(8));
    const result = this.call("lseek", descriptor, high, low, new Uint8Array(reached.buffer), whence);
    return result < 0 ? result : Number(reached.getBigInt64(0, this.littleEndian));
  }

  /** Gives an open file so many bytes: 0 or -errno. */
  resize(descriptor: number, length: bigint): number {
    return this.#callAt("ftruncate", [descriptor], length);
  }

  /** Milliseconds of a clock that nobody sets. */
  now(): number {
    const time = new Uint8Array(2 * this.abi.word);
    this.call("clock_gettime", CLOCK_MONOTONIC, time);
    // struct timespec: seconds and nanoseconds, each a long.
    return Number(decodeLong(this.abi, time, 0)) * 1000 + Number(decodeLong(this.abi, time, 1)) / 1e6;
  }

  /** Waits so many milliseconds. */
  sleep(milliseconds: number): void {
    const time = this.longs([BigInt(Math.floor(milliseconds / 1000)), BigInt((milliseconds % 1000) * 1e6)]);
    this.call("ppoll", null, 0, time, null, 0);
  }

  #waitFor(descriptor: number, events: number): void {
    const poll = new DataView(new ArrayBuffer(8));
    poll.setInt32(0, descriptor, this.littleEndian);
    poll.setInt16(4, events, this.littleEndian);
    this.call("ppoll", new Uint8Array(poll.buffer), 1, null, null, 0);
  }

  /** Unsigned longs of this machine, one after the other, as its structures have them. */
  longs(values: readonly bigint[]): Uint8Array {
    return encodeLongs(this.abi, values);
  }

  /** The bytes of a string, for writing. */
  bytes(text: ByteString): Uint8Array {
    const bytes = new Uint8Array(text.length);
    this.engine.encode(text, bytes, 0);
    return bytes;
  }

  text(bytes: Uint8Array): ByteString {
    return this.engine.decode(bytes, 0, bytes.length);
  }

  /** Text to standard output. */
  print(text: ByteString): void {
    this.writeAll(STDOUT, this.bytes(text), "standard output");
  }

  /** A text that is told part by part, to standard output: what can go wrong with it has to before the first part. */
  printParts(tell: (write: Write) => void): void {
    this.#writeParts(STDOUT, tell, "standard output");
  }

  /** Collects so many bytes of a text that is told part by part, and writes them. */
  #writeParts(descriptor: number, tell: (write: Write) => void, place: string): void {
    const buffer = new Uint8Array(64 * 1024);
    let filled = 0;
    const flush = () => {
      this.writeAll(descriptor, buffer.subarray(0, filled), place);
      filled = 0;
    };
    tell((part) => {
      if (filled + part.length > buffer.length) flush();
      if (part.length > buffer.length) this.writeAll(descriptor, this.bytes(part), place);
      else filled += this.engine.encode(part, buffer, filled);
    });
    flush();
  }

  /** One line to standard error. If that fails, there is no other place to report it. */
  say(line: ByteString): void {
    try {
      this.writeAll(STDERR, this.bytes(`${line}\n`), "standard error");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** The entries of an open directory without `.` and `..`, in the kernel's order; or -errno. */
  list(descriptor: number): Entry[] | number {
    this.#entries ??= new Uint8Array(256 * 1024);
    const buffer = this.#entries;
    const entries: Entry[] = [];
    for (;;) {
      const filled = this.call("getdents64", descriptor, buffer, buffer.length);
      if (filled <= 0) return filled < 0 ? filled : entries;
      for (const entry of decodeEntries(this.engine, buffer.subarray(0, filled), this.littleEndian))
        entries.push(entry);
    }
  }

  /** The status of what is open. */
  status(descriptor: number): FileStatus | number {
    return this.#statx(descriptor, "", AT_EMPTY_PATH, decodeStatus);
  }

  /** The status of a name itself: a symbolic link is not followed. */
  statusOf(directory: number, name: ByteString): FileStatus | number {
    return this.#statx(directory, name, AT_SYMLINK_NOFOLLOW, decodeStatus);
  }

  /** The status of what a path leads to. */
  statusOfFile(path: ByteString): FileStatus | number {
    return this.#statx(CWD, path, 0, decodeStatus);
  }

  /** Whether nothing has that name, nor what it leads to. An error is not taken for that: whoever opens it is told which. */
  isMissing(path: ByteString): boolean {
    return saysMissing(this.statusOfFile(path));
  }

  /** What tells it from every other file, of a file or directory that is open; or -errno. */
  identity(descriptor: number): string | number {
    return this.#statx(descriptor, "", AT_EMPTY_PATH, decodeIdentity);
  }

  #statx<T>(
    directory: number,
    name: ByteString,
    flags: number,
    decode: (bytes: Uint8Array, littleEndian: boolean) => T,
  ): T | number {
    const bytes = new Uint8Array(STATX_SIZE);
    const result = this.call("statx", directory, name, flags, STATX_BASIC_STATS, bytes);
    return result < 0 ? result : decode(bytes, this.littleEndian);
  }

  /** Of which kind the file system of an open file is (linux/magic.h); undefined where that is not told. */
  fileSystem(descriptor: number): bigint | undefined {
    // struct statfs: f_type is the first long. It has 120 bytes.
    const bytes = new Uint8Array(STATFS_SIZE);
    if (this.call("fstatfs", descriptor, bytes) < 0) return undefined;
    return decodeLong(this.abi, bytes, 0);
  }

  /** The whole of an open file, up to `limit` bytes; or -errno, -EFBIG when there is more. */
  readAll(descriptor: number, limit: number): Uint8Array | number {
    // Nearly all files are small, and a new array is zeros first: of a thousand files that took longer than to read them.
    this.#small ??= new Uint8Array(64 * 1024);
    let bytes = this.#small.subarray(0, limit + 1);
    let isSmall = true;
    for (let length = 0; ; ) {
      if (length === bytes.length) {
        // Room for all that a file has, and a byte to see that it ends there: to grow is to copy.
        const status = this.status(descriptor);
        const told = typeof status === "number" ? 0 : Number(status.size);
        const larger = new Uint8Array(Math.min(limit + 1, told > length ? told + 1 : 2 * length));
        larger.set(bytes);
        bytes = larger;
        isSmall = false;
      }
      const got = this.read(descriptor, bytes, length, bytes.length - length);
      if (got < 0) return got;
      if (got === 0) return isSmall ? bytes.slice(0, length) : bytes.subarray(0, length);
      length += got;
      if (length > limit) return -errno.EFBIG;
    }
  }

  /** As readAll(), but into allocated memory, which grows without a copy. */
  readAllOutside(descriptor: number, limit: number, place: string): Uint8Array | number {
    let memory = this.allocate(FIRST_READ, place);
    for (let length = 0; ; ) {
      if (length === memory.length) {
        // Engines have a largest array.
        const larger = Math.min(2 * length, limit + this.pageSize);
        const address = this.call("mremap", this.engine.address(memory), length, larger, MREMAP_MAYMOVE);
        memory = this.engine.memory(this.must(address, place), larger);
      }
      const got = this.read(descriptor, memory, length, memory.length - length);
      if (got === 0) return memory.subarray(0, length);
      length += Math.max(got, 0);
      if (got < 0 || length > limit) {
        this.free(memory);
        return got < 0 ? got : -errno.EFBIG;
      }
    }
  }

  /** The whole of an open file that has to be readable, and no larger than `limit` bytes. */
  mustReadAll(descriptor: number, limit: number, place: string): Uint8Array {
    const bytes = this.readAll(descriptor, limit);
    if (bytes === -errno.EFBIG) throw new Failure(place, `more than ${limit} bytes`);
    return this.must(bytes, place);
  }

  /** The whole of a file that has to be readable, and no larger than `limit` bytes. Of a FIFO: what its writer writes. */
  mustReadFile(path: ByteString, limit: number): Uint8Array {
    const descriptor = this.mustOpen(path, 0);
    try {
      return this.mustReadAll(descriptor, limit, path);
    } finally {
      this.close(descriptor);
    }
  }

  /** Removes a file or an empty directory; true where it is gone. */
  remove(path: ByteString): boolean {
    return this.call("unlinkat", CWD, path, 0) === 0 || this.call("unlinkat", CWD, path, AT_REMOVEDIR) === 0;
  }

  /**
   * Writes a file in place of the one at `path`, whose permissions it keeps, and whose owner where it may, or where nothing is: whole, or not at
   * all. An interrupt that comes meanwhile acts afterwards.
   * @param mode of a file where nothing is, before umask
   * @returns what it could not keep, in words; "" where it kept all
   * @throws Failure where something else than a file is there
   */
  replaceFile(path: ByteString, content: Content, mode = 0o666): string {
    return this.uninterrupted(() => this.#replaceFile(path, content, mode));
  }

  #replaceFile(path: ByteString, content: Content, mode: number): string {
    const present = this.statusOf(CWD, path);
    if (typeof present !== "number" && present.kind !== "file") throw new Failure(path, `a ${present.kind} is there`);
    const beside = `${path}.${this.call("getpid")}`;
    const isNew = typeof present === "number";
    const descriptor = this.must(this.open(CWD, beside, O_WRONLY | O_CREAT | O_EXCL, isNew ? mode : 0o600), path);
    try {
      const lost = isNew ? "" : this.#giveAway(descriptor, present);
      this.writeFile(descriptor, content, path);
      this.must(this.call("renameat2", CWD, beside, CWD, path, 0), path);
      return lost;
    } catch (error) {
      this.remove(beside);
      throw error;
    }
  }

  /**
   * Gives a file the owner and the permissions of another one; what its group may do, only if the group could be given. What
   * it could not give, in words.
   */
  #giveAway(descriptor: number, { mode, owner }: FileStatus): string {
    const given = this.call("fchown", descriptor, owner.user, owner.group);
    const changed = this.call("fchmod", descriptor, given === 0 ? mode : mode & 0o707);
    const lost = [
      ...(given < 0 ? [`the owner ${owner.user}:${owner.group} was not kept: ${errnoText(given)}`] : []),
      ...(given < 0 && (mode & 0o070) !== 0 ? ["its group may do nothing with it now"] : []),
      ...(changed < 0
        ? [`the permissions ${mode.toString(8).padStart(4, "0")} were not kept: ${errnoText(changed)}`]
        : []),
    ];
    return lost.join("; ");
  }

  /** Writes all of an open file and closes it, as finish() does. @throws Failure where that fails; it is closed then too */
  writeFile(descriptor: number, content: Content, place: string, waits = true): void {
    try {
      if (typeof content === "function") this.#writeParts(descriptor, content, place);
      else this.writeAll(descriptor, content, place);
    } catch (error) {
      this.close(descriptor);
      throw error;
    }
    this.finish(descriptor, place, waits);
  }

  /** The entries of a directory by its path; undefined where there is none. @throws Failure where it cannot be read */
  mustListIfThere(path: ByteString): Entry[] | undefined {
    const descriptor = this.open(CWD, path, this.abi.O_DIRECTORY | O_NONBLOCK);
    if (saysMissing(descriptor)) return undefined;
    const entries = this.list(this.must(descriptor, path));
    this.close(descriptor);
    // Of one that is taken away meanwhile.
    return saysMissing(entries) ? undefined : this.must(entries, path);
  }

  /** The same, and undefined where it cannot be read: for what is known then in another way, or said. */
  listIfThere(path: ByteString): Entry[] | undefined {
    return unlessFailure(() => this.mustListIfThere(path));
  }

  /** A small file by its path; undefined where there is none. @throws Failure where it cannot be read, or is larger */
  mustReadIfThere(path: ByteString, limit = 64 * 1024): Uint8Array | undefined {
    const descriptor = this.open(CWD, path, O_NONBLOCK);
    if (saysMissing(descriptor)) return undefined;
    try {
      return this.mustReadAll(this.must(descriptor, path), limit, path);
    } finally {
      this.close(descriptor);
    }
  }

  /** The same, and undefined where it cannot be read: for what is known then in another way, or said. */
  readIfThere(path: ByteString, limit?: number): Uint8Array | undefined {
    return unlessFailure(() => this.mustReadIfThere(path, limit));
  }

  /** A variable of the environment that the program was started with; undefined where it is not set, or /proc not mounted. */
  environment(name: string): ByteString | undefined {
    this.#environment ??= this.text(this.readIfThere("/proc/self/environ", 4 * 1024 * 1024) ?? new Uint8Array(0));
    const [, value] = `\0${this.#environment}`.split(`\0${name}=`);
    return value?.slice(0, value.indexOf("\0"));
  }

  /** The first `length` bytes of a file, or all of a shorter one; undefined where it cannot be read. */
  readStartIfThere(path: ByteString, length: number): Uint8Array | undefined {
    const descriptor = this.open(CWD, path, O_NONBLOCK);
    if (descriptor < 0) return undefined;
    try {
      const bytes = new Uint8Array(length);
      for (let at = 0; ; ) {
        const got = at < length ? this.read(descriptor, bytes, at, length - at) : 0;
        if (got < 0) return undefined;
        if (got === 0) return bytes.subarray(0, at);
        at += got;
      }
    } finally {
      this.close(descriptor);
    }
  }

  /** At most 256 bytes, all or none (getrandom(2)); waits until the kernel's random numbers are good. */
  random(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (;;) {
      const got = this.call("getrandom", bytes, length, 0);
      if (got !== -errno.EINTR) {
        this.must(got, "getrandom");
        return bytes;
      }
    }
  }

  /** What the kernel still has of its log; "" where it may not be read. */
  kernelLog(): ByteString {
    const size = this.call("syslog", SYSLOG_ACTION_SIZE_BUFFER, null, 0);
    if (size <= 0) return "";
    const log = new Uint8Array(size);
    const length = this.call("syslog", SYSLOG_ACTION_READ_ALL, log, size);
    return length <= 0 ? "" : this.text(log.subarray(0, length));
  }

  /** Where a symbolic link points; or -errno. */
  readLink(directory: number, name: ByteString): ByteString | number {
    const bytes = new Uint8Array(PATH_MAX);
    const length = this.call("readlinkat", directory, name, bytes, bytes.length);
    return length < 0 ? length : this.engine.decode(bytes, 0, length);
  }

  /** The two ends of a new pipe. */
  pipe(): { readonly read: number; readonly write: number } {
    const ends = new DataView(new ArrayBuffer(8));
    this.must(this.call("pipe2", new Uint8Array(ends.buffer), O_CLOEXEC), "pipe");
    return { read: ends.getInt32(0, this.littleEndian), write: ends.getInt32(4, this.littleEndian) };
  }

  /**
   * A second process that goes on from here, as this one does: 0 in that one, its process id in this one, or -errno. Only
   * for an engine with a single thread: of the others the second process has none.
   */
  fork(): number {
    return this.call("clone", SIGCHLD, 0, 0, 0, 0);
  }

  /** Waits until a child has ended: its status as wait4(2) has it, or -errno. */
  wait(pid: number): number {
    const ended = this.waitForEnd(pid, 0);
    return typeof ended === "number" ? ended : ended.status;
  }

  /**
   * Waits until a child has ended.
   * @param pid -1: any of them
   * @param options of wait4(2)
   * @returns which one, and its status as wait4(2) has it; or -errno; 0 where WNOHANG is asked for and none has ended
   */
  waitForEnd(pid: number, options: number): { readonly pid: number; readonly status: number } | number {
    const status = new DataView(new ArrayBuffer(4));
    for (;;) {
      const result = this.call("wait4", pid, new Uint8Array(status.buffer), options, null);
      if (result === -errno.EINTR) continue;
      return result <= 0 ? result : { pid: result, status: status.getInt32(0, this.littleEndian) };
    }
  }

  /** reboot(2) with one of the REBOOT commands. It does not sync. Returns only when the kernel refuses: -errno. */
  reboot(command: number): number {
    return this.call("reboot", REBOOT_MAGIC1, REBOOT_MAGIC2, command, null);
  }

  isTerminal(descriptor: number): boolean {
    return this.call("ioctl", descriptor, this.abi.TCGETS, new Uint8Array(128)) === 0;
  }

  /** Whether it is a terminal that was taken away from whoever had it open. */
  hasHungUp(descriptor: number): boolean {
    return this.call("ioctl", descriptor, this.abi.TCGETS, new Uint8Array(128)) === -errno.EIO;
  }

  /** To be asked before binary data goes to standard output. */
  refuseTerminal(): void {
    if (this.isTerminal(STDOUT)) throw usage("standard output", "refusing to write binary to a terminal");
  }

  /** Zeroed memory outside the engine's heap; its pages cost nothing until they are touched. */
  allocate(length: number, place: string): Uint8Array {
    const address = this.call("mmap", 0, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return this.engine.memory(this.must(address, place), length);
  }

  /** Gives allocated memory back, all of it. Nothing may look at it any more. */
  free(memory: Uint8Array): void {
    this.call("munmap", this.engine.address(memory), memory.length);
  }

  /**
   * Maps a file over allocated memory from `at`, and from its byte `offset`, both multiples of the page size. It is a
   * private copy: a page that is written is copied first. Behind `length` bytes its last page has what the file has there.
   * What the file has lost meanwhile reads as zeros: ask refuseLoss() before going by what was read.
   * @returns false where too many files are mapped already
   */
  mapOver(memory: Uint8Array, at: number, descriptor: number, length: number, name: string, offset: number): boolean {
    const start = this.engine.address(memory) + BigInt(at);
    if (!this.engine.guard(start, length)) return false;
    const flags = MAP_PRIVATE | MAP_FIXED;
    this.must(
      this.call("mmap", start, length, PROT_READ | PROT_WRITE, flags, descriptor, offset / this.abi.mmapUnit),
      name,
    );
    this.#mappings.push({ start, length, descriptor, offset, name });
    return true;
  }

  /** @throws Failure where zeros have taken the place of something in a mapped file */
  refuseLoss(): void {
    if (this.#mappings.length === 0) return;
    const page = this.engine.lostPage();
    const lost = this.#mappings.find(({ start, length }) => page >= start && page < start + BigInt(length));
    if (lost !== undefined) throw this.#lossOf(lost) ?? new Failure(lost.name, "a part of it could not be read");
  }

  /** What became of the first mapped file that can no longer be read whole: for where the kernel says EFAULT of its bytes. */
  findLoss(): Failure | undefined {
    for (const mapping of this.#mappings) {
      const loss = this.#lossOf(mapping);
      if (loss !== undefined) return loss;
    }
    return undefined;
  }

  #lossOf({ name, descriptor, offset, length }: Mapping): Failure | undefined {
    const status = this.status(descriptor);
    if (typeof status === "number") return new Failure(name, errnoText(status));
    if (status.size < offset + length) {
      return new Failure(
        name,
        `became shorter while it was in use: ${status.size} bytes are left of ${offset + length}`,
      );
    }
    const bytes = new Uint8Array(Math.min(length, LOSS_CHUNK));
    for (let at = 0; at < length; at += bytes.length) {
      const got = this.readAt(descriptor, bytes, BigInt(offset + at));
      if (got < 0) return new Failure(name, `${errnoText(got)}, at ${hex(offset + at)}`);
    }
    return undefined;
  }

  /**
   * Reads allocated memory in, all at once: the kernel would stop for each of its pages. From its first page on; what a kernel
   * before 5.14 does not know, it leaves undone.
   */
  populate(memory: Uint8Array): void {
    this.call("madvise", this.engine.address(memory), memory.length, MADV_POPULATE_READ);
  }

  /** Drops these signals whenever they come. */
  ignore(signals: readonly number[]): void {
    this.#setActions(signals, SIG_IGN);
  }

  /** Lets these signals do what they do by themselves. */
  restore(signals: readonly number[]): void {
    this.#setActions(signals, SIG_DFL);
  }

  #setActions(signals: readonly number[], handler: bigint): void {
    const action = this.#sigaction();
    action.set(this.longs([handler]));
    for (const signal of signals) this.call("rt_sigaction", signal, action, null, SIGNAL_SET_SIZE);
  }

  /** Does what must not be left half done: an interrupt that comes meanwhile acts afterwards. */
  uninterrupted<T>(work: () => T): T {
    const held = this.hold(INTERRUPTS);
    try {
      return work();
    } finally {
      this.release(held);
    }
  }

  /**
   * Keeps these signals pending until they are released; but for those that are ignored, as under nohup.
   * @returns those that this has to release: whoever held others before does that
   */
  hold(signals: readonly number[]): readonly number[] {
    const { heldSignals } = this.engine;
    const held = signals.filter((signal) => !this.#held.includes(signal) && !this.#isIgnored(signal));
    this.#held = [...this.#held, ...held];
    if (heldSignals !== undefined) heldSignals.hold(held);
    else this.call("rt_sigprocmask", SIG_BLOCK, encodeSignals(this.abi, held), null, SIGNAL_SET_SIZE);
    return held;
  }

  /** A struct sigaction as the kernel has it: the longs handler, flags and restorer, then the mask. */
  #sigaction(): Uint8Array {
    return new Uint8Array(3 * this.abi.word + SIGNAL_SET_SIZE);
  }

  #isIgnored(signal: number): boolean {
    const action = this.#sigaction();
    this.call("rt_sigaction", signal, null, action, SIGNAL_SET_SIZE);
    const isIgnored = this.longs([SIG_IGN]);
    return isIgnored.every((byte, index) => action[index] === byte);
  }

  /** Lets signals that are held act again, also where they came meanwhile. */
  release(held: readonly number[]): void {
    const { heldSignals } = this.engine;
    this.#held = this.#held.filter((signal) => !held.includes(signal));
    if (heldSignals !== undefined) heldSignals.release(held);
    else this.call("rt_sigprocmask", SIG_UNBLOCK, encodeSignals(this.abi, held), null, SIGNAL_SET_SIZE);
  }

  /** The first of these signals that came while they were held. */
  pending(signals: readonly number[]): number | undefined {
    const { heldSignals } = this.engine;
    const held = signals.filter((signal) => this.#held.includes(signal));
    if (heldSignals !== undefined) return held.find((signal) => heldSignals.pending(signal));
    const set = new Uint8Array(SIGNAL_SET_SIZE);
    this.call("rt_sigpending", set, SIGNAL_SET_SIZE);
    return held.find((signal) => hasSignal(this.abi, set, signal));
  }
}
