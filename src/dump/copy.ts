// Copies a dump: to a file with holes where zeros are, to a disk, or as a stream of bytes.

import { ET_CORE, encodeHeaders, type ProgramHeader, PT_LOAD, PT_NOTE, sizeOfHeaders } from "../elf.ts";
import { Failure } from "../failure.ts";
import { type MemoryRange, max, mergeRanges, roundUp } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { CWD, INTERRUPTS, O_CREAT, O_EXCL, O_WRONLY, type System } from "../sys/system.ts";
import type { CoreFile } from "./core.ts";
import { BLOCK, MOST_PARTS, Parts, writeZeros } from "./parts.ts";
import { Runs, type Taker } from "./runs.ts";

/** Holes of a file are that large at least: what file systems give away at once. */
const HOLE = 4096;

/** What a disk writes whole or not at all, and the page that says whether anything is there. */
const FIRST = 4096;

/** Told while a copy is made. */
export interface Watcher {
  /** A walk through so many bytes begins. */
  begin(what: string, total: bigint): void;
  advance(length: number): void;
}

export interface Copied {
  /** Bytes that were written. */
  readonly written: bigint;
  /** Memory that could not be read, and has zeros in the copy. */
  readonly unreadable: readonly MemoryRange[];
}

/**
 * @param to a path, which may be a file that is to be, or be replaced, a disk, or something that takes bytes
 * @throws Failure where it cannot be read or written. A file is then not there, and a disk holds no ELF file
 */
export function copyDump(system: System, core: CoreFile, to: ByteString, watcher: Watcher): Copied {
  const there = system.statusOfFile(to);
  if (typeof there === "number") return copyToFile(system, core, to, watcher);
  if (there.kind === "directory") throw new Failure(to, "is a directory");
  if (there.isBlockDevice) return copyToDisk(system, core, to, watcher);
  if (there.kind === "file") return copyToFile(system, core, to, watcher);
  const descriptor = system.mustOpen(to, O_WRONLY);
  let isOpen = true;
  try {
    const copied = copyToStream(system, core, (bytes) => system.writeAll(descriptor, bytes, to), watcher);
    isOpen = false;
    system.finish(descriptor, to);
    return copied;
  } finally {
    if (isOpen) system.close(descriptor);
  }
}

/** /proc/kcore speaks of all addresses that there can be; a dump that is cut off would give one that looks whole. */
function refuseEndless(core: CoreFile): void {
  if (core.missing > 0n) throw new Failure(core.path, `cut off: ${core.missing} bytes of it are missing`);
  if (core.loads.some(({ physical }) => physical === (1n << 64n) - 1n)) {
    throw new Failure(core.path, "memory without a physical address: /proc/kcore's, which is no dump");
  }
}

/** The same bytes at the same places. */
function copyToFile(system: System, core: CoreFile, to: ByteString, watcher: Watcher): Copied {
  refuseEndless(core);
  const beside = `${to}.${system.call("getpid")}`;
  return system.uninterrupted(() => {
    // It asks for memory: before there is a file, which would stay.
    const runs = new Runs(system, core, (length) => {
      watcher.advance(length);
      // It acts when the file is gone.
      if (system.pending(INTERRUPTS) !== undefined) throw new Failure(to, "interrupted");
    });
    let isOpen = true;
    const descriptor = system.must(system.open(CWD, beside, O_WRONLY | O_CREAT | O_EXCL, 0o600), to);
    try {
      const total = core.headers.reduce((end, { offset, fileSize }) => max(end, offset + fileSize), 0n);
      const taker = new FileTaker(system, descriptor, to);
      watcher.begin("copied", total);
      runs.give(0n, total, HOLE, taker);
      system.must(system.resize(descriptor, total), to);
      isOpen = false;
      system.finish(descriptor, to);
      system.must(system.call("renameat2", CWD, beside, CWD, to, 0), to);
      syncFolderOf(system, to);
      return { written: taker.written, unreadable: runs.unreadable };
    } catch (error) {
      system.remove(beside);
      throw error;
    } finally {
      if (isOpen) system.close(descriptor);
      runs.close();
    }
  });
}

class FileTaker implements Taker {
  written = 0n;

  constructor(
    readonly system: System,
    readonly descriptor: number,
    readonly place: string,
  ) {}

  data(bytes: Uint8Array): void {
    this.system.writeAll(this.descriptor, bytes, this.place);
    this.written += BigInt(bytes.length);
  }

  zeros(length: number): void {
    this.system.must(this.system.seek(this.descriptor, length, "here"), this.place);
  }
}

/** A name is on the disk only when its folder is. */
function syncFolderOf(system: System, path: ByteString): void {
  const folder = system.open(CWD, path.slice(0, path.lastIndexOf("/") + 1) || ".", system.abi.O_DIRECTORY);
  if (folder < 0) return;
  system.call("fsync", folder);
  system.close(folder);
}

/** Without zeros. Its first page is written last: what a crash or ^C leaves behind is no ELF file. */
function copyToDisk(system: System, core: CoreFile, to: ByteString, watcher: Watcher): Copied {
  refuseEndless(core);
  // Of a device, O_EXCL asks that nobody has mounted it.
  const descriptor = system.mustOpen(to, O_WRONLY | O_EXCL);
  const seek = (offset: number): unknown => system.must(system.seek(descriptor, offset, "start"), to);
  const write = (bytes: Uint8Array): void => system.writeAll(descriptor, bytes, to);
  const settle = (): unknown => system.must(system.call("fsync", descriptor), to);
  try {
    write(new Uint8Array(FIRST));
    settle();
    const total = sizeOfMemory(core);
    const parts = new Parts(offsetBehind(mostHeaders(core, total)), total, write);
    seek(Number(parts.offset));
    watcher.begin("copied", total);
    const unreadable = readInto(system, core, parts, watcher);
    const headers = encode(core, parts.headers, 0n);
    seek(FIRST);
    write(headers.subarray(FIRST));
    settle();
    seek(0);
    write(headers.subarray(0, FIRST));
    settle();
    return { written: parts.written, unreadable };
  } finally {
    system.close(descriptor);
  }
}

/** Without zeros, to whatever takes bytes. The headers come first, so that all of it is read once before. */
export function copyToStream(
  system: System,
  core: CoreFile,
  write: (bytes: Uint8Array) => void,
  watcher: Watcher,
): Copied {
  refuseEndless(core);
  const total = sizeOfMemory(core);
  const plan = new Parts(0n, total, () => {});
  watcher.begin("looked through", total);
  const unreadable = readInto(system, core, plan, watcher);
  const offset = offsetBehind(plan.headers.length);
  const headers = encode(core, plan.headers, offset);
  write(headers);
  watcher.begin("copied", plan.written);
  const runs = new Runs(system, core, (length) => watcher.advance(length));
  let at = BigInt(headers.length);
  for (const [index, part] of plan.headers.entries()) {
    writeZeros(Number(offset + part.offset - at), write);
    at = offset + part.offset + part.fileSize;
    const start = plan.sources[index] ?? 0n;
    runs.give(start, start + part.fileSize, BLOCK, { data: write, zeros: (length) => writeZeros(length, write) });
  }
  runs.close();
  // What could be read the first time may fail the second.
  return { written: plan.written, unreadable: mergeRanges([...unreadable, ...runs.unreadable]) };
}

/** What is in the dump becomes parts. The memory that could not be read. */
function readInto(system: System, core: CoreFile, parts: Parts, watcher: Watcher): readonly MemoryRange[] {
  const runs = new Runs(system, core, (length) => watcher.advance(length));
  for (const header of core.headers) {
    const { type, offset, fileSize, memorySize } = header;
    if (type !== PT_LOAD && type !== PT_NOTE) continue;
    parts.begin(header);
    runs.give(offset, offset + fileSize, BLOCK, parts);
    // What this dump leaves out already.
    if (type === PT_LOAD && memorySize > fileSize) parts.zeros(Number(memorySize - fileSize));
  }
  runs.close();
  return runs.unreadable;
}

/** Bytes of all that is read. */
function sizeOfMemory({ headers }: CoreFile): bigint {
  return headers.reduce((sum, { type, fileSize }) => sum + (type === PT_LOAD || type === PT_NOTE ? fileSize : 0n), 0n);
}

/** Each part beside the first of its segment has a block of zeros before it, and a block of bytes. */
function mostHeaders({ headers }: CoreFile, total: bigint): number {
  return 2 * headers.length + Math.min(MOST_PARTS, Number(total / BigInt(2 * BLOCK)));
}

/** Where so many headers end, on a page. */
function offsetBehind(count: number): bigint {
  return roundUp(BigInt(sizeOfHeaders(count)), BigInt(FIRST));
}

function encode(core: CoreFile, headers: readonly ProgramHeader[], offset: bigint): Uint8Array {
  const moved = headers.map((header) => ({ ...header, offset: header.offset + offset }));
  return encodeHeaders({
    endian: core.littleEndian ? "little" : "big",
    type: ET_CORE,
    machine: core.machine,
    headers: moved,
  });
}
