// Files as people have them, by their first bytes: what the tools named beside them write, or what the formats say.

import { bzImage } from "./bzimage.ts";
import { cells } from "./tree.ts";
import { blobOfWords } from "./words.ts";

/** A file of 8 KiB that begins so. */
function padded(start: Uint8Array | string, size = 0x2000): Buffer {
  const bytes = Buffer.alloc(size, 0x5a);
  bytes.set(typeof start === "string" ? Buffer.from(start.replaceAll(" ", ""), "hex") : start);
  return bytes;
}

function text(...parts: readonly string[]): Buffer {
  return Buffer.from(parts.join(""), "latin1");
}

/** Of a 3 MB arm64 Image, by each tool; the hexadecimal digits are what it wrote first. */
export const packedForms: readonly (readonly [name: string, tool: string, bytes: Buffer])[] = [
  ["gzip", "gunzip", padded("1f8b0808ecfa086b0003496d61676500ec9c0f54")],
  ["gzip", "gunzip", padded("1f8b0800000000000203ec9c0f5454d79dc77fef")],
  ["xz", "unxz", padded("fd377a585a000004e6d6b4460200210116000000")],
  ["xz", "unxz", padded("fd377a585a0000016922de36020021011a000000")],
  // lzma, xz --format=lzma --lzma1=dict=64KiB, liblzma's preset 9, and an encoder that knows the size.
  ["lzma", "unlzma", padded("5d00008000ffffffffffffffff002696840ea209")],
  ["lzma", "unlzma", padded("5d00000100ffffffffffffffff002696840ea209")],
  ["lzma", "unlzma", padded("5d00000004ffffffffffffffff002696840ea209")],
  ["lzma", "unlzma", padded("5d00000002 c0c62d0000000000 002696840ea209")],
  // lz4, and lz4 -l, which is what Linux's own build takes.
  ["lz4", "unlz4", padded("04224d186470b9682b1f00954d5a40fa46634e14")],
  ["lz4", "unlz4", padded("02214c18682b1f00954d5a40fa46634e14000100")],
  ["lzop", "lzop -d", padded("894c5a4f000d0a1a0a1040208009400301000001")],
  ["bzip2", "bunzip2", padded("425a6839314159265359142024210373e57fffff")],
  // zstd of a file, of a pipe, and as zstd22 in Linux's build.
  ["zstd", "unzstd", padded("28b52ffd8458c0c62d001c8603ee13860915581")],
  ["zstd", "unzstd", padded("28b52ffd04581c8603ee13860915581038278f1a")],
  ["zstd", "unzstd", padded("28b52ffda4c0c62d00440803ca1a13b54d105829")],
];

interface Elf {
  readonly bits?: 32 | 64;
  readonly bigEndian?: boolean;
  readonly machine: number;
  /** Names of its sections. */
  readonly sections?: string;
}

/** An ELF file without anything to load. */
export function elf({ bits = 64, bigEndian = false, machine, sections }: Elf): Buffer {
  const bytes = Buffer.alloc(0x2000);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, bigEndian ? 2 : 1, 1]);
  const put = (value: number, at: number, size: number): void => {
    if (bigEndian) bytes.writeUIntBE(value, at, size);
    else bytes.writeUIntLE(value, at, size);
  };
  put(2, 16, 2);
  put(machine, 18, 2);
  if (sections === undefined) return bytes;
  // Two section headers at 0x1000, the second is that of their names at 0x1800.
  const wide = bits === 64;
  const [headers, sizes, entry] = wide ? [40, 58, 64] : [32, 46, 40];
  put(0x1000, headers + (bigEndian && wide ? 4 : 0), 4);
  for (const [index, value] of [entry, 2, 1].entries()) put(value, sizes + 2 * index, 2);
  const [offset, size] = wide ? [24, 32] : [16, 20];
  const names = 0x1000 + entry;
  put(0x1800, names + offset + (bigEndian && wide ? 4 : 0), 4);
  put(sections.length, names + size + (bigEndian && wide ? 4 : 0), 4);
  bytes.write(sections, 0x1800, "latin1");
  // The first is the last that is named.
  put(sections.lastIndexOf("\0", sections.length - 2) + 1, 0x1000, 4);
  return bytes;
}

/** A PE file: `MZ` and what follows it, its machine, its sections. */
export function portableExecutable(machine: number, sections: readonly string[], start = "MZ\x90\0"): Buffer {
  const bytes = Buffer.alloc(0x2000);
  bytes.write(start, "latin1");
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write("PE\0\0", 0x80, "latin1");
  bytes.writeUInt16LE(machine, 0x84);
  bytes.writeUInt16LE(sections.length, 0x86);
  bytes.writeUInt16LE(0xf0, 0x94);
  for (const [index, name] of sections.entries()) bytes.write(name, 0x188 + 40 * index, "latin1");
  return bytes;
}

/** zboot-header.S: 0xb00 bytes from 0x400 on. */
export function zboot(method: string, machine?: number): Buffer {
  const start = `MZ\0\0zimg\0\x04\0\0\0\x0b\0\0\0\0\0\0\0\0\0\0${method}`;
  if (machine !== undefined) return portableExecutable(machine, [".text", ".data"], start);
  return padded(Buffer.concat([Buffer.from(start, "latin1"), Buffer.alloc(64)]));
}

/** A header as Debian's arm64 kernels have it. `flags`: bit 0 is big endian, 1 and 2 the page size. */
export function arm64Image(flags = 0x0a): Buffer {
  const bytes = padded("4d5a40fa46634e1400000000000000000000ab0100000000");
  bytes.fill(0, 24, 56);
  bytes[24] = flags;
  bytes.write("ARM\x64\x40\0\0\0PE\0\0\x64\xaa\x02\0", 56, "latin1");
  return bytes;
}

/** boot-image-header.rst. */
export function riscvImage(): Buffer {
  const bytes = portableExecutable(0x5064, [".text", ".data"], "MZ\x6f\x10");
  bytes.write("RISCV\0\0\0RSC\x05", 48, "latin1");
  return bytes;
}

/** arch/arm/boot/compressed/head.S. */
export function armZImage(): Buffer {
  const bytes = padded("0000a0e1".repeat(8));
  bytes.writeUInt32LE(0x016f2818, 36);
  return bytes;
}

/** mkimage's header, before `content`. ih_os 5 is Linux, ih_arch 22 arm64. */
export function uImage(type: number, method: number): Buffer {
  const start = "27051956b4fc0d4e6b08fb6a0016198a00080000000800004becdb6a0516";
  return padded(Buffer.concat([Buffer.from(start, "hex"), Buffer.of(type, method), text("Linux\0")]));
}

/** A FIT as mkimage -f makes it, of which only the beginning is there. */
export function fit(first = "images"): Buffer {
  const name = [...cells(0, 0)];
  for (const [at, character] of [...first].entries()) name[at] = character.charCodeAt(0);
  const words = Buffer.from(name);
  const property = [3, 5, 0, 0x6b65726e, 0x656c0000];
  return blobOfWords(1, 0, ...property, 4, 1, words.readUInt32BE(0), words.readUInt32BE(4), 2, 2, 9);
}

export const ramdisk = padded(text("07070100000001000041ed00000000"));

/** What is no kernel, whoever looks. */
export const strangers: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["a cpio archive, as an initramfs is", ramdisk],
  ["a cpio archive, as an initramfs is", padded(text("070702000000AB000041ED00000000"))],
  ["a squashfs file system", padded(text("hsqs\x05\0\0\0"))],
  ["an ar archive, as a Debian package is", padded(text("!<arch>\ndebian-binary   "))],
  ["an rpm package", padded("edabeedb0300000000ff6b65726e656c")],
  ["a tar archive", padded(Buffer.concat([Buffer.alloc(257, 0x30), text("ustar\x0000")]))],
  ["a script", padded(text("#!/bin/sh\nexec true\n"))],
  ["a uImage (U-Boot) of an initrd", uImage(3, 0)],
];

/** How kernels, and stubs of other people's, begin: what must never be taken for a form. */
export const code: readonly (readonly [what: string, bytes: Buffer])[] = [
  ["Debian's ppc64le 6.1", padded("480000082c0000487d6000a6696b0001394000007d410164429f00057d4802a6394a0014")],
  ["a big endian ppc64 kernel", padded("080000484800002c7d6000a6696b0001394000007d410164")],
  ["Debian's x86-64 6.1", padded("fcfa8da6e8010000e8000000005d83ed0d8d851010d8008940020f0110b8180000008ed8")],
  ["Debian's x86-64 5.10", padded("fcfa8da6e8010000e8000000005d83ed0d8d851000b9008940020f0110b8180000008ed8")],
  ["an arm64 kernel without a header", padded("df4203d5a10038d5000040b9c0035fd6")],
  ["code that begins with MZ", padded("4d5a9090fa31c08ed8")],
  ["zeros", Buffer.alloc(0x2000)],
];

export { bzImage };
