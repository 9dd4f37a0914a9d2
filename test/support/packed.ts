// The packed part of an executable of the small engine.

/** The magic of a frame of Zstandard, RFC 8878 3.1.1. */
const FRAME = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd);

/** A copy whose packed part, the last thing that looks like a frame, cannot be unpacked. */
export function damagePacked(executable: Uint8Array): Uint8Array {
  const copy = Buffer.from(executable);
  const place = copy.lastIndexOf(FRAME);
  return copy.fill(0xff, place + 2000, place + 2100);
}
