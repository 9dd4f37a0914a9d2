// The start of an EFI program with or without a signature: what of it tells, by Microsoft's PE format.

export interface Program {
  readonly signed: boolean;
  /** Data directories that it says it has; 16 unless said. */
  readonly directories?: number;
  readonly bits?: 32 | 64;
}

/** 1 KiB of headers. */
export function signedProgram({ signed, directories = 16, bits = 64 }: Program): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write("MZ", 0, "latin1");
  const header = 0x80;
  bytes.writeUInt32LE(header, 0x3c);
  bytes.write("PE\0\0", header, "latin1");
  const optional = header + 24;
  bytes.writeUInt16LE(bits === 64 ? 0x20b : 0x10b, optional);
  const table = optional + (bits === 64 ? 112 : 96);
  bytes.writeUInt32LE(directories, table - 4);
  // Export, import, resource, exception, certificate.
  if (signed) {
    bytes.writeUInt32LE(0x12345, table + 4 * 8);
    bytes.writeUInt32LE(0x678, table + 4 * 8 + 4);
  }
  return bytes;
}
