// The header of an arm64 kernel's Image, and the other forms that such a kernel is distributed in.
// Linux: Documentation/arm64/booting.rst, drivers/firmware/efi/libstub/zboot-header.S.

import { hex } from "../../failure.ts";
import { max } from "../../range.ts";

export interface ImageHeader {
  /** Bytes from a multiple of {@link IMAGE_ALIGNMENT} to where the Image belongs. */
  readonly textOffset: bigint;
  /** Bytes that it takes in memory, from its start on: more than the file has. */
  readonly imageSize: bigint;
  /** Whether the header says neither, and this is what such kernels want: those before Linux 3.17. */
  readonly isOld?: boolean;
}

/** Where an Image may lie: text_offset bytes after a multiple of 2 MiB. */
export const IMAGE_ALIGNMENT = 0x200000n;

/** "ARM\x64", little endian. */
const IMAGE_MAGIC = 0x644d5241;
const HEADER_SIZE = 64;

/** Where a kernel without image_size belongs, and what it should have of memory (booting.rst; kexec-tools has 16 MiB). */
const OLD_TEXT_OFFSET = 0x80000n;
const OLD_IMAGE_SIZE = 0x100_0000n;

/** "MZ\0\0" and "zimg", little endian. */
const PE_MAGIC = 0x5a4d;
const ZBOOT_MAGIC = 0x676d697a;

/** Of a whole Image; undefined where the bytes do not begin with such a header. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  if (header.getUint32(56, true) !== IMAGE_MAGIC) return undefined;
  const imageSize = header.getBigUint64(16, true);
  if (imageSize !== 0n) return { textOffset: header.getBigUint64(8, true), imageSize };
  return { textOffset: OLD_TEXT_OFFSET, imageSize: max(OLD_IMAGE_SIZE, BigInt(bytes.length)), isOld: true };
}

/** What a kernel has to be unpacked from before it can be entered, in words; undefined where it is nothing known. */
export function describePackedForm(bytes: Uint8Array): string | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  if (header.getUint16(0) === 0x1f8b) return "compressed with gzip: gunzip makes the Image of it";
  if (header.getUint16(0, true) !== PE_MAGIC || header.getUint32(4, true) !== ZBOOT_MAGIC) return undefined;
  const compression = String.fromCharCode(...bytes.subarray(24, 32)).replace(/[^a-z0-9].*$/, "");
  const offset = hex(header.getUint32(8, true));
  const size = hex(header.getUint32(12, true));
  return `an EFI zboot image: the Image is inside, ${compression} from byte ${offset} on, ${size} bytes`;
}
