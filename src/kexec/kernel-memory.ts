// The running kernel's own memory: /proc/kcore, a core file of 64 bits (fs/proc/kcore.c). Only root may read it, and under
// lockdown not even root.

import { type ProgramHeader, PT_LOAD, PT_NOTE, readElfHeaders, viewOf } from "../elf.ts";
import { Failure } from "../failure.ts";
import { roundUp } from "../range.ts";
import { O_NONBLOCK, type System } from "../sys/system.ts";

const CORE_FILE = "/proc/kcore";

/** Holds more program headers than any machine has ranges of memory. */
const MOST_HEADERS = 128 * 1024;
const MOST_NOTES = 1024 * 1024;

/** linux/elfcore.h; the note has all of the reading process's task_struct. */
const NT_TASKSTRUCT = 4;
/** Of an ELF note: the lengths of its name and of its contents, its type. Each part is padded to 4 bytes. */
const NOTE_HEADER = 12;

export class KernelMemory {
  readonly #descriptor: number;
  readonly #headers: readonly ProgramHeader[];

  /** @throws Failure where the kernel does not let us, or what it shows is no core file */
  constructor(readonly system: System) {
    this.#descriptor = system.mustOpen(CORE_FILE, O_NONBLOCK);
    this.#headers = readElfHeaders(CORE_FILE, this.#readAt(0n, MOST_HEADERS), 64).headers;
  }

  /** What lies at a virtual address; undefined where not all of it can be read. */
  read(address: bigint, length: number): Uint8Array | undefined {
    const end = address + BigInt(length);
    const range = this.#headers.find(
      (header) => header.type === PT_LOAD && header.address <= address && end <= header.address + header.fileSize,
    );
    if (range === undefined) return undefined;
    const bytes = new Uint8Array(length);
    const got = this.system.readAt(this.#descriptor, bytes, range.offset + (address - range.address));
    return got === length ? bytes : undefined;
  }

  /**
   * The task_struct of the process that asks.
   * @throws Failure where the kernel does not show it
   */
  task(): Uint8Array {
    for (const { type, offset, fileSize } of this.#headers) {
      if (type !== PT_NOTE || fileSize > BigInt(MOST_NOTES)) continue;
      const task = findNote(this.#readAt(offset, Number(fileSize)), NT_TASKSTRUCT, this.system.littleEndian);
      if (task !== undefined) return task;
    }
    throw new Failure(CORE_FILE, "shows no task_struct");
  }

  #readAt(offset: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.system.must(this.system.readAt(this.#descriptor, bytes, offset), CORE_FILE));
  }
}

/** The contents of the first note of this type. */
function findNote(notes: Uint8Array, wanted: number, littleEndian: boolean): Uint8Array | undefined {
  const view = viewOf(notes);
  for (let at = 0; at + NOTE_HEADER <= notes.length; ) {
    const [name, size, type] = [0, 4, 8].map((field) => view.getUint32(at + field, littleEndian));
    const start = at + NOTE_HEADER + padded(name);
    at = start + padded(size);
    if (type === wanted) return at <= notes.length ? notes.subarray(start, start + (size ?? 0)) : undefined;
  }
  return undefined;
}

function padded(length = 0): number {
  return Number(roundUp(BigInt(length), 4n));
}
