// What is loaded of a kernel in an ELF file: its PT_LOADs as one flat image, entered at its first byte.

import { type Elf, layOut, PT_LOAD, readElfHeaders, viewOf } from "../elf.ts";
import { Failure, hex } from "../failure.ts";
import { type HeldPiece, type Piece, partOf, pieceSize, readPiece } from "../kexec/piece.ts";
import { EM_PPC64 } from "../sys/abi.ts";
import type { System } from "../sys/system.ts";

/** Bytes from a file's start that hold the program headers of any kernel: they stand behind the ELF header. */
const HEADERS_SPAN = 64 * 1024;

export interface ElfImage {
  readonly pieces: readonly Piece[];
  /** Bytes of memory from its first byte on: .bss counts. */
  readonly memsz: bigint;
}

/**
 * What `objcopy -O binary` makes of an executable, by where its bytes are in the file.
 * @throws Failure for what is cut off, loads nothing, or is not entered at its first byte
 */
export function findInElf(system: System, whole: HeldPiece): ElfImage {
  const size = pieceSize(whole);
  const elf = readElfHeaders(whole.name, readPiece(system, whole, 0, HEADERS_SPAN), undefined, size);
  const { start, parts, memsz } = layOut(elf, size);
  refuseOtherEntry(system, whole, elf, start);
  const pieces: Piece[] = [];
  let end = 0;
  for (const { at, offset, length } of parts) {
    if (at > end) pieces.push({ kind: "padding", size: at - end });
    pieces.push(partOf(whole, offset, length));
    end = at + length;
  }
  return { pieces, memsz: BigInt(memsz) };
}

/** A flat image has no word for where it is entered. */
function refuseOtherEntry(system: System, whole: HeldPiece, elf: Elf, start: bigint): void {
  const entry = physicalOf(elf, elf.entry);
  if (entry === start) return;
  const described = describedEntry(system, whole, elf);
  if (described !== undefined && physicalOf(elf, described) === start) return;
  const fact = `is entered at ${hex(elf.entry)}, which is not its first byte, ${hex(start)}`;
  throw new Failure(whole.name, `${fact}: only what is entered there can be loaded as a kernel`);
}

/** A virtual address as a physical one, where a PT_LOAD has it. Else it is one already. */
function physicalOf({ headers }: Elf, address: bigint): bigint {
  const load = headers.find(
    (header) => header.type === PT_LOAD && address >= header.address && address < header.address + header.memorySize,
  );
  return load === undefined ? address : address - load.address + load.physical;
}

/** By the first ELF ABI of ppc64 the entry is the address of a descriptor, whose first word is that of the code. */
function describedEntry(
  system: System,
  whole: HeldPiece,
  { machine, entry, endian, headers }: Elf,
): bigint | undefined {
  if (machine !== EM_PPC64) return undefined;
  const load = headers.find(
    (header) => header.type === PT_LOAD && entry >= header.address && entry + 8n <= header.address + header.fileSize,
  );
  if (load === undefined) return undefined;
  const word = readPiece(system, whole, Number(load.offset + entry - load.address), 8);
  return word.length < 8 ? undefined : viewOf(word).getBigUint64(0, endian === "little");
}
