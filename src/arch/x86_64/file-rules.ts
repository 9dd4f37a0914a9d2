// What kexec_file_load(2) takes on x86_64. Linux: arch/x86/kernel/kexec-bzimage64.c.

import { Failure } from "../../failure.ts";
import type { FileRules } from "../../kexec/file-checks.ts";
import { hasSetupHeader, readKernelNeeds, readSetupHeader } from "./setup-header.ts";

/** Bytes that the kernel keeps free in every command line, for a crash kernel's elfcorehdr=, and the NUL. */
const KEPT_FREE = 30 + 1;

export const fileRules: FileRules = {
  product: "a bzImage",
  accepts: (form) => form?.kind === "bzImage",
  errno: "ENOEXEC",
  judge,
  commandLineSize: (head) => (hasSetupHeader(head) ? readKernelNeeds(head).commandLineSize : 2048) - KEPT_FREE,
  commandLineErrno: "EINVAL",
  checksSignature: true,
};

function judge(head: Uint8Array, size: number): ReturnType<NonNullable<FileRules["judge"]>> {
  try {
    if (readSetupHeader("", head, size).above4G) return undefined;
    return { fact: "cannot be loaded above 4 GiB, and kexec_file_load takes no such bzImage", errno: "ENOEXEC" };
  } catch (error) {
    if (error instanceof Failure) return { fact: error.fact, errno: "ENOEXEC" };
    throw error;
  }
}
