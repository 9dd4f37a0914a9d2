// What EFI's executables say of where their bytes are: sections, and the signature at the end. Microsoft's PE format.

import { textAt, viewOf } from "./elf.ts";
import { largestOf } from "./number.ts";
import type { ByteString } from "./sys/engine.ts";

export interface PeSection {
  readonly name: ByteString;
  /** In the file, in bytes. */
  readonly offset: number;
  readonly size: number;
}

export interface PeHeaders {
  readonly sections: readonly PeSection[];
  /** Where the file ends that its signature is for; undefined without one. */
  readonly signatureEnd: number | undefined;
}

const SECTION_SIZE = 40;
const PE32_PLUS = 0x20b;
/** Of the data directories: the signature's, whose address is an offset in the file. */
const CERTIFICATES = 4;

/**
 * @param start a file's beginning
 * @returns undefined for what is no PE file, or whose headers are not all within `start`
 */
export function readPe(start: Uint8Array): PeHeaders | undefined {
  if (start.length < 64 || start[0] !== 0x4d || start[1] !== 0x5a) return undefined;
  const view = viewOf(start);
  const header = view.getUint32(0x3c, true);
  if (header + 24 > start.length || view.getUint32(header, true) !== 0x4550) return undefined;
  const optional = header + 24;
  const optionalSize = view.getUint16(header + 20, true);
  const table = optional + optionalSize;
  const count = view.getUint16(header + 6, true);
  if (optionalSize < 2 || table + SECTION_SIZE * count > start.length) return undefined;
  const sections = Array.from({ length: count }, (_, index) => readSection(start, view, table + SECTION_SIZE * index));
  const directory = optional + (view.getUint16(optional, true) === PE32_PLUS ? 112 : 96) + 8 * CERTIFICATES;
  if (directory + 8 > table) return { sections, signatureEnd: undefined };
  const [at, size] = [view.getUint32(directory, true), view.getUint32(directory + 4, true)];
  return { sections, signatureEnd: at === 0 || size === 0 ? undefined : at + size };
}

function readSection(start: Uint8Array, view: DataView, at: number): PeSection {
  const name = textAt(start, at, 8).replace(/\0.*/s, "");
  const [inMemory, inFile, offset] = [8, 16, 20].map((field) => view.getUint32(at + field, true)) as [
    number,
    number,
    number,
  ];
  // In the file it is padded.
  return { name, offset, size: inMemory === 0 ? inFile : Math.min(inMemory, inFile) };
}

/** Where the last section ends that has bytes in the file. */
export function endOfSections({ sections }: PeHeaders): number {
  return largestOf(sections.map(({ offset, size }) => (size === 0 ? 0 : offset + size)));
}
