// What can be known to be wrong with files for kexec_file_load(2) before the kernel is asked.
// Linux: kernel/kexec_file.c, fs/kernel_read_file.c, arch/*/kernel/kexec*image*.c, arch/powerpc/kexec/elf_64.c.

import { Failure, hex } from "../failure.ts";
import formOf, { type Form } from "../forms.ts";
import type { ByteString } from "../sys/engine.ts";
import { type ErrnoName, errno } from "../sys/errno.ts";
import type { FileStatus, System } from "../sys/system.ts";
import type { Finding } from "./check.ts";
import { availableOf, readMemory, refuseBlind, tellShortage, whyBlind } from "./facts.ts";
import { readCrashSize } from "./status.ts";

export interface OpenFile {
  /** For messages. */
  readonly name: ByteString;
  readonly descriptor: number;
  readonly status: FileStatus;
}

/** What kexec_file_load(2) is given. */
export interface KernelFiles {
  readonly kernel: OpenFile;
  /** The kernel's first bytes, up to HEAD_SPAN. */
  readonly head: Uint8Array;
  readonly initrd: OpenFile | undefined;
  /** Without its NUL. */
  readonly commandLine: ByteString;
  readonly crash: boolean;
}

/** Bytes of a kernel that tell what it is. */
export const HEAD_SPAN = 64 * 1024;

/** Of each machine: what kernels that call takes. */
export interface FileRules {
  /** `a bzImage`. */
  readonly product: string;
  accepts(form: Form | undefined): boolean;
  /** What the kernel answers to others. */
  readonly errno: ErrnoName;
  /** What is wrong with a kernel of the right form, of `size` bytes. */
  judge?(head: Uint8Array, size: number): { readonly fact: string; readonly errno: ErrnoName } | undefined;
  /** The longest command line, without its NUL. */
  commandLineSize(head: Uint8Array): number;
  /** What the kernel answers to a longer one; undefined: it takes it, and the next kernel cuts it off. */
  readonly commandLineErrno: ErrnoName | undefined;
  /** Whether kernels are signed as EFI programs are, and the call can check it; otherwise it checks no signature. */
  readonly checksSignature: boolean;
}

export interface FileCheck {
  readonly name: string;
  find(files: KernelFiles, rules: FileRules, facts: FileFacts): FileFinding | undefined;
}

export interface FileFinding extends Finding {
  /** What the kernel would answer; undefined for what it does not look at. */
  readonly errno: ErrnoName | undefined;
}

export interface FileFacts {
  /** Why nothing of the machine is known; undefined where anything is. */
  readonly blind?: string | undefined;
  /** Bytes of half of the RAM; undefined where that is not known. */
  readonly halfOfRam: bigint | undefined;
  /** Bytes that the kernel finds without ending a process; undefined where it does not tell. */
  readonly available: bigint | undefined;
  /** Bytes that crashkernel= has reserved. */
  readonly crashSize: bigint | undefined;
}

/** KEXEC_FILE_SIZE_MAX, 2 GiB before Linux 6.0. */
const LARGEST_FILE = 1n << 32n;

/** In the order in which the kernel looks. */
export const fileChecks: readonly FileCheck[] = [
  { name: "file-size", find: wrongSize },
  { name: "file-form", find: wrongForm },
  { name: "file-kernel", find: wrongKernel },
  { name: "file-command-line", find: longCommandLine },
  { name: "file-crashkernel", find: outsideCrashkernel },
  { name: "file-half-of-ram", find: overHalfOfRam },
];

/** Last, and for those who load at once: see `available` of checks.ts. */
export const fileAvailable: FileCheck = { name: "file-available", find: overAvailable };

export function readFileFacts(system: System): FileFacts {
  const memory = readMemory(system);
  const totalRam = memory("MemTotal");
  return {
    blind: whyBlind(system, totalRam),
    halfOfRam: totalRam && totalRam / 2n,
    available: availableOf(memory),
    crashSize: readCrashSize(system),
  };
}

/** @throws Failure for the first thing that is wrong, or where nothing of the machine is known */
export function checkFiles(files: KernelFiles, rules: FileRules, facts: FileFacts): void {
  refuseBlind(facts.blind);
  for (const { find } of fileChecks) {
    const finding = find(files, rules, facts);
    if (finding !== undefined) throw new Failure(finding.place, finding.fact);
  }
}

/** What explains the kernel's `result`, for those who skipped the checks. */
export function explainFiles(
  files: KernelFiles,
  rules: FileRules,
  facts: FileFacts,
  result: number,
): string | undefined {
  for (const { find } of fileChecks) {
    const finding = find(files, rules, facts);
    if (finding?.errno !== undefined && errno[finding.errno] === -result) return `${finding.place}: ${finding.fact}`;
  }
  return undefined;
}

function wrongSize({ kernel, initrd }: KernelFiles): FileFinding | undefined {
  for (const { name, status } of initrd === undefined ? [kernel] : [kernel, initrd]) {
    if (status.size === 0n) return { place: name, fact: "the file is empty", errno: "EINVAL" };
    if (status.size <= LARGEST_FILE) continue;
    const fact = `${status.size} bytes, of which kexec_file_load takes ${LARGEST_FILE}`;
    return { place: name, fact, errno: "EFBIG" };
  }
  return undefined;
}

function wrongForm({ kernel, head }: KernelFiles, { product, accepts, errno }: FileRules): FileFinding | undefined {
  const form = formOf(head);
  if (accepts(form)) return undefined;
  const what = form?.what ?? "nothing that is known";
  return { place: kernel.name, fact: `is ${what}; kexec_file_load takes ${product} here`, errno };
}

function wrongKernel({ kernel, head }: KernelFiles, { judge }: FileRules): FileFinding | undefined {
  const wrong = judge?.(head, Number(kernel.status.size));
  return wrong && { place: kernel.name, ...wrong };
}

function longCommandLine({ commandLine, head }: KernelFiles, rules: FileRules): FileFinding | undefined {
  const size = rules.commandLineSize(head);
  if (commandLine.length <= size) return undefined;
  const fact = `${commandLine.length} bytes, of which kexec_file_load takes ${size} with this kernel`;
  return { place: "command line", fact, errno: rules.commandLineErrno };
}

function outsideCrashkernel(
  { crash, initrd }: KernelFiles,
  _: FileRules,
  { crashSize }: FileFacts,
): FileFinding | undefined {
  if (!crash || crashSize === undefined) return undefined;
  if (crashSize === 0n) {
    const fact = "no memory is reserved for a crash kernel: boot with crashkernel=SIZE";
    return { place: "-p", fact, errno: "EADDRNOTAVAIL" };
  }
  if (initrd === undefined || initrd.status.size < crashSize) return undefined;
  const fact = `${hex(initrd.status.size)} bytes do not fit into the crash kernel's memory of ${hex(crashSize)}`;
  return { place: initrd.name, fact, errno: "EADDRNOTAVAIL" };
}

/** How much of its file a kernel takes is not known here. */
function overHalfOfRam({ initrd }: KernelFiles, _: FileRules, { halfOfRam }: FileFacts): FileFinding | undefined {
  if (initrd === undefined || halfOfRam === undefined || initrd.status.size <= halfOfRam) return undefined;
  const fact = `${hex(initrd.status.size)} bytes are more than half of the RAM, ${hex(halfOfRam)}`;
  return { place: initrd.name, fact, errno: "EINVAL" };
}

/** The least that it takes: the kernel's file while it is read, and the initrd also until the jump. See overAvailable() of checks.ts. */
function overAvailable(
  { kernel, initrd, crash }: KernelFiles,
  _: FileRules,
  facts: FileFacts,
): FileFinding | undefined {
  const { available } = facts;
  if (available === undefined || crash) return undefined;
  const sum = kernel.status.size + 2n * (initrd?.status.size ?? 0n);
  if (sum <= available) return undefined;
  const place = initrd === undefined ? kernel.name : `${kernel.name} and ${initrd.name}`;
  return { place, fact: tellShortage(sum, "while it is loaded", available), errno: undefined };
}
