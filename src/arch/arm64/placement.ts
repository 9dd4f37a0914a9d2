// Where an arm64 Image may lie. Linux: Documentation/arm64/booting.rst ("Call the kernel image").

import { ARM64_ALIGNMENT, type Arm64Header } from "./image.ts";

/** The memory of a kernel: its size in bytes, and its address as `offset` bytes above a multiple of `alignment`. */
export function kernelPiece({ textOffset, imageSize }: Arm64Header) {
  return { size: imageSize, alignment: ARM64_ALIGNMENT, offset: textOffset };
}
