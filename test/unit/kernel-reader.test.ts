// openKernel: what of a file is loaded, for each form that kernels come in, and what is refused.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { Failure } from "../../src/failure.ts";
import { type Kernel, openKernel } from "../../src/kernels/kernel.ts";
import { assemble } from "../../src/kexec/image.ts";
import type { Piece } from "../../src/kexec/piece.ts";
import { Plan } from "../../src/kexec/plan.ts";
import { System } from "../../src/sys/system.ts";
import { bzImage } from "../support/bzimage.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  arm64Image,
  code,
  elf as elfHeader,
  fit,
  portableExecutable,
  ramdisk,
  riscvImage,
  strangers,
  uImage,
} from "../support/forms.ts";
import { efiImage, signedImage, uImageOf, unifiedImage, zbootImage } from "../support/kernel-files.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder();
const system = new System(fakeEngine());

function open(bytes: Uint8Array): Kernel {
  writeFileSync(folder.in("FILE"), bytes);
  return openKernel(system, folder.in("FILE"));
}

function refused(bytes: Uint8Array): string {
  try {
    open(bytes);
  } catch (error) {
    if (error instanceof Failure) return error.message.replaceAll(folder.in("FILE"), "FILE");
    throw error;
  }
  return "taken";
}

/** The segment that the pieces become. */
function loaded(pieces: readonly Piece[]): Buffer {
  const plan = new Plan();
  const segment = plan.open(0n, "-a");
  for (const piece of pieces) segment.append(piece);
  return Buffer.from(present(assemble(system, plan, []).segments[0]).bytes);
}

interface Load {
  /** Where in the file, and in memory. */
  readonly offset: number;
  readonly physical: number;
  readonly fileSize: number;
  readonly memorySize?: number;
}

const HIGH = 0xc000_0000_0000_0000n;

/** A 64-bit ELF file with these PT_LOADs, virtual at HIGH + physical, of bytes that tell where they stand. */
function elf(machine: number, loads: readonly Load[], { entry = HIGH, size = 0x3000, bigEndian = false } = {}): Buffer {
  const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, at) => 1 + (at % 251)));
  elfHeader({ machine, bigEndian }).copy(bytes, 0, 0, 64);
  const put = (value: bigint | number, at: number, width: 2 | 4 | 8): void => {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at, width);
    if (width === 2) view.setUint16(0, Number(value), !bigEndian);
    else if (width === 4) view.setUint32(0, Number(value), !bigEndian);
    else view.setBigUint64(0, BigInt(value), !bigEndian);
  };
  put(entry, 24, 8);
  put(64, 32, 8);
  put(56, 54, 2);
  put(loads.length, 56, 2);
  for (const [index, { offset, physical, fileSize, memorySize = fileSize }] of loads.entries()) {
    const at = 64 + 56 * index;
    put(1, at, 4);
    put(7, at + 4, 4);
    const fields = [offset, HIGH + BigInt(physical), physical, fileSize, memorySize];
    for (const [field, value] of fields.entries()) put(value, at + 8 + 8 * field, 8);
  }
  return bytes;
}

describe("an ELF file", () => {
  const loads = [
    { offset: 0x2000, physical: 0x1000, fileSize: 0x123, memorySize: 0x4000 },
    { offset: 0x1000, physical: 0, fileSize: 0x800 },
  ];

  test("is loaded as its PT_LOADs lie in memory, zeros in the gaps, .bss counted", () => {
    const bytes = elf(21, loads);
    const { pieces, length, memsz, head, ...kernel } = open(bytes);
    const wanted = Buffer.alloc(0x1123);
    bytes.copy(wanted, 0, 0x1000, 0x1800);
    bytes.copy(wanted, 0x1000, 0x2000, 0x2123);
    expect(loaded(pieces)).toEqual(wanted);
    expect(Buffer.from(head)).toEqual(wanted);
    expect([length, memsz]).toEqual([0x1123, 0x5000n]);
    expect(kernel).toMatchObject({ kind: "flat", machine: 21, endian: "little", isAsItIs: false, brought: {} });
    expect(kernel.layers).toEqual(["an ELF file for ppc64"]);
    expect(open(elf(21, loads, { bigEndian: true }))).toMatchObject({ endian: "big", machine: 21 });
  });

  test("with segments of memory alone counts them, and what has neither bytes nor memory nowhere", () => {
    const empty = { offset: 0, physical: 0x7000, fileSize: 0 };
    const { length, memsz } = open(
      elf(21, [...loads, { ...empty, memorySize: 0x100 }, { ...empty, physical: 0x9000 }]),
    );
    expect([length, memsz]).toEqual([0x1123, 0x7100n]);
  });

  test("for arm64 is loaded as the Image that it is linked from", () => {
    const bytes = elf(183, [{ offset: 0x1000, physical: 0, fileSize: 0x1800 }]);
    arm64Image().copy(bytes, 0x1000, 0, 64);
    expect(open(bytes)).toMatchObject({
      kind: "Image",
      machine: 183,
      layers: ["an ELF file for arm64", "an Image for arm64"],
    });
  });

  test("is entered at its first byte, be it by its virtual or its physical address or by a descriptor, or not at all", () => {
    const only = [{ offset: 0x1000, physical: 0x10000, fileSize: 0x1000 }];
    expect(open(elf(21, only, { entry: HIGH + 0x10000n })).length).toBe(0x1000);
    expect(open(elf(21, only, { entry: 0x10000n })).length).toBe(0x1000);
    const described = elf(21, only, { entry: HIGH + 0x10800n, bigEndian: true });
    described.writeBigUInt64BE(HIGH + 0x10000n, 0x1800);
    expect(open(described).length).toBe(0x1000);
    described.writeBigUInt64BE(HIGH + 0x10004n, 0x1800);
    for (const bytes of [described, elf(21, only, { entry: HIGH + 0x10800n })]) {
      expect(refused(bytes)).toBe(
        "FILE: is entered at 0xc000000000010800, which is not its first byte, 0x10000: " +
          "only what is entered there can be loaded as a kernel",
      );
    }
  });

  test("is refused in words wherever it is cut off, also in front of its sections' headers", () => {
    const bytes = elf(21, loads);
    bytes.writeBigUInt64LE(0x2f00n, 40);
    for (const [index, value] of [64, 2, 1].entries()) bytes.writeUInt16LE(value, 58 + 2 * index);
    for (let length = 64; length < 0x2123; length += 61)
      expect(refused(bytes.subarray(0, length))).toMatch(/ beyond the end of the file$/);
  });

  test("is refused where it is cut off, or for x86-64", () => {
    expect(refused(elf(21, loads).subarray(0, 0x2100))).toBe(
      "FILE: the segment at 0x1000 ends beyond the end of the file",
    );
    expect(refused(elf(62, loads))).toBe(
      "FILE: begins with an ELF header, as a vmlinux does; the bzImage is arch/x86/boot/bzImage",
    );
    const far = elf(21, loads, { size: 0x20000 });
    far.writeBigUInt64LE(0x18000n, 32);
    expect(refused(far)).toBe("FILE: program headers beyond its first 0x10000 bytes");
  });
});

describe("a large kernel is mapped, whatever page sizes and offsets are, and what follows it in the file is not", () => {
  /** Every byte tells where in the file it stands. */
  const numbered = Buffer.alloc(0x40_0000);
  for (let at = 0; at < numbered.length; at += 4) numbered.writeUInt32LE(at, at);

  test.each([
    [0x1_0000, 0x20_0000],
    [0x1_0040, 0x20_0000],
    [0x1_0000, 0x20_0444],
    [0x4200, 0x3f_be00],
    [0x123, 0x10_0001],
  ])("from %i on, %i bytes", (offset, length) => {
    writeFileSync(folder.in("FILE"), numbered);
    const engine = fakeEngine();
    const mapping = new System(engine);
    const { descriptor, status } = mapping.mustOpenFile(folder.in("FILE"));
    const piece: Piece = { kind: "file", name: "FILE", descriptor, status, offset, length };
    const plan = new Plan();
    const segment = plan.open(0n, "-a");
    for (const each of [piece, { kind: "padding", size: 0x2000 } as const]) segment.append(each);
    const { bytes } = present(assemble(mapping, plan, []).segments[0]);
    expect(Buffer.from(bytes.subarray(0, length)).equals(numbered.subarray(offset, offset + length))).toBe(true);
    expect(Buffer.from(bytes.subarray(length)).equals(Buffer.alloc(0x2000))).toBe(true);
    const read = engine.asked("pread64").reduce((sum, { args }) => sum + Number(args[2]), 0);
    expect(read).toBeLessThan(2 * mapping.pageSize);
  });

  test("also where it follows other pieces, and then as long as the pages allow it", () => {
    writeFileSync(folder.in("FILE"), numbered);
    const { descriptor, status } = system.mustOpenFile(folder.in("FILE"));
    const part = (offset: number, length: number): Piece => {
      return { kind: "file", name: "FILE", descriptor, status, offset, length };
    };
    const gap = { kind: "padding", size: 0x345 } as const;
    const bytes = loaded([part(0x100, 0x10), gap, part(0x1234, 0x20_0000), gap, part(0x8000, 0x20_0001), gap]);
    const cut = (offset: number, length: number) => numbered.subarray(offset, offset + length);
    const zeros = Buffer.alloc(0x345);
    const wanted = [cut(0x100, 0x10), zeros, cut(0x1234, 0x20_0000), zeros, cut(0x8000, 0x20_0001), zeros];
    expect(bytes.equals(Buffer.concat(wanted))).toBe(true);
  });
});

describe("a kernel without a wrapper", () => {
  /** As Debian's vmlinuz for loong64 has it inside. */
  function loongArchImage(): Buffer {
    const bytes = portableExecutable(0x6264, [".text", ".data"]);
    bytes.writeUInt32LE(0x818223cd, 56);
    return bytes;
  }

  test("is loaded as it is where it is an Image", () => {
    for (const [bytes, machine, endian] of [
      [arm64Image(), 183, "little"],
      [arm64Image(0x0b), 183, "big"],
      [riscvImage(), 243, "little"],
      [loongArchImage(), 258, "little"],
    ] as const) {
      const kernel = open(bytes);
      expect(kernel).toMatchObject({ kind: "Image", machine, endian, isAsItIs: true, length: 0x2000, memsz: 0x2000n });
      expect(loaded(kernel.pieces)).toEqual(bytes);
    }
  });

  test("is loaded as it is where nothing is known of it", () => {
    for (const [, bytes] of code) {
      const kernel = open(bytes);
      expect(kernel).toMatchObject({ kind: "flat", machine: undefined, endian: undefined, isAsItIs: true });
      expect(loaded(kernel.pieces)).toEqual(bytes);
    }
  });

  test("is loaded without its setup sectors where it is a bzImage, whose header is handed out", () => {
    const kernel = Buffer.from(Array.from({ length: 0x3010 }, (_, at) => at % 251));
    const opened = open(bzImage({ setupSects: 7, kernel }));
    expect(opened).toMatchObject({ kind: "bzImage", machine: 62, endian: "little", isAsItIs: false, length: 0x3010 });
    expect(opened.setup).toMatchObject({ preferredAddress: 0x100_0000n, kernelStart: 0x1000 });
    expect(loaded(opened.pieces)).toEqual(kernel);
  });
});

describe("a kernel inside another file", () => {
  const image = efiImage(Buffer.from("an arm64 kernel".repeat(500)), 0x8000);
  const what = "an Image for arm64";

  test.each([
    ["gzip", () => Bun.gzipSync(image)],
    ["zstd", () => Bun.zstdCompressSync(image)],
  ] as const)("compressed with %s is unpacked, to where a segment takes it from", (method, pack) => {
    const kernel = open(pack());
    expect(kernel).toMatchObject({ layers: [`compressed with ${method}`, what], kind: "Image", isAsItIs: false });
    expect(loaded(kernel.pieces)).toEqual(image);
    const [piece] = kernel.pieces;
    const plan = new Plan();
    plan.open(0n, "-a").append(present(piece));
    const held = piece?.kind === "bytes" ? piece.bytes : undefined;
    expect(present(assemble(system, plan, []).segments[0]).bytes).toBe(present(held));
  });

  test("of a powerpc zImage is its vmlinux", () => {
    const vmlinux = elf(21, [{ offset: 0x1000, physical: 0, fileSize: 0x1000 }], { bigEndian: true });
    const wrapper = elfHeader({ bits: 32, machine: 20, bigEndian: true, sections: "\0.text\0.kernel:vmlinux.strip\0" });
    const packed = Bun.gzipSync(new Uint8Array(vmlinux));
    wrapper.writeUInt32BE(wrapper.length, 0x1000 + 16);
    wrapper.writeUInt32BE(packed.length, 0x1000 + 20);
    const kernel = open(Buffer.concat([wrapper, packed]));
    expect(kernel).toMatchObject({ kind: "flat", machine: 21, endian: "big" });
    expect(kernel.layers).toEqual([
      "a zImage, powerpc's boot wrapper",
      "compressed with gzip",
      "a big endian ELF file for ppc64",
    ]);
    expect(loaded(kernel.pieces)).toEqual(vmlinux.subarray(0x1000, 0x2000));
  });

  test("of an EFI zboot image is the Image, without what its signature is not for", () => {
    const padding = Buffer.alloc(0x8000 - image.length);
    const whole = Buffer.concat([image, padding]);
    for (const [method, name, packed] of [
      ["gzip", "gzip", Bun.gzipSync(whole)],
      ["zstd22", "zstd", Bun.zstdCompressSync(whole)],
      ["zstd", "zstd", Bun.zstdCompressSync(whole)],
    ] as const) {
      const kernel = open(zbootImage(0xaa64, method, packed, whole.length));
      expect(kernel.layers).toEqual(["an EFI zboot image for arm64", `compressed with ${name}`, what]);
      expect(kernel).toMatchObject({ kind: "Image", length: 0x8000 });
      expect(loaded(kernel.pieces)).toEqual(whole);
    }
    const signed = signedImage(image, Buffer.alloc(0x300, 0x77));
    const file = zbootImage(0xaa64, "gzip", Bun.gzipSync(Buffer.concat([signed, padding])), 0x8300);
    expect(loaded(open(file).pieces)).toEqual(signed);
  });

  test("of a unified image is its .linux, whatever form that has, with what else is there", () => {
    const tree = Buffer.from("a tree");
    const file = unifiedImage(0xaa64, [
      [".osrel", Buffer.from("ID=x")],
      [".cmdline", Buffer.from("console=ttyAMA0 quiet \n\0")],
      [".dtb", tree],
      [".ucode", Buffer.from("microcode")],
      [".linux", Bun.gzipSync(image)],
      [".initrd", ramdisk],
    ]);
    const { brought, pieces, ...kernel } = open(file);
    expect(kernel).toMatchObject({ kind: "Image", machine: 183 });
    expect(kernel.layers).toEqual(["a unified kernel image for arm64", "compressed with gzip", what]);
    expect(loaded(pieces)).toEqual(image);
    const { initrd, ...rest } = brought;
    expect(rest).toEqual({ commandLine: "console=ttyAMA0 quiet", tree: new Uint8Array(tree), notUsed: [".ucode"] });
    expect(loaded([present(initrd)])).toEqual(ramdisk);
    expect(present(initrd)).toMatchObject({ kind: "file", name: `${folder.in("FILE")}(.initrd)` });
  });

  test("of a unified image with profiles is what the first of them has", () => {
    const file = unifiedImage(0xaa64, [
      [".linux", image],
      [".cmdline", Buffer.from("for all")],
      [".profile", Buffer.from("ID=one")],
      [".cmdline", Buffer.from("first")],
      [".profile", Buffer.from("ID=two")],
      [".cmdline", Buffer.from("second")],
      [".initrd", ramdisk],
    ]);
    expect(open(file).brought).toEqual({ commandLine: "first" });
  });

  test("of a uImage is what follows its header", () => {
    expect(open(uImageOf(1, Bun.gzipSync(image)))).toMatchObject({
      layers: ["a uImage (U-Boot)", "compressed with gzip", what],
      length: image.length,
    });
    expect(open(uImageOf(6, Bun.zstdCompressSync(image)))).toMatchObject({ length: image.length });
    expect(loaded(open(uImageOf(0, image)).pieces)).toEqual(image);
    expect(refused(uImageOf(5, image))).toBe("FILE: a uImage (U-Boot): tail -c +65 | unlz4 takes the kernel out");
  });

  test("is refused where that one is cut off, holds none, or holds it too deep", () => {
    const zboot = zbootImage(0xaa64, "gzip", Bun.gzipSync(image), image.length);
    expect(refused(zboot.subarray(0, 0x1010))).toMatch(
      /^FILE: an EFI zboot image for arm64, cut off: 4112 bytes of at /,
    );
    const unified = unifiedImage(0xaa64, [[".linux", image]]);
    expect(refused(unified.subarray(0, 0x1010))).toMatch(/^FILE: cut off: .linux ends at \d+, the file at 4112$/);
    expect(refused(unifiedImage(0xaa64, [[".linux", Buffer.alloc(0)]]))).toBe(
      "FILE: a unified kernel image whose .linux is empty",
    );
    expect(refused(unifiedImage(0xaa64, [[".linux", ramdisk]]))).toBe(
      "FILE(.linux): a cpio archive, as an initramfs is, no kernel",
    );
    expect(refused(image.subarray(0, 0x1100))).toBe("FILE: an Image for arm64, cut off: 4352 bytes of at least 11596");
    const deep = [1, 2, 3, 4, 5].reduce<Uint8Array<ArrayBuffer>>((bytes) => Bun.gzipSync(bytes), image);
    expect(refused(deep)).toBe("FILE: a kernel inside 5 others");
    expect(
      refused(
        unifiedImage(0xaa64, [
          [".linux", image],
          [".cmdline", Buffer.alloc(0x10001, 0x61)],
        ]),
      ),
    ).toBe("FILE(.cmdline): .cmdline has 65537 bytes, of at most 65536");
  });

  test("is named with what unpacks it where this engine does not", () => {
    const xz = Bun.spawnSync(["xz", "-c"], { stdin: image }).stdout;
    expect(refused(xz)).toBe("FILE: compressed with xz: unxz makes the kernel of it");
    expect(refused(zbootImage(0xaa64, "lz4", Buffer.alloc(0x20), 0x100))).toBe(
      "FILE: an EFI zboot image for arm64: the Image is inside, lz4 from byte 0x1000 on, 0x20 bytes",
    );
  });
});

describe("refused is", () => {
  test("a file without bytes, or none at all", () => {
    expect(refused(Buffer.alloc(0))).toBe("FILE: the file is empty");
    expect(() => openKernel(system, folder.in("nowhere"))).toThrow("ENOENT (no such file or directory)");
    expect(() => openKernel(system, folder.in("."))).toThrow("is a directory, not a file");
  });

  test("what is known to be no kernel, in words that say what it is", () => {
    for (const [what, bytes] of strangers) expect(refused(bytes)).toBe(`FILE: ${what}, no kernel`);
    expect(refused(ramdisk)).toBe("FILE: a cpio archive, as an initramfs is, no kernel");
    expect(refused(portableExecutable(0x8664, [".text"]))).toStartWith("FILE: an EFI program for x86_64, which only");
    expect(refused(fit())).toBe("FILE: a FIT (U-Boot): dumpimage -T flat_dt takes the kernel out");
    expect(refused(uImage(4, 0))).toBe(
      "FILE: a uImage (U-Boot) of several parts: dumpimage -T multi takes the kernel out",
    );
  });

  test("a bzImage that is cut off", () => {
    expect(refused(bzImage().subarray(0, 0x6000))).toMatch(/^FILE: cut off: 24576 bytes of at least \d+$/);
  });
});
