// A kernel out of the file it comes in, known by its content: what of it is loaded, and what it says of itself.

import { type SetupHeader, VMLINUX_INSTEAD } from "../arch/x86_64/setup-header.ts";
import { isFit } from "../devicetree/format.ts";
import { findSection, WRAPPED_VMLINUX } from "../elf.ts";
import { Failure } from "../failure.ts";
import formOf, { type Form } from "../forms.ts";
import {
  FORM_SPAN,
  type HeldPiece,
  openPiece,
  type Piece,
  partOf,
  pieceSize,
  readPiece,
  readStart,
} from "../kexec/piece.ts";
import { endOfSections, readPe } from "../pe.ts";
import { EM_X86_64 } from "../sys/abi.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { findInBzImage } from "./bzimage.ts";
import { findInElf } from "./elf-image.ts";
import { openUnified } from "./unified.ts";
import { isPacking, unpackPiece } from "./unpack.ts";

/** Bytes of a load image that are looked at: more than any header, and where a kernel's own code tells of it. */
const HEAD_SIZE = 64 * 1024;

/** A kernel in a unified image that is compressed has four. */
const MOST_LEVELS = 5;

export interface Kernel {
  /** For messages. */
  readonly file: ByteString;
  /** From the outside in: `compressed with zstd`, `an Image for arm64`. */
  readonly layers: readonly string[];
  /** What the load image is; `flat`: the PT_LOADs of an ELF file, or bytes of which nothing is known. */
  readonly kind: "Image" | "bzImage" | "flat";
  /** e_machine, where it says so. */
  readonly machine: number | undefined;
  /** Where it says so. */
  readonly endian: "big" | "little" | undefined;
  /** The load image, ready for a SegmentPlan. Of a bzImage without its setup sectors. */
  readonly pieces: readonly Piece[];
  /** Bytes of it: bufsz. */
  readonly length: number;
  /** Bytes of memory from its first byte on, as far as an ELF file tells; never less than `length`. */
  readonly memsz: bigint;
  /** Its first 64 KiB, or all of a shorter one. */
  readonly head: Uint8Array;
  /** Of a bzImage. */
  readonly setup: SetupHeader | undefined;
  /** The file that the load image is a part of, unpacked: what kexec_file_load(2) is given. */
  readonly whole: HeldPiece;
  /** Whether the load image is the file, byte for byte. */
  readonly isAsItIs: boolean;
  /** What a unified kernel image has besides. */
  readonly brought: {
    readonly initrd?: HeldPiece;
    readonly commandLine?: ByteString;
    readonly tree?: Uint8Array;
    /** Sections that firmware's stub would use, and nothing here does: `.ucode`. */
    readonly notUsed?: readonly string[];
  };
}

/** What a form of kernel is read to. */
type Found = Pick<Kernel, "layers" | "kind" | "machine" | "endian" | "pieces" | "whole"> &
  Partial<Pick<Kernel, "memsz" | "setup" | "isAsItIs" | "brought">>;

type FoundByForm = Omit<Found, "whole"> & Partial<Pick<Found, "whole">>;

/**
 * Opens a kernel's file. Of what is not compressed nothing of the kernel's size is read yet; else it is unpacked.
 * @throws Failure for what cannot be read, is cut off or corrupt, or is known to be no kernel
 */
export function openKernel(system: System, file: ByteString): Kernel {
  const whole = openPiece(system, "", file);
  if (pieceSize(whole) === 0) throw new Failure(file, "the file is empty");
  const found = find(system, whole, 1);
  const length = found.pieces.reduce((sum, piece) => sum + pieceSize(piece), 0);
  return {
    memsz: BigInt(length),
    setup: undefined,
    isAsItIs: false,
    brought: {},
    ...found,
    file,
    length,
    head: readStart(system, found.pieces, HEAD_SIZE),
  };
}

/** @param level 1 for the file itself */
function find(system: System, whole: HeldPiece, level: number): Found {
  if (level > MOST_LEVELS) throw new Failure(whole.name, `a kernel inside ${MOST_LEVELS} others`);
  return { whole, ...findByForm(system, whole, level) };
}

/** What is inside another form is found by `find` again, and is the whole then. */
function findByForm(system: System, whole: HeldPiece, level: number): FoundByForm {
  const start = readPiece(system, whole, 0, FORM_SPAN);
  const form = formOf(start);
  if (form === undefined) {
    const unknown = { machine: undefined, endian: undefined };
    return { layers: ["no header"], kind: "flat", ...unknown, pieces: [whole], isAsItIs: level === 1 };
  }
  switch (form.kind) {
    case "Image":
      return findImage(whole, start, form, level);
    case "bzImage":
      return { ...told(form, "bzImage"), ...findInBzImage(whole, start) };
    case "elf":
      return findInVmlinux(system, whole, form, level);
    case "packed":
    case "zboot":
    case "uImage":
      return within(form, find(system, takeOut(system, whole, form), level + 1));
    case "unified": {
      const { kernel, brought } = openUnified(system, whole);
      return { ...within(form, find(system, kernel, level + 1)), brought };
    }
    default:
      throw new Failure(whole.name, tellNoKernel(form, start));
  }
}

function told(form: Form, kind: Kernel["kind"]) {
  const endian = form.bigEndian ? ("big" as const) : ("little" as const);
  return { layers: [form.what], kind, machine: form.machine, endian };
}

function within({ kind, what, inside }: Form, found: Found): Found {
  const method = kind === "packed" ? undefined : inside?.method;
  const packed = method === undefined ? [] : [`compressed with ${method}`];
  return { ...found, layers: [what, ...packed, ...found.layers], isAsItIs: false };
}

/** What is known never to be loaded as a kernel, and what to do about it. */
function tellNoKernel(form: Form, start: Uint8Array): string {
  if (form.kind === "device tree blob" && isFit(start))
    return "a FIT (U-Boot): dumpimage -T flat_dt takes the kernel out";
  const fact = form.tell("kernel");
  return fact === form.what ? `${fact}, no kernel` : fact;
}

/** What an EFI zboot image holds is padded up to its size in memory, behind a signature too: that ends the file it is for. */
function findImage(whole: HeldPiece, start: Uint8Array, form: Form, level: number): FoundByForm {
  const headers = readPe(start);
  const size = pieceSize(whole);
  const end = headers === undefined ? 0 : endOfSections(headers);
  if (end > size) throw new Failure(whole.name, `${form.what}, cut off: ${size} bytes of at least ${end}`);
  const signed = headers?.signatureEnd ?? size;
  const isPadded = level > 1 && signed >= end && signed < size;
  const image = isPadded ? partOf(whole, 0, signed) : whole;
  return { ...told(form, "Image"), pieces: [image], whole: image, isAsItIs: level === 1 };
}

function findInVmlinux(system: System, whole: HeldPiece, form: Form, level: number): FoundByForm {
  if (form.machine === EM_X86_64) throw new Failure(whole.name, VMLINUX_INSTEAD);
  const wrapped = findSection((at, length) => readPiece(system, whole, at, length), WRAPPED_VMLINUX);
  if (wrapped !== undefined) {
    const zImage = { ...form, what: "a zImage, powerpc's boot wrapper", inside: wrapped };
    return within(zImage, find(system, takeOut(system, whole, zImage), level + 1));
  }
  const { pieces, memsz } = findInElf(system, whole);
  const inner = formOf(readStart(system, pieces, FORM_SPAN));
  const isImage = inner?.kind === "Image" && inner.machine === form.machine;
  const found = { ...told(form, isImage ? "Image" : "flat"), pieces, memsz };
  return isImage ? { ...found, layers: [form.what, inner.what] } : found;
}

/** The file that is inside another one, unpacked. */
function takeOut(system: System, whole: HeldPiece, form: Form): HeldPiece {
  const { offset = 0, size = pieceSize(whole) - offset, method } = form.inside ?? {};
  if (offset + size > pieceSize(whole)) {
    throw new Failure(whole.name, `${form.what}, cut off: ${pieceSize(whole)} bytes of at least ${offset + size}`);
  }
  const part = partOf(whole, offset, size);
  if (method === undefined) return part;
  const unpacked = isPacking(method) ? unpackPiece(system, part, method) : undefined;
  if (unpacked === undefined) throw new Failure(whole.name, form.tell("kernel"));
  return unpacked;
}
