// What is loaded of a bzImage: the kernel behind its setup sectors, which are for real mode.

import { readSetupHeader, type SetupHeader } from "../arch/x86_64/setup-header.ts";
import { type HeldPiece, partOf, pieceSize } from "../kexec/piece.ts";

/**
 * @param start its first FORM_SPAN bytes, or all there are
 * @throws Failure for what is no bzImage, has no 64-bit entry point, or is cut off
 */
export function findInBzImage(whole: HeldPiece, start: Uint8Array): { setup: SetupHeader; pieces: HeldPiece[] } {
  const size = pieceSize(whole);
  const setup = readSetupHeader(whole.name, start, size);
  return { setup, pieces: [partOf(whole, setup.kernelStart, size - setup.kernelStart)] };
}
