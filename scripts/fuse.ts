// Makes an executable self-contained: puts ld.so and the shared libraries it needs into the file itself.
//
// What is made of the executable, in the file and in memory alike:
//
//     the executable     byte for byte, but for three fields of its ELF header: entry, place and number of
//                        the program headers
//     data (RW)          program headers (no PT_INTERP), LD_PRELOAD, table of libraries, names, libraries
//     code (RX)          the start stub of stub/fuse, and its parameters
//     ld.so              its segments, each where ld.so wants it relative to the others
//
// Linux maps all of that and enters the stub. The stub copies the libraries into files in memory and enters
// ld.so as Linux would have, with an environment of nothing but LD_PRELOAD, which names these files. ld.so
// finds each library that is asked for by its DT_SONAME among those that are loaded, and so looks nowhere else.

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import {
  ET_DYN,
  ET_EXEC,
  PF_R,
  PF_W,
  PF_X,
  PT_GNU_STACK,
  PT_INTERP,
  PT_LOAD,
  PT_NOTE,
  PT_PHDR,
  PT_TLS,
} from "../src/elf.ts";
import { Failure, hex } from "../src/failure.ts";
import {
  dynamicNames,
  type FileHeader,
  fileHeader,
  PROGRAM_HEADER_SIZE,
  type ProgramHeader,
  writeFileHeader,
  writeProgramHeaders,
  writeWords,
} from "./dynamic-elf.ts";
import type { Machine } from "./machines/machine.ts";
import { machines } from "./machines/machines.ts";

/** A file and the name that is used of it in messages and in /proc/PID/maps. */
export interface NamedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

// Of the auxiliary vector (linux/auxvec.h).
const AT_PHDR = 3;
const AT_PHNUM = 5;
const AT_BASE = 7;
const AT_ENTRY = 9;
const AT_SECURE = 23;

/** Files that tell ld.so from outside what to load. It must not look for them. */
const STEERING_FILES = ["/etc/ld.so.preload", "/etc/ld.so.cache"];

/** Room for the digits of any descriptor's number, which is below 2^31. Slashes that are left change no path. */
const DESCRIPTOR_SLOT = `/proc/self/fd${"/".repeat(11)}`;

/** The start of a fused executable for a machine, before its parameters. */
function startOf({ name }: Machine): Uint8Array {
  const text = readFileSync(join(import.meta.dir, `../stub/fuse/${name}.hex`), "latin1");
  return new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));
}

function up(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * The executable as one file that needs no other.
 * @param executable ET_EXEC with a PT_INTERP
 * @param loader the ld.so that PT_INTERP means, of glibc
 * @param libraries everything that the executable and they themselves need, in the order to be loaded
 * @throws Failure that names the file which is not as it has to be
 */
export function fuse(executable: NamedFile, loader: NamedFile, libraries: readonly NamedFile[]): Uint8Array {
  const main = fileHeader(executable.name, executable.bytes);
  const machine = machines.find(({ elfMachine, bun }) => elfMachine === main.machine && bun !== undefined);
  if (machine === undefined) throw new Failure(executable.name, `no stub for ELF machine ${main.machine}`);
  const ownHeaders = checkExecutable(executable, main, machine.largestPage);
  const rtld = fileHeader(loader.name, loader.bytes);
  checkLoader(loader, rtld, main);
  checkLibraries(executable, loader, libraries, main);

  const page = machine.largestPage;
  const layout = new FileLayout(executable.bytes.length, endOf(main.headers), page);
  // The original headers stay for ld.so; Linux gets those that say what is in memory.
  const kept = main.headers.filter(({ type }) => [PT_LOAD, PT_GNU_STACK, PT_NOTE].includes(type));
  const loads = rtld.headers.filter(({ type }) => type === PT_LOAD);
  const count = 1 + kept.length + 2 + loads.length;

  const data = dataSegment(layout.next(), count * PROGRAM_HEADER_SIZE, libraries);
  const dataHeader = layout.put(data.bytes, PF_R | PF_W);
  const base = up(layout.next() + page, page);
  const code = codeSegment(startOf(machine), {
    entry: base + rtld.entry,
    preload: data.preload,
    libraries: data.table,
    replaced: [
      [AT_PHDR, ownHeaders],
      [AT_PHNUM, main.headers.length],
      [AT_BASE, base],
      [AT_ENTRY, main.entry],
      // The environment is ours: ld.so need not distrust it, not even with file capabilities.
      [AT_SECURE, 0],
    ],
  });
  if (code.length > page) throw new Failure("stub", `${code.length} bytes, more than a page`);
  const codeHeader = layout.put(code, PF_R | PF_X);
  const deaf = withoutSteering(loader);
  const loaderHeaders = loads.map((load) => layout.putSegment(deaf, load, base));

  const headers = [...kept, dataHeader, codeHeader, ...loaderHeaders];
  const phdr = { ...dataHeader, type: PT_PHDR, flags: PF_R, fileSize: count * PROGRAM_HEADER_SIZE, align: 8 };
  const table = [
    { ...phdr, memorySize: phdr.fileSize },
    ...headers.filter(({ type }) => type === PT_LOAD).sort((a, b) => a.address - b.address),
    ...headers.filter(({ type }) => type !== PT_LOAD),
  ];
  const fused = new Uint8Array(layout.fileEnd);
  fused.set(executable.bytes);
  for (const { offset, bytes } of layout.parts) fused.set(bytes, offset);
  writeProgramHeaders(fused, dataHeader.offset, table);
  writeFileHeader(fused, { entry: codeHeader.address, headersAt: dataHeader.offset, headerCount: count });
  return fused;
}

/** Where the parts come to lie: one after the other, in the file as in memory, on pages of their own. */
class FileLayout {
  readonly parts: { offset: number; bytes: Uint8Array }[] = [];
  #address: number;

  constructor(
    public fileEnd: number,
    memoryEnd: number,
    readonly page: number,
  ) {
    this.#address = up(memoryEnd, page) + page;
  }

  /** The address that the next part will have. */
  next(): number {
    return up(this.#address, this.page);
  }

  put(bytes: Uint8Array, flags: number): ProgramHeader {
    return this.#putAt(this.next(), bytes, flags);
  }

  /**
   * A segment of `file`, which is loaded at `base`. Its .bss is written out up to the end of the page, which
   * ld.so uses too; a read-only segment comes with what is before it in its page.
   */
  putSegment(file: Uint8Array, header: ProgramHeader, base: number): ProgramHeader {
    const { offset, address, fileSize, memorySize, flags } = header;
    const skew = address % this.page;
    const writable = (flags & PF_W) !== 0;
    const bytes = new Uint8Array(writable ? up(skew + memorySize, this.page) : skew + memorySize);
    bytes.set(file.subarray(offset, offset + fileSize), skew);
    return this.#putAt(base + address - skew, bytes, flags);
  }

  #putAt(address: number, bytes: Uint8Array, flags: number): ProgramHeader {
    if (address < this.#address) throw new Failure("layout", `two segments overlap at ${hex(BigInt(address))}`);
    const offset = up(this.fileEnd, this.page);
    this.parts.push({ offset, bytes });
    this.fileEnd = offset + bytes.length;
    this.#address = address + bytes.length;
    const size = bytes.length;
    return { type: PT_LOAD, flags, offset, address, fileSize: size, memorySize: size, align: this.page };
  }
}

function endOf(headers: readonly ProgramHeader[]): number {
  const ends = headers.filter(({ type }) => type === PT_LOAD).map(({ address, memorySize }) => address + memorySize);
  return Math.max(...ends);
}

/** Addresses inside are those that the segment has when it lies at `address`. */
function dataSegment(
  address: number,
  headersSize: number,
  libraries: readonly NamedFile[],
): { bytes: Uint8Array; preload: number; table: number } {
  const preload = `LD_PRELOAD=${libraries.map(() => DESCRIPTOR_SLOT).join(":")}\0`;
  const preloadAt = headersSize;
  const tableAt = up(preloadAt + preload.length, 8);
  const rowSize = 32;
  let end = tableAt + rowSize * libraries.length + 8;
  const rows = libraries.map(({ name, bytes }, index) => {
    const nameAt = end;
    const start = up(nameAt + name.length + 1, 16);
    end = start + bytes.length;
    const slotEnd = preloadAt + "LD_PRELOAD=".length + (DESCRIPTOR_SLOT.length + 1) * (index + 1) - 1;
    return { name, bytes, nameAt, start, slotEnd };
  });
  const segment = new Uint8Array(end);
  const view = new DataView(segment.buffer);
  segment.set(Buffer.from(preload, "latin1"), preloadAt);
  for (const [index, { name, bytes, nameAt, start, slotEnd }] of rows.entries()) {
    segment.set(Buffer.from(name, "latin1"), nameAt);
    segment.set(bytes, start);
    const row = [address + nameAt, address + start, bytes.length, address + slotEnd];
    writeWords(view, tableAt + rowSize * index, row);
  }
  return { bytes: segment, preload: address + preloadAt, table: address + tableAt };
}

interface Parameters {
  readonly entry: number;
  readonly preload: number;
  readonly libraries: number;
  readonly replaced: readonly (readonly [type: number, value: number])[];
}

/** The stub's parameters follow it; stub/fuse/README.md names them. */
function codeSegment(stub: Uint8Array, { entry, preload, libraries, replaced }: Parameters): Uint8Array {
  const words = [entry, preload, libraries, ...replaced.flat(), 0, 0];
  const bytes = new Uint8Array(stub.length + 8 * words.length);
  const view = new DataView(bytes.buffer);
  bytes.set(stub);
  writeWords(view, stub.length, words);
  return bytes;
}

/** @returns the address of its program headers */
function checkExecutable({ name }: NamedFile, { type, headers }: FileHeader, page: number): number {
  const have = (wanted: number): boolean => headers.some((header) => header.type === wanted);
  if (type !== ET_EXEC) throw new Failure(name, "not linked to a fixed address (ET_EXEC)");
  if (!have(PT_INTERP)) throw new Failure(name, "no PT_INTERP: it needs no ld.so");
  const own = headers.find((header) => header.type === PT_PHDR);
  if (own === undefined) throw new Failure(name, "no PT_PHDR: ld.so could not find its program headers");
  const oblique = headers.find((header) => header.type === PT_LOAD && header.offset % page !== header.address % page);
  if (oblique !== undefined) {
    throw new Failure(name, `the segment at ${hex(BigInt(oblique.address))} is not aligned to pages`);
  }
  return own.address;
}

function checkLoader({ name, bytes }: NamedFile, header: FileHeader, main: FileHeader): void {
  const { type, machine, entry, headers } = header;
  if (machine !== main.machine) throw new Failure(name, `for ELF machine ${machine}, not ${main.machine}`);
  if (type !== ET_DYN) throw new Failure(name, "not a shared object (ET_DYN)");
  if (headers.some((each) => each.type === PT_INTERP || each.type === PT_TLS)) {
    throw new Failure(name, "PT_INTERP or PT_TLS in it: no ld.so");
  }
  if (dynamicNames(name, bytes).needed.length > 0) throw new Failure(name, "needs libraries: no ld.so");
  const loads = headers.filter((each) => each.type === PT_LOAD);
  const code = loads.find(({ address, fileSize }) => entry >= address && entry < address + fileSize);
  if (code === undefined || (code.flags & PF_X) === 0) throw new Failure(name, "its entry is in no code");
  if (loads[0]?.address !== 0 || loads[0].offset !== 0) throw new Failure(name, "does not begin with its ELF header");
}

/** Everything that anyone of them needs must be inside, under the name it is asked for by; all of one glibc. */
function checkLibraries(
  executable: NamedFile,
  loader: NamedFile,
  libraries: readonly NamedFile[],
  main: FileHeader,
): void {
  const own = dynamicNames(executable.name, executable.bytes);
  const ld = dynamicNames(loader.name, loader.bytes);
  const interpreter = basename(own.interpreter ?? "");
  if (ld.soname !== interpreter) throw new Failure(executable.name, `wants ${interpreter}, not ${ld.soname}`);
  const present = new Set<string | undefined>([ld.soname]);
  const wanted = own.needed.map((name) => ({ by: executable.name, name }));
  for (const { name, bytes } of libraries) {
    const { machine, type } = fileHeader(name, bytes);
    if (machine !== main.machine || type !== ET_DYN) throw new Failure(name, "no library of this machine");
    const { soname, needed } = dynamicNames(name, bytes);
    present.add(soname);
    wanted.push(...needed.map((each) => ({ by: name, name: each })));
  }
  const lacking = wanted.find(({ name }) => !present.has(name));
  if (lacking !== undefined) throw new Failure(lacking.by, `needs ${lacking.name}, which is not inside`);
  const [first, ...others] = [loader, ...libraries].flatMap((file) => glibcRelease(file) ?? []);
  if (first === undefined || others.length === 0 || others.some((release) => release !== first)) {
    throw new Failure(loader.name, `not of the same glibc as the libraries: ${[first, ...others].join(", ")}`);
  }
}

/** What ld.so and libc.so.6 of glibc print of themselves: "Debian GLIBC 2.36-9+deb12u14". */
function glibcRelease({ bytes }: NamedFile): string | undefined {
  return /\(([^()]*GLIBC [^()]*)\) stable release version/.exec(Buffer.from(bytes).toString("latin1"))?.[1];
}

/** ld.so with the names of STEERING_FILES made empty, which no file is called. */
function withoutSteering({ name, bytes }: NamedFile): Uint8Array {
  const changed = Buffer.from(bytes);
  for (const path of STEERING_FILES) {
    const text = Buffer.from(`\0${path}\0`, "latin1");
    let found = changed.indexOf(text);
    if (found < 0) throw new Failure(name, `does not speak of ${path}`);
    for (; found >= 0; found = changed.indexOf(text)) changed.fill(0, found, found + text.length);
  }
  return changed;
}
