// A machine that is made of memory: files, and calls of the kernel that do nothing outside it. Plain ES2023, so that every
// engine can be one.

import { type Abi, abis } from "../../src/sys/abi.ts";
import type { Argument, Engine, Machine } from "../../src/sys/engine.ts";
import { errno } from "../../src/sys/errno.ts";
import {
  CWD,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_TRUNC,
  O_WRONLY,
  STDERR,
  STDIN,
  STDOUT,
  System,
} from "../../src/sys/system.ts";

import { type Folders, MemoryGather } from "./gather.ts";

type CallName = keyof Abi["call"];

/** What an engine does without asking the kernel. */
export type Host = Pick<Engine, "decode" | "encode" | "sha256" | "unpack" | "zeros"> & {
  /** JSON.parse, which the small engine does not have: there JSON is not read again. */
  readonly parseJson?: (text: string) => unknown;
};

export type Files = ReadonlyMap<string, Uint8Array>;

export interface World {
  readonly host: Host;
  /** x86_64 unless said. */
  readonly machine?: Machine;
  readonly files?: Files;
  readonly stdin?: Uint8Array;
  readonly most?: Most;
}

/** Calls of the kernel, bytes of memory that it is asked for, bytes that are written. */
export type Most = Readonly<Record<"calls" | "memory" | "written", number>>;

/** More than any input of a fuzzer may take. */
const MOST: Most = { calls: 100_000, memory: 256 << 20, written: 64 << 20 };

/** RLIMIT_NOFILE, as Linux begins with it, less the standard ones. */
const MOST_OPEN = 1021;
const PAGE = 4096;
/** Not process 1. */
const SOME_PID = 1000;
const MAP_FIXED = 0x10;
/** Of ext4 (linux/magic.h). */
const EXT4 = 0xef53n;
const SEEK_SET = 0;
const DIRECTORY = 0o040755;
const FILE = 0o100644;

interface Open {
  readonly path: string;
  /** Undefined: a directory. */
  file: Uint8Array | undefined;
  readonly isWritten: boolean;
  at: number;
}

/** What would change a real machine, and is refused here. */
const REFUSED: readonly CallName[] = ["clone", "finit_module", "kexec_file_load", "kexec_load", "mount", "reboot"];

export class MemoryMachine implements Engine {
  readonly name = "bun" as const;
  readonly args = ["kexecbox"];
  readonly machine: Machine;
  readonly kernel: Machine;
  readonly pageSize = PAGE;
  /** Contents by path; of a directory that was made undefined. What is before a slash of a path is one too. */
  readonly files = new Map<string, Uint8Array | undefined>();
  /** Calls that would have changed something outside. */
  readonly refused: CallName[] = [];
  readonly #abi: Abi;
  readonly #names: ReadonlyMap<number, CallName>;
  readonly #open = new Map<number, Open>();
  readonly #written: { readonly [descriptor: number]: Uint8Array[] } = { [STDOUT]: [], [STDERR]: [] };
  readonly #places = new Map<ArrayBufferLike, bigint>();
  readonly #mapped = new Map<number, Uint8Array>();
  #next = { descriptor: 3, place: 0x1000_0000 };
  #stdinAt = 0;
  readonly #used = { calls: 0, memory: 0, written: 0 };
  readonly #most: Most;
  /** Of each directory the names in it; undefined where they have to be looked for. */
  #folders: Map<string, Set<string>> | undefined;
  readonly #numbers = new Map<string, number>();
  readonly #gathers = new WeakMap<Uint8Array, MemoryGather>();

  constructor(readonly world: World) {
    this.machine = world.machine ?? "x86_64";
    this.kernel = this.machine;
    this.#most = world.most ?? MOST;
    this.#abi = abis[this.machine];
    const named = Object.entries(this.#abi.call) as [CallName, number][];
    this.#names = new Map(named.map(([name, number]) => [number, name]));
    for (const [path, bytes] of world.files ?? []) this.files.set(path, bytes);
  }

  get stdout(): Uint8Array {
    return joined(this.#written[STDOUT] ?? []);
  }

  get stderr(): string {
    const bytes = joined(this.#written[STDERR] ?? []);
    return this.world.host.decode(bytes, 0, bytes.length);
  }

  decode(bytes: Uint8Array, start: number, end: number): string {
    return this.world.host.decode(bytes, start, end);
  }

  encode(text: string, bytes: Uint8Array, at: number): number {
    return this.world.host.encode(text, bytes, at);
  }

  sha256(bytes: Uint8Array): string {
    return this.world.host.sha256(bytes);
  }

  zeros(bytes: Uint8Array, at: number): number {
    return this.world.host.zeros(bytes, at);
  }

  /** No file is mapped here, but read. */
  guard(): boolean {
    return false;
  }

  lostPage(): bigint {
    return 0n;
  }

  unpack(...[method, input, output]: Parameters<Engine["unpack"]>): number {
    return this.world.host.unpack(method, input, output);
  }

  spawn(): number {
    return -errno.ENOENT;
  }

  gather(state: Uint8Array, action: number, directory: number, name: string): number {
    const known = this.#gathers.get(state) ?? new MemoryGather(this.#foldersFor(), state);
    this.#gathers.set(state, known);
    return known.act(action, directory, name);
  }

  #foldersFor(): Folders {
    return {
      pathOf: (directory) => this.#pathOf(directory, "").replace(/\/+$/, ""),
      namesIn: (path) => this.#namesIn(path),
      fileAt: (path) => this.files.get(path),
      encode: (text, bytes, at) => this.encode(text, bytes, at),
      decode: (bytes, start, end) => this.decode(bytes, start, end),
      place: (bytes) => {
        const address = this.address(bytes);
        this.#mapped.set(Number(address), bytes);
        return address;
      },
    };
  }

  exit(code: number): never {
    throw new Error(`exit(${code})`);
  }

  address(bytes: Uint8Array): bigint {
    const place = this.#places.get(bytes.buffer) ?? BigInt(this.#place(bytes.buffer.byteLength));
    this.#places.set(bytes.buffer, place);
    return place + BigInt(bytes.byteOffset);
  }

  memory(address: number, length: number): Uint8Array {
    const mapped = this.#mapped.get(address);
    if (mapped === undefined || length > mapped.length) throw new Error(`nothing is mapped at ${address}`);
    return mapped.subarray(0, length);
  }

  /** What of files was written here, and has room. */
  readonly #roomy = new Set<ArrayBufferLike>();

  syscall(number: number, ...args: Argument[]): number {
    const name = this.#names.get(number);
    if (name === undefined) throw new Error(`no call ${number}`);
    this.#use("calls", 1);
    return this.#answer(name, args);
  }

  /** @throws Error where that is more than any input may take: a finding */
  #use(what: keyof typeof MOST, count: number): void {
    this.#used[what] += count;
    if (this.#used[what] > this.#most[what]) throw new Error(`${what}: more than ${this.#most[what]}`);
  }

  #place(length: number): number {
    const place = this.#next.place;
    this.#next.place += Math.ceil((length + 1) / PAGE) * PAGE;
    return place;
  }

  #answer(name: CallName, args: readonly Argument[]): number {
    const [first, second, third, fourth, fifth, sixth] = args;
    const descriptor = Number(first);
    switch (name) {
      case "openat":
        return this.#openAt(this.#pathOf(descriptor, String(second)), Number(third));
      case "close":
        this.#open.delete(descriptor);
        return 0;
      case "read":
        return this.#read(descriptor, second as Uint8Array, Number(third));
      case "pread64":
        return this.#readAt(descriptor, second as Uint8Array, Number(third), Number(fourth));
      case "write":
        return this.#write(descriptor, (second as Uint8Array).subarray(0, Number(third)), undefined);
      case "pwrite64":
        return this.#write(descriptor, (second as Uint8Array).subarray(0, Number(third)), Number(fourth));
      case "lseek":
        return this.#seek(descriptor, Number(second), Number(third));
      case "ftruncate":
        return this.#truncate(descriptor, Number(second));
      case "statx":
        return this.#status(descriptor, String(second), fifth as Uint8Array);
      case "fstatfs":
        new DataView((second as Uint8Array).buffer).setBigUint64(0, EXT4, this.#abi.endian === "little");
        return 0;
      case "unlinkat":
        return this.#forget(this.#pathOf(descriptor, String(second))) ? 0 : -errno.ENOENT;
      case "renameat2":
        return this.#rename(this.#pathOf(descriptor, String(second)), this.#pathOf(Number(third), String(fourth)));
      case "mkdirat": {
        const path = this.#pathOf(descriptor, String(second));
        if (this.files.has(path)) return -errno.EEXIST;
        this.#keep(path, undefined);
        return 0;
      }
      case "getrandom":
        (first as Uint8Array).subarray(0, Number(second)).fill(0x5a);
        return Number(second);
      case "mmap":
        return this.#map(Number(first), Number(second), Number(fourth), Number(fifth), Number(sixth));
      case "memfd_create":
        return this.#openFile({ path: "", file: new Uint8Array(0), isWritten: true, at: 0 });
      case "readlinkat":
        return this.files.has(this.#pathOf(descriptor, String(second))) ? -errno.EINVAL : -errno.ENOENT;
      case "getpid":
        return SOME_PID;
      case "ioctl":
        return -errno.ENOTTY;
      case "getdents64":
        return this.#list(descriptor, second as Uint8Array);
      case "syslog":
        return -errno.EPERM;
      case "wait4":
        return -errno.ECHILD;
      default:
        if (!REFUSED.includes(name)) return 0;
        this.refused.push(name);
        return -errno.EPERM;
    }
  }

  #pathOf(directory: number, name: string): string {
    if (name.startsWith("/") || directory === CWD) return name;
    return `${this.#open.get(directory)?.path ?? ""}/${name}`;
  }

  #openAt(path: string, flags: number): number {
    const isWritten = (flags & O_WRONLY) !== 0;
    if (path === "" || path.includes("\0")) return -errno.ENOENT;
    if (!this.files.has(path) && !this.#isDirectory(path)) {
      if ((flags & O_CREAT) === 0) return -errno.ENOENT;
      this.#keep(path, new Uint8Array(0));
    } else if ((flags & O_EXCL) !== 0) return -errno.EEXIST;
    const file = this.files.get(path);
    if (file === undefined) {
      if (isWritten) return -errno.EISDIR;
    } else if ((flags & this.#abi.O_DIRECTORY) !== 0) return -errno.ENOTDIR;
    const opened: Open = { path, file, isWritten, at: 0 };
    if (file !== undefined && (flags & O_TRUNC) !== 0) this.#become(opened, new Uint8Array(0));
    if ((flags & O_APPEND) !== 0) opened.at = file?.length ?? 0;
    return this.#openFile(opened);
  }

  #openFile(opened: Open): number {
    if (this.#open.size >= MOST_OPEN) return -errno.EMFILE;
    const descriptor = this.#next.descriptor++;
    this.#open.set(descriptor, opened);
    return descriptor;
  }

  #read(descriptor: number, to: Uint8Array, length: number): number {
    if (descriptor === STDIN) {
      const part = (this.world.stdin ?? new Uint8Array(0)).subarray(this.#stdinAt, this.#stdinAt + length);
      to.set(part);
      this.#stdinAt += part.length;
      return part.length;
    }
    const opened = this.#open.get(descriptor);
    const got = this.#readAt(descriptor, to, length, opened?.at ?? 0);
    if (opened !== undefined && got > 0) opened.at += got;
    return got;
  }

  #readAt(descriptor: number, to: Uint8Array, length: number, at: number): number {
    const opened = this.#open.get(descriptor);
    if (opened === undefined) return -errno.EBADF;
    if (opened.file === undefined) return -errno.EISDIR;
    const part = opened.file.subarray(at, at + length);
    to.set(part);
    return part.length;
  }

  #write(descriptor: number, bytes: Uint8Array, place: number | undefined): number {
    this.#use("written", bytes.length);
    const stream = this.#written[descriptor];
    if (stream !== undefined) {
      stream.push(bytes.slice());
      return bytes.length;
    }
    const opened = this.#open.get(descriptor);
    if (opened?.file === undefined || !opened.isWritten) return -errno.EBADF;
    const at = place ?? opened.at;
    const end = at + bytes.length;
    if (end > this.#most.written) return -errno.ENOSPC;
    const grown = this.#enlarge(opened.file, Math.max(end, opened.file.length));
    grown.set(bytes, at);
    this.#become(opened, grown);
    if (place === undefined) opened.at = end;
    return bytes.length;
  }

  /** A file with zeros behind it: with room for as much again, so that many small writes are no more work than one. */
  #enlarge(file: Uint8Array, length: number): Uint8Array {
    if (this.#roomy.has(file.buffer) && length <= file.buffer.byteLength) return new Uint8Array(file.buffer, 0, length);
    const grown = new Uint8Array(new ArrayBuffer(2 * length), 0, length);
    grown.set(file);
    this.#roomy.add(grown.buffer);
    return grown;
  }

  /** Opened twice a file is one file; its other descriptors are brought along. What has no name is opened once. */
  #become(opened: Open, bytes: Uint8Array): void {
    const { path, file } = opened;
    opened.file = bytes;
    if (path === "") return;
    for (const each of this.#open.values()) if (each.file === file) each.file = bytes;
    this.#keep(path, bytes);
  }

  #seek(descriptor: number, offset: number, whence: number): number {
    const opened = this.#open.get(descriptor);
    if (opened === undefined) return -errno.ESPIPE;
    opened.at = whence === SEEK_SET ? offset : opened.at + offset;
    return opened.at;
  }

  #truncate(descriptor: number, length: number): number {
    const opened = this.#open.get(descriptor);
    if (opened?.file === undefined) return -errno.EINVAL;
    if (length > this.#most.written) return -errno.EFBIG;
    const changed = new Uint8Array(length);
    changed.set(opened.file.subarray(0, length));
    this.#become(opened, changed);
    return 0;
  }

  /** A struct statx, as far as the program reads it. */
  #status(directory: number, name: string, to: Uint8Array): number {
    const opened = name === "" ? this.#open.get(directory) : undefined;
    const path = name === "" ? (opened?.path ?? "") : this.#pathOf(directory, name);
    const isThere = opened !== undefined || this.files.has(path) || this.#isDirectory(path);
    if (!isThere) return name === "" ? -errno.EBADF : -errno.ENOENT;
    const file = opened === undefined ? this.files.get(path) : opened.file;
    const view = new DataView(to.buffer, to.byteOffset);
    const little = this.#abi.endian === "little";
    view.setUint16(28, file === undefined ? DIRECTORY : FILE, little);
    view.setBigUint64(32, BigInt(this.#numberOf(path)), little);
    view.setBigUint64(40, BigInt(file?.length ?? 0), little);
    return 0;
  }

  #numberOf(path: string): number {
    const known = this.#numbers.get(path) ?? this.#numbers.size + 1;
    this.#numbers.set(path, known);
    return known;
  }

  #keep(path: string, bytes: Uint8Array | undefined): void {
    if (this.#folders !== undefined && !this.files.has(path)) addName(this.#folders, path);
    this.files.set(path, bytes);
  }

  #forget(path: string): boolean {
    this.#folders = undefined;
    return this.files.delete(path);
  }

  #isDirectory(path: string): boolean {
    return this.#namesIn(path).length > 0;
  }

  #namesIn(path: string): string[] {
    if (this.#folders === undefined) {
      this.#folders = new Map();
      for (const each of this.files.keys()) addName(this.#folders, each);
    }
    return [...(this.#folders.get(path.endsWith("/") ? path.slice(0, -1) : path) ?? [])];
  }

  /** struct linux_dirent64, one after the other. */
  #list(descriptor: number, to: Uint8Array): number {
    const opened = this.#open.get(descriptor);
    if (opened === undefined || opened.file !== undefined) return -errno.ENOTDIR;
    const names = this.#namesIn(opened.path);
    const view = new DataView(to.buffer, to.byteOffset);
    let at = 0;
    for (const name of names.slice(opened.at)) {
      const size = Math.ceil((20 + name.length) / 8) * 8;
      if (at + size > to.length) break;
      to.fill(0, at, at + size);
      view.setUint16(at + 16, size, this.#abi.endian === "little");
      to[at + 18] = this.files.get(`${opened.path}/${name}`) === undefined ? DIRECTORY >> 12 : FILE >> 12;
      this.encode(name, to, at + 19);
      at += size;
      opened.at++;
    }
    return at;
  }

  #rename(from: string, to: string): number {
    const file = this.files.get(from);
    if (file === undefined) return -errno.ENOENT;
    this.#forget(from);
    this.#keep(to, file);
    return 0;
  }

  #map(address: number, length: number, flags: number, descriptor: number, offset: number): number {
    if ((flags & MAP_FIXED) === 0) {
      if (!(length > 0)) return -errno.EINVAL;
      if (length > this.#most.memory) return -errno.ENOMEM;
      this.#use("memory", length);
      const bytes = new Uint8Array(Math.ceil(length / PAGE) * PAGE);
      const place = this.#place(bytes.length);
      this.#mapped.set(place, bytes);
      this.#places.set(bytes.buffer, BigInt(place));
      return place;
    }
    const file = this.#open.get(descriptor)?.file;
    if (file === undefined || offset % PAGE !== 0 || address % PAGE !== 0) return -errno.EINVAL;
    for (const [place, bytes] of this.#mapped) {
      if (address < place || address >= place + bytes.length) continue;
      // Whole pages, the last of which has what the file has there, then zeros.
      const span = Math.ceil(length / PAGE) * PAGE;
      if (address - place + span > bytes.length) throw new Error("a file is mapped over what is behind");
      bytes.fill(0, address - place, address - place + span);
      bytes.set(file.subarray(offset, offset + span), address - place);
      return address;
    }
    throw new Error("a file is mapped over nothing");
  }
}

/** A path is a name in each directory above it. */
function addName(folders: Map<string, Set<string>>, path: string): void {
  for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
    const name = path.slice(slash + 1).split("/", 1)[0] ?? "";
    if (name === "") continue;
    const folder = path.slice(0, slash);
    const names = folders.get(folder);
    if (names === undefined) folders.set(folder, new Set([name]));
    else names.add(name);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function systemOn(world: World): { readonly machine: MemoryMachine; readonly system: System } {
  const machine = new MemoryMachine(world);
  return { machine, system: new System(machine) };
}
