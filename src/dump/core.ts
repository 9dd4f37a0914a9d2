// A dump of a machine's memory: an ELF core file, as /proc/vmcore is one after a crash, a copy of it, what qemu's
// dump-guest-memory and makedumpfile -E write, and /proc/kcore, the running kernel's own memory (fs/proc/vmcore.c,
// fs/proc/kcore.c). It may be larger than memory, so that nothing of it is kept.

import {
  type ElfHeaders,
  ET_CORE,
  type Note,
  notesIn,
  type ProgramHeader,
  PT_LOAD,
  PT_NOTE,
  readHeadersBy,
} from "../elf.ts";
import { Failure, hex } from "../failure.ts";
import { max } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import { CWD, O_NONBLOCK, type System } from "../sys/system.ts";
import refuseFormat from "./other-formats.ts";

export const VMCORE = "/proc/vmcore";

/** The memory of the running kernel. Only root may read it, and under lockdown not even root. */
export const KCORE = "/proc/kcore";

/** Bytes of all notes: those of 4,096 cpus are 2 MB. */
const MOST_NOTES = 32 * 1024 * 1024;

/** Of an engine's array. */
const LONGEST_READ = 64 * 1024 * 1024;

/** Addresses from `start` up to `end`, of which the file has those below `fileEnd` from `offset` on; the rest are zeros. */
interface Extent {
  readonly start: bigint;
  readonly end: bigint;
  readonly fileEnd: bigint;
  readonly offset: bigint;
}

export class CoreFile {
  readonly #descriptor: number;
  readonly #headers: ElfHeaders;
  readonly #byPhysical: readonly Extent[];
  readonly #byVirtual: readonly Extent[];
  /** Bytes of a plain file; of a device undefined. */
  readonly size: bigint | undefined;

  /** @throws Failure for what cannot be read, or is no 64-bit ELF core file */
  constructor(
    readonly system: System,
    readonly path: ByteString,
  ) {
    this.#descriptor = openFile(system, path);
    try {
      const { kind, size } = system.must(system.status(this.#descriptor), path);
      if (kind !== "file" && kind !== "device") throw new Failure(path, `is a ${kind}, not a file`);
      this.size = kind === "file" ? size : undefined;
      refuseFormat(path, this.read(0n, 4096));
      this.#headers = readHeadersBy((at, length) => this.read(BigInt(at), length), path, 64);
      const { type } = this.#headers;
      if (type !== ET_CORE) throw new Failure(path, `an ELF file of type ${type}, not a core file (${ET_CORE})`);
      this.#byPhysical = layExtents(this.loads, ({ physical }) => physical);
      this.#byVirtual = layExtents(this.loads, ({ address }) => address);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  get littleEndian(): boolean {
    return this.#headers.endian === "little";
  }

  /** e_machine. */
  get machine(): number {
    return this.#headers.machine;
  }

  /** All program headers, in the file's order. */
  get headers(): readonly ProgramHeader[] {
    return this.#headers.headers;
  }

  /** Those of memory. */
  get loads(): readonly ProgramHeader[] {
    return this.headers.filter(({ type }) => type === PT_LOAD);
  }

  /** Bytes that the headers speak of and that a plain file does not have: of one that was cut off while it was copied. */
  get missing(): bigint {
    const { size } = this;
    if (size === undefined) return 0n;
    const end = this.headers.reduce(
      (end, { offset, fileSize }) => max(end, fileSize === 0n ? 0n : offset + fileSize),
      0n,
    );
    return max(end - size, 0n);
  }

  close(): void {
    this.system.close(this.#descriptor);
  }

  /** Reads once from byte `at` of the file, at most what `bytes` holds: how much that was, or -errno. */
  readInto(bytes: Uint8Array, at: bigint): number {
    return this.system.readAt(this.#descriptor, bytes, at);
  }

  /**
   * Bytes of the file from `at` on, fewer where it ends.
   * @throws Failure where they cannot be read
   */
  read(at: bigint, length: number): Uint8Array {
    return this.system.must(this.#read(at, length), this.path);
  }

  /** The same, or -errno. */
  #read(at: bigint, length: number): Uint8Array | number {
    if (at >= 1n << 63n) return new Uint8Array(0);
    if (length > LONGEST_READ) throw new Failure(this.path, `${hex(length)} bytes are too many to read at once`);
    const bytes = new Uint8Array(length);
    for (let filled = 0; ; ) {
      const got =
        filled < length ? this.system.readAt(this.#descriptor, bytes.subarray(filled), at + BigInt(filled)) : 0;
      if (got < 0 && filled === 0) return got;
      if (got <= 0) return bytes.subarray(0, filled);
      filled += got;
    }
  }

  /**
   * The notes of all PT_NOTEs, read anew: /proc/kcore has the registers and the task_struct of who reads.
   * @throws Failure where they cannot be read
   */
  *notes(): Generator<Note> {
    let room = BigInt(MOST_NOTES);
    for (const { type, offset, fileSize } of this.headers) {
      if (type !== PT_NOTE) continue;
      room -= fileSize;
      if (room < 0n) throw new Failure(this.path, `more than ${hex(MOST_NOTES)} bytes of notes`);
      yield* notesIn(this.read(offset, Number(fileSize)), this.littleEndian);
    }
  }

  /** What lies at a physical address; undefined where not all of it can be read. Zeros that the file leaves out count. */
  readPhysical(address: bigint, length: number): Uint8Array | undefined {
    return this.#readExtents(this.#byPhysical, address, length);
  }

  /** What lies at a virtual address, by those that the program headers tell. */
  readVirtual(address: bigint, length: number): Uint8Array | undefined {
    return this.#readExtents(this.#byVirtual, address, length);
  }

  #readExtents(extents: readonly Extent[], address: bigint, length: number): Uint8Array | undefined {
    let index = findExtent(extents, address);
    // Most that cannot be read is nowhere: that costs no memory.
    if (address >= (extents[index]?.end ?? 0n)) return undefined;
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length; index++) {
      const at = address + BigInt(filled);
      const extent = extents[index];
      if (extent === undefined || at < extent.start || at >= extent.end) return undefined;
      const here = (end: bigint): number => (end <= at ? 0 : Math.min(length - filled, Number(end - at)));
      const stored = here(extent.fileEnd);
      if (stored > 0) {
        const got = this.#read(extent.offset + (at - extent.start), stored);
        if (typeof got === "number" || got.length < stored) return undefined;
        bytes.set(got, filled);
      }
      filled += here(extent.end);
    }
    return bytes;
  }
}

/** @throws Failure for what cannot be read, or is no 64-bit ELF core file */
export function openCore(system: System, path: ByteString): CoreFile {
  return new CoreFile(system, path);
}

/** What `work` makes of a dump, which is closed then. @throws Failure as openCore() does */
export function withCore<T>(system: System, path: ByteString, work: (core: CoreFile) => T): T {
  const core = openCore(system, path);
  try {
    return work(core);
  } finally {
    core.close();
  }
}

function openFile(system: System, path: ByteString): number {
  const descriptor = system.open(CWD, path, O_NONBLOCK);
  if (descriptor === -errno.ENOENT && path === VMCORE) {
    const fact =
      "is not there: only a kernel that was started by a crash, with elfcorehdr= on its command line, has it";
    throw new Failure(path, fact);
  }
  return system.must(descriptor, path);
}

/** The same memory in order, and no byte of it twice: of two segments, the one that begins first has it. */
function layExtents(loads: readonly ProgramHeader[], startOf: (load: ProgramHeader) => bigint): Extent[] {
  const extents: Extent[] = [];
  const sorted = [...loads].sort((a, b) => (startOf(a) < startOf(b) ? -1 : startOf(a) > startOf(b) ? 1 : 0));
  let end = 0n;
  for (const load of sorted) {
    const first = startOf(load);
    const start = max(first, end);
    const last = first + max(load.memorySize, load.fileSize);
    if (last <= start) continue;
    extents.push({ start, end: last, fileEnd: first + load.fileSize, offset: load.offset + (start - first) });
    end = last;
  }
  return extents;
}

/** The index of the last one that begins at `address` or below; -1 where there is none. */
function findExtent(extents: readonly Extent[], address: bigint): number {
  let [low, high] = [0, extents.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const extent = extents[middle];
    if (extent !== undefined && extent.start <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
