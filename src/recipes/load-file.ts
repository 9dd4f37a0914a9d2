// Loading by kexec_file_load(2), without a command line: the files are opened and checked, and the kernel does the rest.

import { loadRules } from "../arch/load-rules.ts";
import { EXIT } from "../failure.ts";
import {
  checkFiles,
  explainFiles,
  HEAD_SPAN,
  type KernelFiles,
  type OpenFile,
  readFileFacts,
} from "../kexec/file-checks.ts";
import { loadFiles } from "../kexec/file-load.ts";
import { joinInMemory } from "../kexec/memory-file.ts";
import { openPiece, type Piece } from "../kexec/piece.ts";
import { SegmentPlan } from "../kexec/plan.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

export interface FileRequest {
  readonly kernel: ByteString;
  /** Several are joined, with zeros up to a multiple of 4 between them. */
  readonly initrds: readonly ByteString[];
  readonly commandLine: ByteString;
  readonly crash: boolean;
  readonly skipChecks?: boolean;
  /** `check` loads nothing. */
  readonly action?: "load" | "check";
}

/**
 * @returns the exit code: 0, or 128 + a signal's number where that undid the load
 * @throws Failure for what cannot be loaded here, or the kernel refuses
 */
export function loadFile(system: System, request: FileRequest): number {
  const rules = loadRules[system.machine].files;
  const files = openFiles(system, request);
  const facts = readFileFacts(system);
  if (request.skipChecks !== true) checkFiles(files, rules, facts);
  if (request.action === "check") return EXIT.done;
  const explain = (result: number) => explainFiles(files, rules, facts, result);
  return loadFiles(system, files, { explain, checksSignature: rules.checksSignature });
}

function openFiles(system: System, { kernel: name, initrds, commandLine, crash }: FileRequest): KernelFiles {
  const kernel = { name, ...system.mustOpenFile(name) };
  return { kernel, head: readHead(system, kernel), initrd: openInitrd(system, initrds), commandLine, crash };
}

function readHead(system: System, { name, descriptor }: OpenFile): Uint8Array {
  const head = new Uint8Array(HEAD_SPAN);
  return head.subarray(0, system.must(system.readAt(descriptor, head, 0n), name));
}

function openInitrd(system: System, names: readonly ByteString[]): OpenFile | undefined {
  const pieces = names.map((name) => openPiece(system, "initrd", name));
  const [first] = pieces;
  if (pieces.length === 1 && first?.kind === "file") return first;
  return pieces.length === 0 ? undefined : joinInMemory(system, names.join(" + "), withPadding(pieces));
}

function withPadding(pieces: readonly Piece[]): readonly Piece[] {
  const joined = new SegmentPlan(0n, "initrd");
  for (const piece of pieces) {
    joined.pad();
    joined.append(piece);
  }
  return joined.pieces;
}
