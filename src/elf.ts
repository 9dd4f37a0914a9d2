// The one reader of ELF files, of 32 and 64 bits and of both byte orders. System V ABI, chapters 4 and 5; linux/elf.h.

import { Failure, hex } from "./failure.ts";
import { max } from "./range.ts";

export const ET_EXEC = 2;
export const ET_DYN = 3;
export const ET_CORE = 4;

export const PT_LOAD = 1;
export const PT_DYNAMIC = 2;
export const PT_INTERP = 3;
export const PT_NOTE = 4;
export const PT_PHDR = 6;
export const PT_TLS = 7;
export const PT_GNU_STACK = 0x6474e551;

/** e_phnum of a file with so many program headers or more: section header 0 says how many. */
const PN_XNUM = 0xffff;

export const PF_X = 1;
export const PF_W = 2;
export const PF_R = 4;

/** "\x7fELF". */
const MAGIC = 0x7f454c46;

/** Where a file of each class has its fields. What is not named here lies at the same offset in both. */
const LAYOUTS = {
  32: {
    headerSize: 52,
    headersAt: 28,
    entrySize: 42,
    count: 44,
    programHeaderSize: 32,
    programHeader: { flags: 24, offset: 4, address: 8, physical: 12, fileSize: 16, memorySize: 20, align: 28 },
  },
  64: {
    headerSize: 64,
    headersAt: 32,
    entrySize: 54,
    count: 56,
    programHeaderSize: 56,
    programHeader: { flags: 4, offset: 8, address: 16, physical: 24, fileSize: 32, memorySize: 40, align: 48 },
  },
} as const;

/** The section in which powerpc's boot wrapper has the compressed vmlinux. */
export const WRAPPED_VMLINUX = ".kernel:vmlinux.strip";

/** EI_VERSION and e_version. */
const EV_CURRENT = 1;

/** e_phnum has 16 bits, and its last value says that the number is elsewhere. */
export const MOST_COUNTED = 0xfffe;

/** More than the names of any kernel's sections take, in bytes. */
const MOST_NAMES = 65536;

/** More than any kernel has. */
const MOST_SECTIONS = 4096;

/** More than a dump of any machine has; as objects they take 50 MB. */
const MOST_PROGRAM_HEADERS = 0x20000;

/** Of a note: the lengths of its name and of its contents, its type. Each part is padded to 4 bytes. */
const NOTE_HEADER = 12;

/** Longer than the name of any note. */
const MOST_OF_NOTE_NAME = 32;

/** More than any kernel has between its lowest and its highest byte. */
const MOST_FLAT = 1n << 30n;

/** Offsets and sizes in bytes. */
export interface ProgramHeader {
  readonly type: number;
  /** PF_R, PF_W and PF_X. */
  readonly flags: number;
  readonly offset: bigint;
  /** Virtual. */
  readonly address: bigint;
  readonly physical: bigint;
  readonly fileSize: bigint;
  readonly memorySize: bigint;
  readonly align: bigint;
}

export interface ElfHeaders {
  /** For messages. */
  readonly name: string;
  readonly bits: 32 | 64;
  readonly endian: "big" | "little";
  /** ET_EXEC, ET_DYN and others. */
  readonly type: number;
  /** e_machine. */
  readonly machine: number;
  readonly entry: bigint;
  /** In the file's order. Of a whole file, those of type PT_LOAD lie within it; the others need not. */
  readonly headers: readonly ProgramHeader[];
}

export interface Elf extends ElfHeaders {
  readonly bytes: Uint8Array;
}

/** One note of a PT_NOTE, as `CORE` has the registers of a cpu. */
export interface Note {
  /** Of what is a NUL at its end, nothing. */
  readonly name: string;
  readonly type: number;
  readonly contents: Uint8Array;
}

/** The memory of an executable as one run of bytes, from its lowest physical address. */
export interface FlatImage {
  readonly bytes: Uint8Array;
  /** Bytes of memory it needs, never less than there are bytes: what follows them is .bss, which has to stay free. */
  readonly memsz: number;
}

/** The same, with its bytes still where they are in the file. */
export interface FlatLayout {
  /** The physical address of its first byte. */
  readonly start: bigint;
  /** Runs of the file's bytes by where they come to lie, from `start` on. They do not overlap; zeros are between them. */
  readonly parts: readonly { readonly at: number; readonly offset: number; readonly length: number }[];
  readonly length: number;
  readonly memsz: number;
}

/** Some bytes of a file, fewer where it ends. */
export type ReadBytes = (at: number, length: number) => Uint8Array;

/** Whether a file begins as every ELF file does. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && viewOf(bytes).getUint32(0) === MAGIC;
}

/** Whether an ELF file has a section of that name; false where its section headers are not within `bytes`. */
export function hasSection(bytes: Uint8Array, name: string): boolean {
  return findSection((at, length) => bytes.subarray(at, at + length), name) !== undefined;
}

/** Where in an ELF file a section's bytes are; undefined where it has none of that name. */
export function findSection(read: ReadBytes, name: string): { offset: number; size: number } | undefined {
  const header = read(0, 64);
  if (header.length < 64) return undefined;
  const isWide = header[4] === 2;
  const little = header[5] === 1;
  const word = (view: DataView, at: number): number =>
    isWide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
  const view = viewOf(header);
  // e_shoff; e_shentsize, e_shnum, e_shstrndx.
  const start = word(view, isWide ? 40 : 32);
  const [size = 0, count = 0, names = 0] = [46, 48, 50].map((at) => view.getUint16(at + (isWide ? 12 : 0), little));
  if (size < (isWide ? 64 : 40) || count > MOST_SECTIONS || names >= count) return undefined;
  const table = read(start, size * count);
  if (table.length < size * count) return undefined;
  const fields = viewOf(table);
  const placeOf = (index: number) => ({
    offset: word(fields, size * index + (isWide ? 24 : 16)),
    size: word(fields, size * index + (isWide ? 32 : 20)),
  });
  const place = placeOf(names);
  const text = read(place.offset, Math.min(place.size, MOST_NAMES));
  const wanted = Array.from(`${name}\0`, (character) => character.charCodeAt(0));
  for (let index = 0; index < count; index++) {
    const at = fields.getUint32(size * index, little);
    if (wanted.every((byte, each) => text[at + each] === byte)) return placeOf(index);
  }
  return undefined;
}

/**
 * Reads the header and the program headers of a whole file.
 * @param name for messages
 * @param wanted the only class that will do; either unless said
 * @throws Failure for what is not ELF, of the other class, or cut short
 */
export function readElf(name: string, bytes: Uint8Array, wanted?: 32 | 64): Elf {
  const elf = readElfHeaders(name, bytes, wanted);
  for (const header of elf.headers) if (header.type === PT_LOAD) segmentBytes(elf, header);
  return elf;
}

/**
 * The same of a file's beginning, which need hold no more than these headers.
 * @param size of the whole file, in bytes
 */
export function readElfHeaders(name: string, bytes: Uint8Array, wanted?: 32 | 64, size = bytes.length): Elf {
  const bound = size === bytes.length ? "the end of the file" : `its first ${hex(bytes.length)} bytes`;
  return { ...readHeadersBy((at, length) => bytes.subarray(at, at + length), name, wanted, bound), bytes };
}

/**
 * The same of a file that is not held in memory.
 * @param bound of what can be read, for messages
 */
export function readHeadersBy(
  read: ReadBytes,
  name: string,
  wanted?: 32 | 64,
  bound = "the end of the file",
): ElfHeaders {
  const bytes = read(0, LAYOUTS[64].headerSize);
  const bits = bytes[4] === 1 ? 32 : 64;
  const layout = LAYOUTS[bits];
  if (!isElf(bytes) || bytes.length < layout.headerSize) throw new Failure(name, "not an ELF file");
  if (wanted !== undefined && bytes[4] !== (wanted === 32 ? 1 : 2)) {
    throw new Failure(name, `not a ${wanted}-bit ELF file`);
  }
  if (bytes[4] !== 1 && bytes[4] !== 2) throw new Failure(name, `ELF class ${bytes[4]}, neither 32 nor 64 bits`);
  if (bytes[5] !== 1 && bytes[5] !== 2) throw new Failure(name, `ELF byte order ${bytes[5]}, neither little nor big`);
  const little = bytes[5] === 1;
  const wordOf = (view: DataView, at: number): bigint =>
    bits === 32 ? BigInt(view.getUint32(at, little)) : view.getBigUint64(at, little);
  const header = viewOf(bytes);
  const count = countHeaders(read, header, bits, little);
  const { programHeaderSize: entry, programHeader: fields } = layout;
  if (count > 0 && header.getUint16(layout.entrySize, little) !== entry) {
    throw new Failure(name, "program headers of a strange size");
  }
  if (count > MOST_PROGRAM_HEADERS)
    throw new Failure(name, `${count} program headers, more than ${MOST_PROGRAM_HEADERS}`);
  const start = wordOf(header, layout.headersAt);
  const table = viewOf(start > Number.MAX_SAFE_INTEGER ? new Uint8Array(0) : read(Number(start), entry * count));
  if (table.byteLength < entry * count) throw new Failure(name, `program headers beyond ${bound}`);
  const headers = Array.from({ length: count }, (_, index): ProgramHeader => {
    const word = (field: number): bigint => wordOf(table, entry * index + field);
    return {
      type: table.getUint32(entry * index, little),
      flags: table.getUint32(entry * index + fields.flags, little),
      offset: word(fields.offset),
      address: word(fields.address),
      physical: word(fields.physical),
      fileSize: word(fields.fileSize),
      memorySize: word(fields.memorySize),
      align: word(fields.align),
    };
  });
  return {
    name,
    bits,
    endian: little ? "little" : "big",
    headers,
    type: header.getUint16(16, little),
    machine: header.getUint16(18, little),
    entry: wordOf(header, 24),
  };
}

/** How many program headers a file has. Dumps of large machines have more than e_phnum can say. */
function countHeaders(read: ReadBytes, header: DataView, bits: 32 | 64, little: boolean): number {
  const count = header.getUint16(LAYOUTS[bits].count, little);
  if (count !== PN_XNUM) return count;
  // e_shoff; sh_info.
  const at = bits === 32 ? header.getUint32(32, little) : Number(header.getBigUint64(40, little));
  const [size, field] = bits === 32 ? [40, 28] : [64, 44];
  const section = at === 0 || !Number.isSafeInteger(at) ? new Uint8Array(0) : read(at, size);
  return section.length < size ? count : viewOf(section).getUint32(field, little);
}

/**
 * The notes of a PT_NOTE, up to the first that is not whole. One without a name ends them as well: the kernel writes such
 * a one behind each cpu's (kernel/crash_core.c, final_note).
 */
export function* notesIn(bytes: Uint8Array, littleEndian: boolean): Generator<Note> {
  const view = viewOf(bytes);
  for (let at = 0; at + NOTE_HEADER <= bytes.length; ) {
    const nameSize = view.getUint32(at, littleEndian);
    const size = view.getUint32(at + 4, littleEndian);
    const nameAt = at + NOTE_HEADER;
    const start = nameAt + roundUpTo4(nameSize);
    if (nameSize === 0 || start + size > bytes.length) return;
    const name = textAt(bytes, nameAt, Math.min(nameSize, MOST_OF_NOTE_NAME));
    yield {
      name: name.replace(/\0.*/s, ""),
      type: view.getUint32(at + 8, littleEndian),
      contents: bytes.subarray(start, start + size),
    };
    at = start + roundUpTo4(size);
  }
}

function roundUpTo4(value: number): number {
  return Math.ceil(value / 4) * 4;
}

/**
 * What a file has of one of its program headers' segments; not a copy.
 * @throws Failure where it ends beyond the end of the file
 */
export function segmentBytes({ name, bytes }: Elf, { offset, fileSize, physical }: ProgramHeader): Uint8Array {
  if (offset + fileSize > BigInt(bytes.length)) {
    throw new Failure(name, `the segment at ${hex(physical)} ends beyond the end of the file`);
  }
  return bytes.subarray(Number(offset), Number(offset + fileSize));
}

/**
 * What `objcopy -O binary` makes of an executable: the bytes of its PT_LOADs by physical address, gaps filled with zeros.
 * @param size of the whole file, in bytes
 * @throws Failure for an executable that loads nothing, or whose segments are no kernel's
 */
export function layOut({ name, headers }: Elf, size: number): FlatLayout {
  const loads = headers.filter(
    ({ type, memorySize, fileSize }) => type === PT_LOAD && (memorySize > 0n || fileSize > 0n),
  );
  const filled = loads.filter(({ fileSize }) => fileSize > 0n);
  filled.sort((one, other) => (one.physical < other.physical ? -1 : 1));
  const start = filled[0]?.physical;
  if (start === undefined) throw new Failure(name, "no PT_LOAD with bytes");
  let memoryEnd = start;
  for (const load of loads) {
    const { physical, fileSize, memorySize } = load;
    const place = `the segment at ${hex(physical)}`;
    if (fileSize > memorySize) throw new Failure(name, `${place} has more bytes in the file than in memory`);
    if (physical < start)
      throw new Failure(name, `${place} has no bytes, and lies below the first that has, ${hex(start)}`);
    if (physical + memorySize > start + MOST_FLAT) {
      throw new Failure(name, `${place} ends more than ${hex(MOST_FLAT)} bytes above the lowest, ${hex(start)}`);
    }
    if (load.offset + fileSize > BigInt(size)) throw new Failure(name, `${place} ends beyond the end of the file`);
    memoryEnd = max(memoryEnd, physical + memorySize);
  }
  let length = 0;
  const parts = filled.map(({ physical, offset, fileSize }) => {
    const at = Number(physical - start);
    if (at < length) throw new Failure(name, `the segment at ${hex(physical)} lies over the one before it`);
    length = at + Number(fileSize);
    return { at, offset: Number(offset), length: Number(fileSize) };
  });
  return { start, parts, length, memsz: Number(memoryEnd - start) };
}

/** The same as bytes, of a whole file. */
export function flatten(elf: Elf): FlatImage {
  const { parts, length, memsz } = layOut(elf, elf.bytes.length);
  const bytes = new Uint8Array(length);
  for (const { at, offset, length } of parts) bytes.set(elf.bytes.subarray(offset, offset + length), at);
  return { bytes, memsz };
}

/** Bytes of the ELF header and of so many program headers, of 64 bits. */
export function sizeOfHeaders(count: number): number {
  return LAYOUTS[64].headerSize + LAYOUTS[64].programHeaderSize * count;
}

/**
 * An ELF header of 64 bits, and the program headers behind it.
 * @param elf `headers` are MOST_COUNTED at most
 */
export function encodeHeaders({ endian, type, machine, headers }: Omit<Elf, "name" | "bytes" | "bits" | "entry">) {
  const { headerSize, headersAt, entrySize, count, programHeaderSize, programHeader: fields } = LAYOUTS[64];
  const bytes = new Uint8Array(sizeOfHeaders(headers.length));
  const view = viewOf(bytes);
  const little = endian === "little";
  view.setUint32(0, MAGIC);
  bytes.set([2, little ? 1 : 2, EV_CURRENT], 4);
  view.setUint16(16, type, little);
  view.setUint16(18, machine, little);
  view.setUint32(20, EV_CURRENT, little);
  view.setBigUint64(headersAt, BigInt(headerSize), little);
  view.setUint16(entrySize - 2, headerSize, little);
  view.setUint16(entrySize, programHeaderSize, little);
  view.setUint16(count, headers.length, little);
  for (const [index, header] of headers.entries()) {
    const at = headerSize + programHeaderSize * index;
    view.setUint32(at, header.type, little);
    view.setUint32(at + fields.flags, header.flags, little);
    view.setBigUint64(at + fields.offset, header.offset, little);
    view.setBigUint64(at + fields.address, header.address, little);
    view.setBigUint64(at + fields.physical, header.physical, little);
    view.setBigUint64(at + fields.fileSize, header.fileSize, little);
    view.setBigUint64(at + fields.memorySize, header.memorySize, little);
    view.setBigUint64(at + fields.align, header.align, little);
  }
  return bytes;
}

/** A magic, a name: bytes as text. */
export function textAt(bytes: Uint8Array, at: number, length: number): string {
  return Array.from(bytes.subarray(at, at + length), (byte) => String.fromCharCode(byte)).join("");
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
