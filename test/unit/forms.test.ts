// What a file is by its first bytes, and that no code is taken for anything.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { archs } from "../../src/arch/archs.ts";
import formOf from "../../src/forms.ts";
import {
  arm64Image,
  armZImage,
  bzImage,
  code,
  elf,
  fit,
  packedForms,
  portableExecutable,
  riscvImage,
  strangers,
  uImage,
  zboot,
} from "../support/forms.ts";

const tell = (bytes: Uint8Array): string | undefined => formOf(bytes)?.tell("Image");

describe("told by its first bytes", () => {
  test.each(packedForms)("what is compressed with %s, with %s as what unpacks it", (name, tool, bytes) => {
    expect(tell(bytes)).toBe(`compressed with ${name}: ${tool} makes the Image of it`);
  });

  test.each(strangers)("%s", (what, bytes) => {
    expect(tell(bytes)).toBe(what);
  });

  test("kernels, with the machine that they are for", () => {
    const kernels = [arm64Image(), arm64Image(0x0b), riscvImage(), armZImage(), bzImage()].map(formOf);
    expect(kernels.map((form) => [form?.what, form?.machine])).toEqual([
      ["an Image for arm64", 183],
      ["a big endian Image for arm64", 183],
      ["an Image for riscv", 243],
      ["a zImage for arm", 40],
      ["a bzImage for x86_64", 62],
    ]);
  });

  test("ELF files, with machine and byte order", () => {
    const told = [
      elf({ machine: 21 }),
      elf({ machine: 21, bigEndian: true }),
      elf({ machine: 20, bits: 32, bigEndian: true }),
      elf({ machine: 0 }),
      elf({ machine: 9999 }),
      Uint8Array.of(0x7f, 0x45, 0x4c, 0x46),
    ].map((bytes) => formOf(bytes)?.what);
    expect(told).toEqual([
      "an ELF file for ppc64",
      "a big endian ELF file for ppc64",
      "a big endian ELF file for ppc",
      "an ELF file",
      "an ELF file for machine 9999",
      "an ELF file",
    ]);
  });

  test.each([
    { machine: 20, bits: 32, bigEndian: true },
    { machine: 21, bits: 64, bigEndian: true },
    { machine: 21, bits: 64, bigEndian: false },
  ] as const)("powerpc's boot wrapper, by its section: %o", (form) => {
    expect(tell(elf({ ...form, sections: "\0.text\0.kernel:vmlinux.strip\0" }))).toBe(
      "a zImage, a vmlinux in powerpc's boot wrapper: objcopy -O binary --only-section=.kernel:vmlinux.strip takes the " +
        "compressed vmlinux out",
    );
    expect(formOf(elf({ ...form, sections: "\0.text\0.kernel:vmlinux\0" }))?.kind).toBe("elf");
  });

  test("a unified kernel image, with what its sections hold", () => {
    const sections = [".text", ".osrel", ".cmdline", ".linux", ".initrd"];
    expect(tell(portableExecutable(0x8664, sections))).toBe(
      "a unified kernel image for x86_64: .linux holds the kernel, .initrd its initrd, .cmdline the command line: " +
        "objcopy -O binary --only-section=.linux takes the kernel out",
    );
    expect(tell(portableExecutable(0xaa64, [".linux", ".dtb"]))).toStartWith(
      "a unified kernel image for arm64: .linux holds the kernel, .dtb a device tree blob: ",
    );
    expect(tell(portableExecutable(0x8664, [".text", ".data"]))).toBe(
      "an EFI program for x86_64, which only firmware can start",
    );
  });

  test.each(["gzip", "zstd22", "xzkern", "lz4"])("an EFI zboot image, with what is inside: %s", (method) => {
    const inside = `: the Image is inside, ${method} from byte 0x400 on, 0xb00 bytes`;
    expect(tell(zboot(method))).toBe(`an EFI zboot image${inside}`);
    expect(tell(zboot(method, 0xaa64))).toBe(`an EFI zboot image for arm64${inside}`);
    expect(tell(zboot(method, 0x6264))).toBe(`an EFI zboot image for loongarch${inside}`);
  });

  test("U-Boot's forms, with what takes the kernel out", () => {
    expect(tell(uImage(2, 1))).toBe("a uImage (U-Boot): tail -c +65 | gunzip takes the kernel out");
    expect(tell(uImage(2, 0))).toBe("a uImage (U-Boot): tail -c +65 takes the kernel out");
    expect(tell(uImage(2, 99))).toBe("a uImage (U-Boot): tail -c +65 takes the kernel out");
    expect(tell(uImage(4, 1))).toBe("a uImage (U-Boot) of several parts: dumpimage -T multi takes the kernel out");
    expect(tell(uImage(8, 0))).toBe("a uImage (U-Boot) of a device tree blob");
    expect(formOf(fit())?.kind).toBe("device tree blob");
  });

  test("Android's and OpenPOWER's", () => {
    expect(tell(Buffer.from("ANDROID!\0\0\0\x01", "latin1"))).toBe(
      "an Android boot image: unpack_bootimg takes the kernel out",
    );
    expect(tell(Buffer.from("1708201100010000", "hex"))).toBe(
      "a signed container of OpenPOWER firmware: tail -c +4097 takes the kernel out",
    );
  });
});

describe("told as nothing", () => {
  test.each(code)("%s", (_, bytes) => {
    expect(formOf(bytes)).toBeUndefined();
  });

  test("our own stubs", () => {
    const stubs = archs.flatMap(({ stub }) => stub ?? []);
    expect(stubs.map((stub) => formOf(stub.bytes()))).toEqual(stubs.map(() => undefined));
  });

  test("a magic alone, where what follows it is not as the format has it", () => {
    const starts = [
      "1f8b0f08", // no method of gzip's
      "1f8b0880", // a reserved flag
      "425a6839000000", // bzip2 without a block
      "5d00000000000000000000000000", // no dictionary
      "5d00008000000000000000000000", // no size
      "5d00008000ffffffffffffffff01", // what no coder begins with
      "04224d18ffff", // an unknown version of lz4's frame
      "28b52ffd08", // a reserved bit of zstd's
      "303730373031zzzzzz",
      "2321200000",
    ];
    for (const start of starts)
      expect([start, formOf(Buffer.from(start.padEnd(80, "0"), "hex"))]).toEqual([start, undefined]);
  });

  test("an Image's header whose reserved words are not 0", () => {
    expect(formOf(arm64Image().fill(0xd5, 32, 56))).toBeUndefined();
    expect(formOf(arm64Image().fill(0xd5, 24, 32))).toBeUndefined();
  });

  test("a PE file that is cut off before its header ends", () => {
    const whole = portableExecutable(0x8664, [".linux"]);
    expect(formOf(whole.subarray(0, 0x80))).toBeUndefined();
    whole.writeUInt32LE(0xffff_fff0, 0x3c);
    expect(formOf(whole)).toBeUndefined();
  });
});

test("bytes of any kind and length are looked at without harm", () => {
  const starts = [...packedForms.map(([, , bytes]) => bytes), ...strangers.map(([, bytes]) => bytes)];
  const more = [bzImage(), arm64Image(), uImage(2, 1), elf({ machine: 21, sections: "\0.x\0" }), zboot("gzip", 0xaa64)];
  const all = [...starts, ...more, portableExecutable(0x8664, [".linux", ".initrd"])];
  const changed = fc.tuple(
    fc.constantFrom(...all),
    fc.nat(700),
    fc.array(fc.tuple(fc.nat(600), fc.nat(255)), { maxLength: 8 }),
  );
  fc.assert(
    fc.property(changed, ([bytes, length, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of changes) copy[at] = byte;
      formOf(copy.subarray(0, length));
      formOf(copy);
      return true;
    }),
  );
  expect(formOf(new Uint8Array(0))).toBeUndefined();
});
