// What is loaded of a kernel's file, and how much memory that takes: one function for each form kernels come in.

import { readImageHeader } from "../src/arch/arm64/image.ts";
import type { KernelShape } from "../src/arch/placement.ts";
import { readImageSize } from "../src/arch/riscv64/image.ts";
import { readSetupHeader } from "../src/arch/x86_64/setup-header.ts";
import { type FlatImage, flatten, isElf, readElf } from "../src/elf.ts";
import { Failure } from "../src/failure.ts";
import { FORM_SPAN } from "../src/kexec/piece.ts";

export interface KernelImage extends FlatImage {
  /** Of what is loaded. */
  readonly shape: KernelShape;
  /** undefined where the form does not say it. */
  readonly endian?: "big" | "little";
}

/** @throws Failure where a file is no kernel of this form; `name` is the file's */
export type ReadKernelImage = (name: string, bytes: Uint8Array) => KernelImage;

/**
 * An ELF file for one machine: what `objcopy -O binary vmlinux vmlinux.kexec` makes of it.
 * @param machine its e_machine
 */
export function elfImage(machine: number): ReadKernelImage {
  return (name, bytes) => {
    const elf = readElf(name, bytes);
    if (elf.machine !== machine) throw new Failure(name, `made for ELF machine ${elf.machine}, not for ${machine}`);
    return { ...asFlat(flatten(elf)), endian: elf.endian };
  };
}

/** The same, or what objcopy has made of it already: a file without any header. Its .bss is not known then. */
export function elfOrFlatImage(machine: number): ReadKernelImage {
  const elf = elfImage(machine);
  return (name, bytes) => (isElf(bytes) ? elf(name, bytes) : asFlat({ bytes, memsz: bytes.length }));
}

function asFlat({ bytes, memsz }: FlatImage): KernelImage {
  return { bytes, memsz, shape: { length: bytes.length, memsz: BigInt(memsz), head: bytes, setup: undefined } };
}

/** An arm64 Image, which is loaded as it is. */
export const arm64Image: ReadKernelImage = (name, bytes) => {
  const header = readImageHeader(bytes);
  if (header === undefined) throw new Failure(name, "not an arm64 Image");
  return asFlat({ bytes, memsz: Number(header.imageSize) });
};

/** A riscv64 Image, the same. */
export const riscv64Image: ReadKernelImage = (name, bytes) => {
  const size = readImageSize(bytes);
  if (size === undefined) throw new Failure(name, "not a riscv64 Image");
  return asFlat({ bytes, memsz: Number(size) });
};

/** A bzImage as it is. Its setup code, which is not loaded, counts in its bytes and in its memory. */
export const bzImage: ReadKernelImage = (name, bytes) => {
  const header = readSetupHeader(name, bytes.subarray(0, FORM_SPAN), bytes.length);
  const length = bytes.length - header.kernelStart;
  const shape = { length, memsz: BigInt(length), head: bytes.subarray(header.kernelStart), setup: header };
  return { bytes, memsz: header.kernelStart + header.initSize, shape };
};
