// What kexec_file_load(2) would take on ppc: no kernel has it there (arch/powerpc/Kconfig, ARCH_SUPPORTS_KEXEC_FILE).

import type { FileRules } from "../../kexec/file-checks.ts";
import { EM_PPC } from "../../sys/abi.ts";

/** COMMAND_LINE_SIZE in arch/powerpc/include/uapi/asm/setup.h, with the NUL. */
const COMMAND_LINE_SIZE = 2048;

export const fileRules: FileRules = {
  product: "an ELF file for ppc, as a vmlinux is",
  accepts: (form) => form?.kind === "elf" && form.machine === EM_PPC,
  errno: "ENOEXEC",
  commandLineSize: () => COMMAND_LINE_SIZE - 1,
  commandLineErrno: undefined,
  checksSignature: false,
};
