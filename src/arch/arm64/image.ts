// The header of an arm64 kernel's Image. Linux: Documentation/arm64/booting.rst.

import { max } from "../../range.ts";

export interface ImageHeader {
  /** Bytes from a multiple of {@link IMAGE_ALIGNMENT} to where the Image belongs. */
  readonly textOffset: bigint;
  /** Bytes that it takes in memory, from its start on: more than the file has. */
  readonly imageSize: bigint;
  /** Whether it uses memory below its own as well: all since Linux 4.6. */
  readonly isAnywhere: boolean;
  /** Whether the header says neither, and this is what such kernels want: those before Linux 3.17. */
  readonly isOld?: boolean;
}

/** Where an Image may lie: text_offset bytes after a multiple of 2 MiB. */
export const IMAGE_ALIGNMENT = 0x200000n;

/** What every kernel maps at least from a multiple of REACH_ALIGNMENT on, whatever its pages and its levels of tables. */
export const REACH = 32n * 0x4000_0000n;
export const REACH_ALIGNMENT = 0x4000_0000n;

/** "ARM\x64", little endian. */
const IMAGE_MAGIC = 0x644d5241;
const HEADER_SIZE = 64;

/** Of the flags. */
const ANYWHERE = 1n << 3n;

/** Where a kernel without image_size belongs, and what it should have of memory (booting.rst; kexec-tools has 16 MiB). */
const OLD_TEXT_OFFSET = 0x80000n;
const OLD_IMAGE_SIZE = 0x100_0000n;

/** Of a whole Image; undefined where the bytes do not begin with such a header. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  if (header.getUint32(56, true) !== IMAGE_MAGIC) return undefined;
  const imageSize = header.getBigUint64(16, true);
  const isAnywhere = (header.getBigUint64(24, true) & ANYWHERE) !== 0n;
  if (imageSize !== 0n) return { textOffset: header.getBigUint64(8, true), imageSize, isAnywhere };
  return { textOffset: OLD_TEXT_OFFSET, imageSize: max(OLD_IMAGE_SIZE, BigInt(bytes.length)), isAnywhere, isOld: true };
}
