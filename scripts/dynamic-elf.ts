// What fuse.ts reads and writes of a dynamically linked ELF file: 64-bit, little endian.
// System V ABI, chapters 4 and 5; numbers as in linux/elf.h.

import { Failure } from "../src/failure.ts";

export const ET_EXEC = 2;
export const ET_DYN = 3;

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_NOTE = 4;
export const PT_PHDR = 6;
export const PT_TLS = 7;
export const PT_GNU_STACK = 0x6474e551;

export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

const DT_NEEDED = 1;
const DT_STRTAB = 5;
const DT_SONAME = 14;

const HEADER_SIZE = 64;
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

/** What a file asks the dynamic linker for, and what it is called itself. */
export interface DynamicNames {
  readonly interpreter: string | undefined;
  readonly soname: string | undefined;
  readonly needed: readonly string[];
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * @param name for the message when it is none
 * @throws Failure for what is not ELF, not 64-bit little endian, or cut short
 */
export function fileHeader(name: string, bytes: Uint8Array): FileHeader {
  const view = viewOf(bytes);
  if (bytes.length < HEADER_SIZE || view.getUint32(0) !== 0x7f454c46) throw new Failure(name, "not an ELF file");
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Failure(name, "not a 64-bit little endian ELF file");
  const table = Number(view.getBigUint64(32, true));
  const count = view.getUint16(56, true);
  if (view.getUint16(54, true) !== PROGRAM_HEADER_SIZE) throw new Failure(name, "program headers of a strange size");
  if (table + PROGRAM_HEADER_SIZE * count > bytes.length) {
    throw new Failure(name, "program headers beyond the end of the file");
  }
  const headers = Array.from({ length: count }, (_, index): ProgramHeader => {
    const at = table + PROGRAM_HEADER_SIZE * index;
    const [offset, address, , fileSize, memorySize, align] = [8, 16, 24, 32, 40, 48].map((field) =>
      Number(view.getBigUint64(at + field, true)),
    ) as [number, number, number, number, number, number];
    const [type, flags] = [view.getUint32(at, true), view.getUint32(at + 4, true)];
    if (type === PT_LOAD && offset + fileSize > bytes.length) throw new Failure(name, "a segment ends beyond the file");
    return { type, flags, offset, address, fileSize, memorySize, align };
  });
  return {
    type: view.getUint16(16, true),
    machine: view.getUint16(18, true),
    entry: Number(view.getBigUint64(24, true)),
    headers,
  };
}

/** @throws Failure for what `fileHeader` refuses, and for an address in no segment */
export function dynamicNames(name: string, bytes: Uint8Array): DynamicNames {
  const { headers } = fileHeader(name, bytes);
  const view = viewOf(bytes);
  const textAt = (offset: number): string =>
    Buffer.from(bytes.subarray(offset, bytes.indexOf(0, offset))).toString("latin1");
  const find = (type: number): ProgramHeader | undefined => headers.find((header) => header.type === type);
  const dynamic = find(PT_DYNAMIC);
  const entries: { tag: number; value: number }[] = [];
  for (let at = dynamic?.offset ?? 0; dynamic !== undefined && at < dynamic.offset + dynamic.fileSize; at += 16) {
    entries.push({ tag: Number(view.getBigUint64(at, true)), value: Number(view.getBigUint64(at + 8, true)) });
  }
  const strings = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0;
  const load = headers.find(
    ({ type, address, fileSize }) => type === PT_LOAD && strings >= address && strings < address + fileSize,
  );
  if (load === undefined) throw new Failure(name, "its dynamic strings are in no segment");
  const named = (wanted: number): string[] =>
    entries
      .filter(({ tag }) => tag === wanted)
      .map(({ value }) => textAt(strings - load.address + load.offset + value));
  const interpreter = find(PT_INTERP);
  return {
    interpreter: interpreter === undefined ? undefined : textAt(interpreter.offset),
    soname: named(DT_SONAME)[0],
    needed: named(DT_NEEDED),
  };
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
  headers.forEach(({ type, flags, offset, address, fileSize, memorySize, align }, index) => {
    const start = at + PROGRAM_HEADER_SIZE * index;
    view.setUint32(start, type, true);
    view.setUint32(start + 4, flags, true);
    [offset, address, address, fileSize, memorySize, align].forEach((word, field) =>
      view.setBigUint64(start + 8 + 8 * field, BigInt(word), true),
    );
  });
}
