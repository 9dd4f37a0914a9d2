// An engine for tests: it pretends to be any machine, answers the calls a test cares about itself, and lets
// only harmless ones through to this machine's kernel, whose numbers and structures it translates.

import { FFIType, JSCallback, type Pointer, toArrayBuffer } from "bun:ffi";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../../src/kexecbox.ts";
import { type Abi, abis } from "../../src/sys/abi.ts";
import { engine as host } from "../../src/sys/bun.ts";
import type { Argument, Engine, Machine } from "../../src/sys/engine.ts";
import { errno } from "../../src/sys/errno.ts";
import { STDERR, STDIN, STDOUT, System } from "../../src/sys/system.ts";
import { present } from "./present.ts";

export type CallName = keyof Abi["call"];

/** One call, as it was asked for. */
export interface Call {
  readonly name: CallName;
  readonly args: readonly Argument[];
  /** Of calls that name a file its path, of calls on a descriptor the path it was opened by, otherwise "". */
  readonly path: string;
  /**
   * Does what is done where the test has no answer, with other arguments if some are given: 0, 1 and 2
   * are the fake's own, the rest goes to the host. Throws for calls that could do harm there.
   */
  pass(args?: readonly Argument[]): number;
}

export type Answer = (args: readonly Argument[], call: Call) => number;

export interface FakeWorld {
  /** "bun" unless said. */
  readonly name?: Engine["name"];
  /** x86_64 unless said. */
  readonly machine?: Machine;
  /** The same as the machine unless said. */
  readonly kernel?: Machine;
  /** 4096 unless said. */
  readonly pageSize?: number;
  /** A folder in which everything below /proc and /sys is looked up in place of the host's. */
  readonly root?: string;
  /** Written into `root` first: contents by absolute path. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
  readonly stdin?: Uint8Array;
  /** Those of 0, 1, 2 that are terminals. */
  readonly terminals?: readonly number[];
  /** Answers by the name of the call: its value, or -errno. */
  readonly on?: Readonly<Partial<Record<CallName, Answer>>>;
  /** Starts a program; an error unless given. */
  readonly spawn?: Engine["spawn"];
  /** Whether files that it maps may lose pages. This process guards few, and for good. */
  readonly guards?: boolean;
}

/** What reads and cannot harm; all else has an answer of the test's, or is among `quiet`, or is an error. */
const harmless: ReadonlySet<CallName> = new Set<CallName>([
  "fstatfs",
  "close",
  "getdents64",
  "getrandom",
  "ioctl",
  "memfd_create",
  "mmap",
  "mremap",
  "munmap",
  "openat",
  "pipe2",
  "pread64",
  "read",
  "readlinkat",
  "statx",
  "write",
]);

/** Of no consequence here, and done with nothing. */
const quiet: ReadonlySet<CallName> = new Set<CallName>([
  "fchmod",
  "fchown",
  "fsync",
  "madvise",
  "ppoll",
  "rt_sigaction",
  "rt_sigpending",
  "rt_sigprocmask",
  "sync",
  "syslog",
]);

/** Calls whose first two arguments are a directory's descriptor and a name in it. */
const namesFile: ReadonlySet<CallName> = new Set<CallName>(["openat", "openat2", "readlinkat", "statx", "mkdirat"]);

/** Not process 1. */
const SOME_PID = 1000;

export class FakeEngine implements Engine {
  readonly name: Engine["name"];
  readonly args = ["kexecbox"];
  readonly machine: Machine;
  readonly kernel: Machine;
  readonly pageSize: number;
  readonly address = host.address;
  readonly memory = host.memory;
  readonly decode = host.decode;
  readonly encode = host.encode;
  readonly sha256 = host.sha256;
  readonly unpack = host.unpack;
  readonly zeros = host.zeros;
  /** Every call that was asked for, in order, except those that the machine does not have. */
  readonly calls: { readonly name: CallName; readonly args: readonly Argument[]; readonly path: string }[] = [];
  readonly #abi: Abi;
  readonly #names: ReadonlyMap<number, CallName>;
  readonly #open = new Map<number, string>();
  readonly #written = { [STDOUT]: [] as Buffer[], [STDERR]: [] as Buffer[] };
  #stdinAt = 0;
  /** What a call threw that native code asked for: it goes on behind that code. */
  #thrown: unknown[] = [];
  /** Whether native code of the host looks at what a call fills in. */
  #native = false;

  constructor(readonly world: FakeWorld) {
    this.name = world.name ?? "bun";
    this.machine = world.machine ?? "x86_64";
    this.kernel = world.kernel ?? this.machine;
    this.pageSize = world.pageSize ?? 4096;
    this.#abi = abis[this.machine];
    const named = Object.entries(this.#abi.call) as [CallName, number][];
    this.#names = new Map(named.map(([name, number]) => [number, name]));
    for (const [path, content] of Object.entries(world.files ?? {})) {
      const place = join(present(world.root), path);
      mkdirSync(dirname(place), { recursive: true });
      writeFileSync(place, content);
    }
  }

  guard(address: bigint, length: number): boolean {
    return this.world.guards !== true || host.guard(address, length);
  }

  lostPage(): bigint {
    return this.world.guards === true ? host.lostPage() : 0n;
  }

  get stdout(): Buffer {
    return Buffer.concat(this.#written[STDOUT]);
  }

  get stderr(): string {
    return Buffer.concat(this.#written[STDERR]).toString("latin1");
  }

  /** The paths of descriptors that were opened and not closed. */
  get leftOpen(): string[] {
    return [...this.#open.values()];
  }

  asked(name: CallName): readonly { readonly args: readonly Argument[]; readonly path: string }[] {
    return this.calls.filter((call) => call.name === name);
  }

  /** A call's name by its number on the pretended machine. */
  nameOf(number: number): CallName {
    const name = this.#names.get(number);
    if (name === undefined) throw new Error(`${this.machine} has no call ${number}`);
    return name;
  }

  syscall(number: number, ...args: Argument[]): number {
    const name = this.nameOf(number);
    const path = this.#pathOf(name, args);
    const call: Call = { name, args, path, pass: (changed = args) => this.#usual(name, changed) };
    this.calls.push({ name, args, path });
    const result = this.world.on?.[name]?.(args, call) ?? call.pass();
    if (name === "openat" && result >= 0) this.#open.set(result, path);
    if (name === "close") this.#open.delete(Number(args[0]));
    return result;
  }

  /** The host's own code, whose calls of the kernel come back to syscall(). */
  gather(state: Uint8Array, action: number, directory: number, name: string): number {
    const { i64 } = FFIType;
    const ask = new JSCallback((...words: bigint[]) => this.#asked(words), { args: Array(6).fill(i64), returns: i64 });
    new BigUint64Array(state.buffer, state.byteOffset, 1)[0] = BigInt(present(ask.ptr));
    this.#native = true;
    const result = host.gather(state, action, directory, name);
    this.#native = false;
    ask.close();
    if (this.#thrown.length > 0) throw this.#thrown.pop();
    return result;
  }

  /** A call as native code makes it, with addresses in place of strings and arrays. */
  #asked([number, ...words]: bigint[]): number {
    const name = present(this.#names.get(Number(number)));
    const memory = (at: number, length: number) =>
      new Uint8Array(toArrayBuffer(Number(words[at]) as Pointer, 0, length));
    const args: Argument[] = words.map(Number);
    // struct open_how begins with the flags.
    if (name === "openat2") args[2] = Number(new BigUint64Array(memory(2, 8).slice().buffer)[0]);
    if (name === "openat" || name === "openat2")
      args[1] = present(Buffer.from(memory(1, 256)).toString("latin1").split("\0")[0]);
    if (name === "read" || name === "getdents64") args[1] = memory(1, Number(words[2]));
    try {
      return this.syscall(Number(number), ...args);
    } catch (error) {
      this.#thrown.push(error);
      return -errno.EIO;
    }
  }

  spawn(...[path, ...rest]: Parameters<Engine["spawn"]>): number {
    if (this.world.spawn === undefined) throw new Error(`the fake kernel was asked to start ${path}`);
    return this.world.spawn(path, ...rest);
  }

  exit(code: number): never {
    throw new Error(`the fake kernel was asked to exit with ${code}`);
  }

  #pathOf(name: CallName, args: readonly Argument[]): string {
    if (!namesFile.has(name)) return this.#open.get(Number(args[0])) ?? "";
    const text = String(args[1]);
    const directory = this.#open.get(Number(args[0]));
    if (text.startsWith("/") || directory === undefined) return text;
    return text === "" ? directory : `${directory}/${text}`;
  }

  #usual(name: CallName, args: readonly Argument[]): number {
    const descriptor = Number(args[0]);
    if (name === "read" && descriptor === STDIN) return this.#readStdin(args[1] as Uint8Array, Number(args[2]));
    if (name === "write" && (descriptor === STDOUT || descriptor === STDERR)) {
      this.#written[descriptor].push(Buffer.from(args[1] as Uint8Array).subarray(0, Number(args[2])));
      return Number(args[2]);
    }
    if (name === "ioctl" && descriptor <= STDERR) return this.world.terminals?.includes(descriptor) ? 0 : -errno.ENOTTY;
    // Those of the test's own process stay open.
    if (name === "close" && descriptor <= STDERR) return 0;
    if (name === "getpid") return SOME_PID;
    // No other mount is in the way.
    if (name === "openat2") return this.syscall(this.#abi.call.openat, ...args);
    return quiet.has(name) ? 0 : this.#pass(name, args);
  }

  #readStdin(bytes: Uint8Array, length: number): number {
    const rest = (this.world.stdin ?? new Uint8Array(0)).subarray(this.#stdinAt, this.#stdinAt + length);
    bytes.set(rest);
    this.#stdinAt += rest.length;
    return rest.length;
  }

  #pass(name: CallName, args: readonly Argument[]): number {
    if (!harmless.has(name)) throw new Error(`the fake kernel was asked for ${name}, which it does not let through`);
    const result = host.syscall(abis[host.machine].call[name], ...this.#translated(name, args));
    if (this.#abi.endian !== abis[host.machine].endian && result >= 0 && !this.#native) this.#swap(name, args, result);
    return result;
  }

  #translated(name: CallName, args: readonly Argument[]): Argument[] {
    const translated = [...args];
    if (namesFile.has(name)) translated[1] = this.#hostPath(String(args[1]));
    if (name === "openat") translated[2] = this.#hostFlags(Number(args[2]));
    if (name === "mmap") translated[5] = Number(args[5] ?? 0) * this.#abi.mmapUnit;
    if (name === "pread64" && this.#abi.word === 4)
      translated.splice(3, 3, (BigInt(Number(args[4])) << 32n) | BigInt(Number(args[5])));
    if (name === "ioctl" && args[1] === this.#abi.TCGETS) translated[1] = abis[host.machine].TCGETS;
    return translated;
  }

  #hostPath(path: string): string {
    if (this.world.root !== undefined && path.startsWith(`${this.world.root}/`)) return path;
    if (!/^\/(proc|sys)(\/|$)/.test(path)) return path;
    return join(this.world.root ?? "/nonexistent", path);
  }

  #hostFlags(flags: number): number {
    const own = this.#abi;
    const hosts = abis[host.machine];
    let translated = flags & ~(own.O_DIRECTORY | own.O_NOFOLLOW | own.O_LARGEFILE);
    if (flags & own.O_DIRECTORY) translated |= hosts.O_DIRECTORY;
    if (flags & own.O_NOFOLLOW) translated |= hosts.O_NOFOLLOW;
    return translated;
  }

  /** Brings what the host's kernel has filled in into the byte order of the machine we pretend to be. */
  #swap(name: CallName, args: readonly Argument[], result: number): void {
    const swap = (bytes: Uint8Array, at: number, size: number) => bytes.subarray(at, at + size).reverse();
    if (name === "getdents64") {
      const bytes = args[1] as Uint8Array;
      const littleEndian = abis[host.machine].endian === "little";
      const fields = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      for (let at = 0; at < result; ) {
        const length = fields.getUint16(at + 16, littleEndian);
        for (const [field, size] of [
          [0, 8],
          [8, 8],
          [16, 2],
        ] as const)
          swap(bytes, at + field, size);
        at += length;
      }
    }
    // stx_mode, stx_ino, stx_size, stx_mtime's seconds and nanoseconds, stx_dev's two: all that System reads.
    if (name === "statx") {
      for (const [field, size] of [
        [28, 2],
        [32, 8],
        [40, 8],
        [112, 8],
        [120, 4],
        [136, 4],
        [140, 4],
      ] as const)
        swap(args[4] as Uint8Array, field, size);
    }
  }
}

export function fakeEngine(world: FakeWorld = {}): FakeEngine {
  return new FakeEngine(world);
}

export interface FakeRun {
  readonly code: number;
  readonly out: Buffer;
  readonly err: string;
  readonly engine: FakeEngine;
}

/** Runs `APPLET ARGUMENT...`, byte strings, inside this process, in a world of the test's own. */
export function runInside(world: FakeWorld, ...args: readonly string[]): FakeRun {
  const engine = fakeEngine(world);
  const code = run(new System(engine), ["kexecbox", ...args]);
  return { code, out: engine.stdout, err: engine.stderr, engine };
}
