// Whether a kernel's file carries a signature for UEFI Secure Boot, which kexec_file_load(2) checks on some machines.
// Microsoft's PE format; Linux crypto/asymmetric_keys/verify_pefile.c.

/** Bytes of a file's start that tell. */
export const SIGNATURE_SPAN = 4096;

const PE_HEADER_AT = 0x3c;
/** Bytes of a PE header before its optional header. */
const COFF_SIZE = 24;
/** By the optional header's magic, of 32 and 64 bits, where in it the data directories begin. */
const DIRECTORIES: ReadonlyMap<number, number> = new Map([
  [0x10b, 96],
  [0x20b, 112],
]);
/** The fifth data directory tells where the certificates are. */
const CERTIFICATES = 4 * 8;

/** @param head a file's start; false for what is no PE file */
export function carriesSignature(head: Uint8Array): boolean {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const word = (at: number): number => (at + 4 <= head.length ? view.getUint32(at, true) : 0);
  const short = (at: number): number => word(at) & 0xffff;
  if (short(0) !== 0x5a4d) return false;
  const header = word(PE_HEADER_AT);
  if (word(header) !== 0x4550) return false;
  const optional = header + COFF_SIZE;
  const directories = DIRECTORIES.get(short(optional));
  if (directories === undefined || word(optional + directories - 4) * 8 <= CERTIFICATES) return false;
  const entry = optional + directories + CERTIFICATES;
  return word(entry) !== 0 && word(entry + 4) !== 0;
}
