// What is written of ELF files, and read of dynamically linked ones: 64-bit, little endian, on top of src/elf.ts.

import { type Elf, PT_DYNAMIC, PT_INTERP, PT_LOAD, readElf, segmentBytes, viewOf } from "../src/elf.ts";
import { Failure, hex } from "../src/failure.ts";

const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_SONAME = 14n;

export const PROGRAM_HEADER_SIZE = 56;

/** Sizes, offsets and addresses in bytes. */
export interface ProgramHeader {
  readonly type: number;
  /** PF_R, PF_W and PF_X. */
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly align: number;
}

export interface FileHeader {
  /** ET_EXEC, ET_DYN and others. */
  readonly type: number;
  readonly machine: number;
  readonly entry: number;
  readonly headers: readonly ProgramHeader[];
}

/** What a file asks the dynamic linker for, and what it is called itself. One that is linked statically asks for nothing. */
export interface DynamicNames {
  readonly interpreter: string | undefined;
  readonly soname: string | undefined;
  readonly needed: readonly string[];
}

function littleEndian(name: string, bytes: Uint8Array): Elf {
  const elf = readElf(name, bytes, 64);
  if (elf.endian !== "little") throw new Failure(name, "not a little endian ELF file");
  return elf;
}

/**
 * @param name for the message when it is none
 * @throws Failure for what is not ELF, not 64-bit little endian, or cut short
 */
export function fileHeader(name: string, bytes: Uint8Array): FileHeader {
  const { type, machine, entry, headers } = littleEndian(name, bytes);
  const exact = (value: bigint): number => {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new Failure(name, `${hex(value)}: too large an address or size`);
    return Number(value);
  };
  return {
    type,
    machine,
    entry: exact(entry),
    headers: headers.map((header) => ({
      type: header.type,
      flags: header.flags,
      offset: exact(header.offset),
      address: exact(header.address),
      fileSize: exact(header.fileSize),
      memorySize: exact(header.memorySize),
      align: exact(header.align),
    })),
  };
}

/** @throws Failure for what `fileHeader` refuses, and for an address in no segment */
export function dynamicNames(name: string, bytes: Uint8Array): DynamicNames {
  const elf = littleEndian(name, bytes);
  const entries = dynamicEntries(elf);
  if (entries.length === 0) return { interpreter: undefined, soname: undefined, needed: [] };
  const strings = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0n;
  const load = elf.headers.find(
    ({ type, address, fileSize }) => type === PT_LOAD && strings >= address && strings < address + fileSize,
  );
  if (load === undefined) throw new Failure(name, "its dynamic strings are in no segment");
  const texts = segmentBytes(elf, load).subarray(Number(strings - load.address));
  const named = (wanted: bigint): string[] =>
    entries.filter(({ tag }) => tag === wanted).map(({ value }) => textAt(name, texts, value));
  const interpreter = elf.headers.find(({ type }) => type === PT_INTERP);
  return {
    interpreter: interpreter === undefined ? undefined : textAt(name, segmentBytes(elf, interpreter), 0n),
    soname: named(DT_SONAME)[0],
    needed: named(DT_NEEDED),
  };
}

function dynamicEntries(elf: Elf): { tag: bigint; value: bigint }[] {
  const dynamic = elf.headers.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const bytes = segmentBytes(elf, dynamic);
  const view = viewOf(bytes);
  return Array.from({ length: Math.floor(bytes.length / 16) }, (_, index) => ({
    tag: view.getBigUint64(16 * index, true),
    value: view.getBigUint64(16 * index + 8, true),
  }));
}

/** The bytes from `offset` to the next NUL, as a byte string. */
function textAt(name: string, bytes: Uint8Array, offset: bigint): string {
  const start = offset < BigInt(bytes.length) ? Number(offset) : bytes.length;
  const end = bytes.indexOf(0, start);
  if (end < 0) throw new Failure(name, "a dynamic string without an end");
  return Buffer.from(bytes.subarray(start, end)).toString("latin1");
}

/** Stores where the program is entered and where its program headers are. */
export function writeFileHeader(
  bytes: Uint8Array,
  { entry, headersAt, headerCount }: { entry: number; headersAt: number; headerCount: number },
): void {
  const view = viewOf(bytes);
  view.setBigUint64(24, BigInt(entry), true);
  view.setBigUint64(32, BigInt(headersAt), true);
  view.setUint16(56, headerCount, true);
}

/** Stores a table of program headers at `at`; physical addresses as the virtual ones. */
export function writeProgramHeaders(bytes: Uint8Array, at: number, headers: readonly ProgramHeader[]): void {
  const view = viewOf(bytes);
  for (const [index, { type, flags, offset, address, fileSize, memorySize, align }] of headers.entries()) {
    const start = at + PROGRAM_HEADER_SIZE * index;
    view.setUint32(start, type, true);
    view.setUint32(start + 4, flags, true);
    writeWords(view, start + 8, [offset, address, address, fileSize, memorySize, align]);
  }
}

/** Stores 64-bit words from `at` on. */
export function writeWords(view: DataView, at: number, words: readonly number[]): void {
  for (const [index, word] of words.entries()) view.setBigUint64(at + 8 * index, BigInt(word), true);
}
