// What kexec_file_load(2) takes on arm64. Linux: arch/arm64/kernel/kexec_image.c, machine_kexec_file.c.

import type { FileRules } from "../../kexec/file-checks.ts";
import { EM_AARCH64 } from "../../sys/abi.ts";
import { readImageHeader } from "./image.ts";

/** COMMAND_LINE_SIZE in arch/arm64/include/uapi/asm/setup.h, with the NUL. */
const COMMAND_LINE_SIZE = 2048;

export const fileRules: FileRules = {
  product: "an Image for arm64",
  accepts: (form) => form?.kind === "Image" && form.machine === EM_AARCH64,
  errno: "EINVAL",
  judge: (head) =>
    readImageHeader(head)?.isOld === true
      ? { fact: "has no image_size, without which kexec_file_load takes no Image", errno: "EINVAL" }
      : undefined,
  commandLineSize: () => COMMAND_LINE_SIZE - 1,
  commandLineErrno: undefined,
  checksSignature: true,
};
