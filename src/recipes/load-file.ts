// Loading by kexec_file_load(2), without a command line: the files are opened and checked, and the kernel does the rest.

import { loadRules } from "../arch/load-rules.ts";
import { EXIT, escapeText, Failure } from "../failure.ts";
import formOf from "../forms.ts";
import type { FileWay } from "../kexec/causes.ts";
import {
  checkFiles,
  explainFiles,
  fileAvailable,
  HEAD_SPAN,
  type KernelFiles,
  type OpenFile,
  readFileFacts,
} from "../kexec/file-checks.ts";
import { loadFiles } from "../kexec/file-load.ts";
import { unlessFilesNotBuilt } from "../kexec/not-built.ts";
import { type HeldPiece, type Piece, pieceSize, readPiece } from "../kexec/piece.ts";
import { SegmentPlan } from "../kexec/plan.ts";
import { tellHeldMemory } from "../kexec/status.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import type { System } from "../sys/system.ts";
import { writePieces } from "./extract-kernel.ts";

export interface FileRequest {
  /** As the kernel is to read it: whole, and not compressed. */
  readonly kernel: HeldPiece;
  /** Several are joined, with zeros up to a multiple of 4 between them. */
  readonly initrds: readonly HeldPiece[];
  readonly commandLine: ByteString;
  readonly crash: boolean;
  readonly skipChecks?: boolean;
  /** `check` loads nothing. */
  readonly action?: "load" | "check";
  /** Gets what the kernel is given, as lines. This comes before the checks. */
  readonly show?: ((text: string) => void) | undefined;
  /** Whether a jump follows at once. */
  readonly goesOn?: boolean;
}

/** To memfd_create(2), linux/memfd.h. */
const MFD_CLOEXEC = 1;

/**
 * @returns the exit code: 0, or 128 + a signal's number where that undid the load
 * @throws Failure for what cannot be loaded here, or the kernel refuses
 */
export function loadFile(system: System, request: FileRequest): number {
  const { kernel, initrds, commandLine, crash } = request;
  const rules = loadRules[system.machine].files;
  const files: KernelFiles = {
    kernel: asFile(system, kernel.name, [kernel]),
    head: readPiece(system, kernel, 0, HEAD_SPAN),
    initrd: initrds.length === 0 ? undefined : asFile(system, namesOf(initrds), withPadding(initrds)),
    commandLine,
    crash,
  };
  const facts = readFileFacts(system);
  request.show?.(formatFiles(files));
  const isChecked = request.skipChecks !== true;
  if (request.action === "check") {
    if (isChecked) checkFiles(files, rules, facts);
    return EXIT.done;
  }
  const judge = () => {
    checkFiles(files, rules, facts);
    const fault = fileAvailable.find(files, rules, facts);
    if (fault !== undefined) throw new Failure(fault.place, fault.fact + tellHeldMemory(system));
  };
  if (isChecked) unlessFilesNotBuilt(system, judge);
  const explain = (result: number) => explainFiles(files, rules, facts, result);
  return loadFiles(system, files, { explain, checksSignature: rules.checksSignature, goesOn: request.goesOn });
}

/** The kernel as kexec_file_load(2) could be given it; undefined where that takes no such kernel. */
export function findFileWay(system: System, kernel: HeldPiece): FileWay | undefined {
  const { accepts, checksSignature } = loadRules[system.machine].files;
  const head = readPiece(system, kernel, 0, HEAD_SPAN);
  return accepts(formOf(head)) ? { name: kernel.name, head, checksSignature } : undefined;
}

function formatFiles({ kernel, initrd, commandLine, crash }: KernelFiles): string {
  const file = ({ name, status }: OpenFile) => `${name}, ${status.size} bytes`;
  const lines = [
    `kernel        ${file(kernel)}`,
    ...(initrd === undefined ? [] : [`initrd        ${file(initrd)}`]),
    `command line  ${commandLine}`,
    `kexec_file_load: the running kernel finds the places${crash ? ", in the crash kernel's memory" : ""}`,
  ];
  return lines.map((line) => `${escapeText(line)}\n`).join("");
}

function namesOf(pieces: readonly HeldPiece[]): ByteString {
  return pieces.map(({ name }) => name).join(" + ");
}

/** One archive after the other, each at a multiple of 4. */
function withPadding(initrds: readonly HeldPiece[]): readonly Piece[] {
  const joined = new SegmentPlan(0n, "initrd");
  for (const piece of initrds) {
    if (initrds.length > 1 && pieceSize(piece) === 0) throw new Failure(piece.name, "the file is empty");
    if (joined.length > 0) joined.pad();
    joined.append(piece);
  }
  return joined.pieces;
}

/** What is a file as a whole is taken as it is, with its signature; all else becomes one in memory. */
function asFile(system: System, name: ByteString, pieces: readonly Piece[]): OpenFile {
  const [piece] = pieces;
  if (pieces.length === 1 && piece?.kind === "file" && BigInt(piece.length) === piece.status.size) return piece;
  const descriptor = system.call("memfd_create", "joined", MFD_CLOEXEC);
  if (descriptor === -errno.ENOSYS) {
    throw new Failure(name, "the running kernel has no memfd_create, by which it becomes one file: write that before");
  }
  system.must(descriptor, `${name}: memfd_create`);
  writePieces(system, pieces, descriptor, `${name}: its copy in memory`);
  return { name, descriptor, status: system.must(system.status(descriptor), name) };
}
