// What is in a unified kernel image: a kernel, and what it is started with. The UAPI group's Unified Kernel Image.

import { withoutEnd } from "../devicetree/names.ts";
import { Failure } from "../failure.ts";
import { type HeldPiece, partOf, pieceSize, readPiece } from "../kexec/piece.ts";
import { type PeSection, readPe } from "../pe.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

/** Bytes of headers that are read: more than the format lets them have where sections are named in 4 KiB. */
const HEADERS_SPAN = 16 * 1024;

/** More than any kernel takes of a command line, and of a tree. */
const MOST_TEXT = 64 * 1024;
const MOST_TREE = 16 * 1024 * 1024;

/** What the firmware's stub would use, and nothing here does. */
const NOT_USED = [".ucode", ".dtbauto", ".efifw", ".splash"];

export interface Unified {
  readonly kernel: HeldPiece;
  readonly brought: {
    readonly initrd?: HeldPiece;
    readonly commandLine?: ByteString;
    readonly tree?: Uint8Array;
    readonly notUsed?: readonly string[];
  };
}

/** @throws Failure for what is cut off, or has no kernel */
export function openUnified(system: System, whole: HeldPiece): Unified {
  const headers = readPe(readPiece(system, whole, 0, HEADERS_SPAN));
  if (headers === undefined) throw new Failure(whole.name, "a unified kernel image, and cut off");
  const sections = defaultProfile(headers.sections);
  const find = (name: string): HeldPiece | undefined => {
    const section = sections.get(name);
    return section && section.size > 0 ? cut(whole, section) : undefined;
  };
  const kernel = find(".linux");
  if (kernel === undefined) throw new Failure(whole.name, "a unified kernel image whose .linux is empty");
  const [initrd, text, tree] = [".initrd", ".cmdline", ".dtb"].map(find);
  const notUsed = NOT_USED.filter((name) => sections.has(name));
  return {
    kernel,
    brought: {
      ...(initrd && { initrd }),
      ...(text && { commandLine: readText(system, text) }),
      ...(tree && { tree: readPiece(system, refuseLarger(tree, ".dtb", MOST_TREE), 0, MOST_TREE) }),
      ...(notUsed.length > 0 && { notUsed }),
    },
  };
}

/** By their names: those of all profiles, which those of the first one stand in for. */
function defaultProfile(sections: readonly PeSection[]): ReadonlyMap<ByteString, PeSection> {
  const found = new Map<ByteString, PeSection>();
  let profiles = 0;
  for (const section of sections) {
    if (section.name === ".profile") profiles++;
    if (profiles < 2) found.set(section.name, section);
  }
  return found;
}

function cut(whole: HeldPiece, { name, offset, size }: PeSection): HeldPiece {
  if (offset + size > pieceSize(whole)) {
    throw new Failure(whole.name, `cut off: ${name} ends at ${offset + size}, the file at ${pieceSize(whole)}`);
  }
  return { ...partOf(whole, offset, size), name: `${whole.name}(${name})` };
}

function readText(system: System, piece: HeldPiece): ByteString {
  const text = system.text(readPiece(system, refuseLarger(piece, ".cmdline", MOST_TEXT), 0, MOST_TEXT));
  return withoutEnd(text, "\0 \t\n\v\f\r");
}

function refuseLarger(piece: HeldPiece, section: string, most: number): HeldPiece {
  if (pieceSize(piece) > most)
    throw new Failure(piece.name, `${section} has ${pieceSize(piece)} bytes, of at most ${most}`);
  return piece;
}
