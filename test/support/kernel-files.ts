// Files that kernels come in, whole: written by what the formats say, for what tools of other people's take apart again.

const ALIGNMENT = 512;

function padded(bytes: Uint8Array): Buffer<ArrayBuffer> {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & (ALIGNMENT - 1))]);
}

/** Where a PE file's header goes, whose first bytes are somebody else's. */
const PE_AT = 0x80;
const OPTIONAL_SIZE = 0xf0;

/** Of a PE32+ file: its machine, each section's name, and where its bytes are. `size` is its size in memory. */
interface Section {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

function writePe(bytes: Buffer, machine: number, sections: readonly Section[]): void {
  bytes.write("MZ", "latin1");
  bytes.writeUInt32LE(PE_AT, 0x3c);
  bytes.write("PE\0\0", PE_AT, "latin1");
  bytes.writeUInt16LE(machine, PE_AT + 4);
  bytes.writeUInt16LE(sections.length, PE_AT + 6);
  bytes.writeUInt16LE(OPTIONAL_SIZE, PE_AT + 20);
  bytes.writeUInt16LE(0x22, PE_AT + 22);
  const optional = PE_AT + 24;
  bytes.writeUInt16LE(0x20b, optional);
  bytes.writeUInt32LE(0x1000, optional + 32);
  bytes.writeUInt32LE(ALIGNMENT, optional + 36);
  bytes.writeUInt32LE(0x1000, optional + 56);
  bytes.writeUInt32LE(0x1000, optional + 60);
  bytes.writeUInt16LE(10, optional + 68);
  bytes.writeUInt32LE(16, optional + 108);
  let address = 0x1000;
  for (const [index, { name, offset, size }] of sections.entries()) {
    const at = optional + OPTIONAL_SIZE + 40 * index;
    bytes.write(name, at, "latin1");
    bytes.writeUInt32LE(size, at + 8);
    bytes.writeUInt32LE(address, at + 12);
    bytes.writeUInt32LE(size + (-size & (ALIGNMENT - 1)), at + 16);
    bytes.writeUInt32LE(offset, at + 20);
    bytes.writeUInt32LE(0x40000040, at + 36);
    address += size + (-size & 0xfff);
  }
}

/** A unified kernel image with these sections. */
export function unifiedImage(
  machine: number,
  contents: readonly (readonly [name: string, bytes: Uint8Array])[],
): Buffer<ArrayBuffer> {
  const sections: Section[] = [];
  const parts = [Buffer.alloc(0x1000)];
  let end = 0x1000;
  for (const [name, bytes] of contents) {
    sections.push({ name, offset: end, size: bytes.length });
    const part = padded(bytes);
    parts.push(part);
    end += part.length;
  }
  const file = Buffer.concat(parts);
  writePe(file, machine, sections);
  return file;
}

/**
 * An EFI zboot image (Linux drivers/firmware/efi/libstub/zboot-header.S and Makefile.zboot): behind what gzip and others
 * write there are four bytes with the size, but for gzip, which has that itself.
 */
export function zbootImage(machine: number, method: string, packed: Uint8Array, size: number): Buffer<ArrayBuffer> {
  const tail = Buffer.alloc(method === "gzip" ? 0 : 4);
  if (tail.length > 0) tail.writeUInt32LE(size);
  const start = 0x1000;
  const payload = padded(Buffer.concat([packed, tail]));
  const file = Buffer.concat([Buffer.alloc(start), payload]);
  writePe(file, machine, [{ name: ".text", offset: start, size: payload.length }]);
  file.write("zimg", 4, "latin1");
  file.writeUInt32LE(start, 8);
  file.writeUInt32LE(packed.length, 12);
  file.write(method, 24, "latin1");
  file.writeUInt32LE(0x818223cd, 0x38);
  return file;
}

/** The same Image with a signature behind it, as sbsign leaves it: a certificate of so many bytes. */
export function signedImage(image: Uint8Array, certificate: Uint8Array): Buffer<ArrayBuffer> {
  const file = Buffer.concat([image, certificate]);
  const optional = file.readUInt32LE(0x3c) + 24;
  file.writeUInt32LE(image.length, optional + 112 + 8 * 4);
  file.writeUInt32LE(certificate.length, optional + 112 + 8 * 4 + 4);
  return file;
}

/** An arm64 Image that is a PE file too, as Linux' EFI stub makes it, of `size` bytes in memory. */
export function efiImage(content: Uint8Array, size: number): Buffer<ArrayBuffer> {
  const file = Buffer.concat([Buffer.alloc(0x1000), content]);
  writePe(file, 0xaa64, [{ name: ".text", offset: 0x1000, size: content.length }]);
  file.writeUInt32LE(0xfa405a4d, 0);
  file.writeBigUInt64LE(BigInt(size), 16);
  file.writeBigUInt64LE(0x0an, 24);
  file.write("ARM\x64", 56, "latin1");
  return file;
}

/** U-Boot's header before a kernel, whose checksums are not looked at here. `method` is an ih_comp. */
export function uImageOf(method: number, content: Uint8Array): Buffer<ArrayBuffer> {
  const header = Buffer.alloc(64);
  header.write("27051956", "hex");
  header.writeUInt32BE(content.length, 12);
  header.set([5, 22, 2, method], 28);
  header.write("Linux", 32, "latin1");
  return Buffer.concat([header, content]);
}
