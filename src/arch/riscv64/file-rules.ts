// What kexec_file_load(2) takes on riscv64. Linux: arch/riscv/kernel/machine_kexec_file.c, kexec_elf.c, kexec_image.c.

import type { FileRules } from "../../kexec/file-checks.ts";
import { EM_RISCV } from "../../sys/abi.ts";

/** COMMAND_LINE_SIZE in arch/riscv/include/uapi/asm/setup.h, with the NUL. */
const COMMAND_LINE_SIZE = 1024;

export const fileRules: FileRules = {
  // The Image since Linux 6.16.
  product: "an Image or an ELF file for riscv64",
  accepts: (form) => (form?.kind === "Image" || form?.kind === "elf") && form.machine === EM_RISCV,
  errno: "ENOEXEC",
  commandLineSize: () => COMMAND_LINE_SIZE - 1,
  commandLineErrno: undefined,
  checksSignature: false,
};
