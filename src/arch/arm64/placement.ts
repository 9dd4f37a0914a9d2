// Where an arm64 Image may lie. Linux: Documentation/arm64/booting.rst ("Call the kernel image").

import { IMAGE_ALIGNMENT, type ImageHeader } from "./image.ts";

/** The memory of a kernel: its size in bytes, and its address as `offset` bytes above a multiple of `alignment`. */
export function kernelPiece({ textOffset, imageSize }: ImageHeader) {
  return { size: imageSize, alignment: IMAGE_ALIGNMENT, offset: textOffset };
}
