// The header of a riscv64 kernel's Image. Linux: Documentation/arch/riscv/boot-image-header.rst.

/** Where an Image may lie (Documentation/arch/riscv/boot.rst, "Kernel location"); anywhere else it stops without a word. */
export const IMAGE_ALIGNMENT = 0x200000n;

/** The kernel's last one is its own up to the end (arch/riscv/mm/init.c setup_bootmem). */
export const LARGE_PAGE = 0x200000n;

/** RISCV_IMAGE_MAGIC2, "RSC\x05", little endian. */
const IMAGE_MAGIC = 0x05435352;
const HEADER_SIZE = 64;

/** Bytes that an Image takes in memory, from its start on; undefined where the bytes do not begin with such a header. */
export function readImageSize(bytes: Uint8Array): bigint | undefined {
  if (bytes.length < HEADER_SIZE) return undefined;
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_SIZE);
  return header.getUint32(56, true) === IMAGE_MAGIC ? header.getBigUint64(16, true) : undefined;
}
