// kexec_file_load(2): the kernel itself reads a kernel and an initrd from open files, and puts them where it likes.

import { EXIT } from "../failure.ts";
import type { System } from "../sys/system.ts";
import { KEXEC_FILE_NO_INITRAMFS, KEXEC_FILE_ON_CRASH, NO_FILE } from "./calls.ts";
import type { Explain } from "./causes.ts";
import type { KernelFiles } from "./file-checks.ts";
import { holdInterrupts, tellingWhatStays } from "./load.ts";
import { refusal } from "./refusal.ts";
import { isLoaded } from "./status.ts";
import { unloadFiles } from "./unload.ts";

export interface FileHelp {
  readonly explain: Explain;
  /** Whether the running kernel may look at a signature. */
  readonly checksSignature: boolean;
  /** Whether a jump follows at once. */
  readonly goesOn?: boolean | undefined;
}

/**
 * Loads a kernel. An interrupt that comes meanwhile waits for the call and then undoes it: 128 + the signal's number is
 * returned, otherwise 0.
 */
export function loadFiles(system: System, files: KernelFiles, help: FileHelp): number {
  const { kernel, initrd, crash } = files;
  const hadCrashKernel = crash && isLoaded(system, true) === true;
  const flags = (crash ? KEXEC_FILE_ON_CRASH : 0) | (initrd === undefined ? KEXEC_FILE_NO_INITRAMFS : 0);
  // Also of no length it has its NUL: x86-64 ends it by storing one before what it was given.
  const line = system.bytes(`${files.commandLine}\0`);
  const act = () => {
    const initrdFile = initrd?.descriptor ?? NO_FILE;
    const result = system.call("kexec_file_load", kernel.descriptor, initrdFile, line.length, line, flags);
    if (result < 0) throw refusal(system, { kind: "files", files, ...help, hadCrashKernel }, result);
    return EXIT.done;
  };
  const undo = () => tellingWhatStays("the image", () => unloadFiles(system, crash));
  return holdInterrupts(system, act, undo, help.goesOn);
}
