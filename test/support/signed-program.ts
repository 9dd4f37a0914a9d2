// The start of an EFI program with or without a signature: what of it tells, by Microsoft's PE format.

/** 1 KiB of headers, without sections. */
export function signedProgram({ signed }: { readonly signed: boolean }): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write("MZ", 0, "latin1");
  const header = 0x80;
  bytes.writeUInt32LE(header, 0x3c);
  bytes.write("PE\0\0", header, "latin1");
  const optional = header + 24;
  const directories = optional + 112;
  bytes.writeUInt16LE(112 + 16 * 8, header + 20);
  bytes.writeUInt16LE(0x20b, optional);
  bytes.writeUInt32LE(16, directories - 4);
  // Export, import, resource, exception, certificate.
  if (signed) {
    bytes.writeUInt32LE(0x12345, directories + 4 * 8);
    bytes.writeUInt32LE(0x678, directories + 4 * 8 + 4);
  }
  return bytes;
}
