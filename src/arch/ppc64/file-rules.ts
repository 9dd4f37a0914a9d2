// What kexec_file_load(2) takes on ppc64. Linux: arch/powerpc/kexec/elf_64.c, kernel/kexec_elf.c.

import type { FileRules } from "../../kexec/file-checks.ts";
import { EM_PPC64 } from "../../sys/abi.ts";

/** COMMAND_LINE_SIZE in arch/powerpc/include/uapi/asm/setup.h, with the NUL. */
const COMMAND_LINE_SIZE = 2048;

export const fileRules: FileRules = {
  product: "an ELF file for ppc64, as a vmlinux is",
  accepts: (form) => form?.kind === "elf" && form.machine === EM_PPC64,
  errno: "ENOEXEC",
  commandLineSize: () => COMMAND_LINE_SIZE - 1,
  commandLineErrno: undefined,
  checksSignature: false,
};
