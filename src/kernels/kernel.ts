// A kernel out of the file it comes in, known by its content: what of it is loaded, and what it says of itself.

import { type SetupHeader, VMLINUX_INSTEAD } from "../arch/x86_64/setup-header.ts";
import { isFit } from "../devicetree/format.ts";
import { findSection, WRAPPED_VMLINUX } from "../elf.ts";
import { Failure } from "../failure.ts";
import formOf, { type Form } from "../forms.ts";
import { FORM_SPAN, type HeldPiece, openPiece, type Piece, pieceSize, readPiece, readStart } from "../kexec/piece.ts";
import { EM_X86_64 } from "../sys/abi.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { findInBzImage } from "./bzimage.ts";
import { findInElf } from "./elf-image.ts";

/** Bytes of a load image that are looked at: more than any header, and where a kernel's own code tells of it. */
const HEAD_SIZE = 64 * 1024;

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
  };
}

/** What a form of kernel is read to. */
type Found = Pick<Kernel, "layers" | "kind" | "machine" | "endian" | "pieces" | "whole"> &
  Partial<Pick<Kernel, "memsz" | "setup" | "isAsItIs" | "brought">>;

type FoundByForm = Omit<Found, "whole"> & Partial<Pick<Found, "whole">>;

/**
 * Opens a kernel's file. Nothing of the kernel's size is read yet.
 * @throws Failure for what cannot be read, is cut off, or is known to be no kernel
 */
export function openKernel(system: System, file: ByteString): Kernel {
  const whole = openPiece(system, "", file);
  if (pieceSize(whole) === 0) throw new Failure(file, "the file is empty");
  const found = find(system, whole);
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

function find(system: System, whole: HeldPiece): Found {
  return { whole, ...findByForm(system, whole) };
}

/** What is inside another form is found by `find` again, and is the whole then. */
function findByForm(system: System, whole: HeldPiece): FoundByForm {
  const start = readPiece(system, whole, 0, FORM_SPAN);
  const form = formOf(start);
  if (form === undefined) {
    const unknown = { machine: undefined, endian: undefined };
    return { layers: ["no header"], kind: "flat", ...unknown, pieces: [whole], isAsItIs: true };
  }
  const { what, machine } = form;
  switch (form.kind) {
    case "Image": {
      const endian = form.bigEndian ? "big" : "little";
      return { layers: [what], kind: "Image", machine, endian, pieces: [whole], isAsItIs: true };
    }
    case "bzImage":
      return { layers: [what], kind: "bzImage", machine, endian: "little", ...findInBzImage(whole, start) };
    case "elf":
      return findInVmlinux(system, whole, form);
    default:
      throw new Failure(whole.name, tellNoKernel(form, start));
  }
}

/** What is known never to be loaded as a kernel, and what to do about it. */
function tellNoKernel(form: Form, start: Uint8Array): string {
  if (form.kind === "device tree blob" && isFit(start))
    return "a FIT (U-Boot): dumpimage -T flat_dt takes the kernel out";
  const fact = form.tell("kernel");
  return fact === form.what ? `${fact}, no kernel` : fact;
}

function findInVmlinux(system: System, whole: HeldPiece, form: Form): FoundByForm {
  if (form.machine === EM_X86_64) throw new Failure(whole.name, VMLINUX_INSTEAD);
  if (findSection((at, length) => readPiece(system, whole, at, length), WRAPPED_VMLINUX) !== undefined) {
    // With the names of its sections it is known for what it is.
    throw new Failure(whole.name, formOf(readPiece(system, whole, 0, pieceSize(whole)))?.tell("kernel") ?? form.what);
  }
  const { pieces, memsz } = findInElf(system, whole);
  const endian = form.bigEndian ? "big" : "little";
  const inner = formOf(readStart(system, pieces, FORM_SPAN));
  const isImage = inner?.kind === "Image" && inner.machine === form.machine;
  const layers = isImage ? [form.what, inner.what] : [form.what];
  return { layers, kind: isImage ? "Image" : "flat", machine: form.machine, endian, pieces, memsz };
}
