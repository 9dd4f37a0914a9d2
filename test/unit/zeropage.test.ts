// zeropage: what it writes, read by a reader that shares nothing with it, and everything it refuses.

import { beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { makeBootParams } from "../../src/arch/x86_64/make-boot-params.ts";
import { readSetupHeader } from "../../src/arch/x86_64/setup-header.ts";
import { errno } from "../../src/sys/errno.ts";
import { type BzImage, bzImage } from "../support/bzimage.ts";
import { type FakeRun, type FakeWorld, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  arm64Image,
  elf,
  fit,
  packedForms,
  portableExecutable,
  riscvImage,
  strangers,
  zboot,
} from "../support/forms.ts";
import { present } from "../support/present.ts";
import { type MemoryMapEntry, ZeroPageReader } from "../support/zero-page-reader.ts";

const folder = temporaryFolder();
let image: string;

/** In the kernel's order of entries, which a directory does not keep. */
const MAP: readonly (readonly [start: string, end: string, type: string])[] = [
  ["0x0", "0x9fbff", "System RAM"],
  ["0x9fc00", "0x9ffff", "Reserved"],
  ["0x100000", "0x7ffdffff", "System RAM"],
  ["0x7ffe0000", "0x7ffeffff", "ACPI Tables"],
  ["0x7fff0000", "0x7fff7fff", "ACPI Non-volatile Storage"],
  ["0x7fff8000", "0x7fff8fff", "Unusable memory"],
  ["0x7fff9000", "0x7fff9fff", "Something new"],
  ["0x7fffa000", "0x7fffafff", "Persistent Memory"],
  ["0x7fffb000", "0x7fffbfff", "Persistent Memory (legacy)"],
  ["0xfd00000000", "0xffffffffff", "Reserved"],
  ["0x100000000", "0x17fffffff", "System RAM"],
];

function memmap(entries: readonly (readonly [string, string, string])[]): Record<string, string> {
  return Object.fromEntries(
    entries.flatMap(([start, end, type], index) =>
      [
        ["start", start],
        ["end", end],
        ["type", type],
      ].map(([name, value]) => [`/sys/firmware/memmap/${index}/${name}`, `${value}\n`]),
    ),
  );
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}

function entry(start: number, size: number, type: number): MemoryMapEntry {
  return { start: BigInt(start), size: BigInt(size), type: BigInt(type) };
}

/** Ranges of a page each that do not touch, of two types in turn. */
function scattered(length: number): (readonly [string, string, string])[] {
  return Array.from({ length }, (_, index) => {
    const start = index * 0x2000;
    return [hex(start), hex(start + 0xfff), index % 2 === 0 ? "System RAM" : "Reserved"] as const;
  });
}

/** What the zero page says where the firmware says this. */
function mapOf(entries: Parameters<typeof memmap>[0]): MemoryMapEntry[] {
  const { "/sys/kernel/boot_params/data": _, ...files } = MACHINE;
  const others = Object.entries(files).filter(([path]) => !path.startsWith("/sys/firmware/memmap/"));
  const root = folder.in(`map${Bun.randomUUIDv7()}`);
  return written([], { root, files: { ...Object.fromEntries(others), ...memmap(entries) } }).memoryMap;
}

/** A running kernel's zero page: a screen, an EDID, a root pointer, and pointers that must not be handed on. */
function bootParams(rsdp = 0xf59e0n): Buffer {
  const bytes = Buffer.alloc(4096, 0x5a);
  bytes.fill(0x11, 0, 0x40);
  bytes.fill(0x22, 0x140, 0x1c0);
  bytes.writeBigUInt64LE(rsdp, 0x70);
  return bytes;
}

const MACHINE: NonNullable<FakeWorld["files"]> = {
  ...memmap(MAP),
  "/sys/kernel/boot_params/data": bootParams(),
  "/proc/cmdline": "console=ttyS0 root=/dev/vda\n",
};

function zeropage(args: readonly string[], world: FakeWorld = {}): FakeRun {
  return runInside({ root: folder.in("machine"), files: MACHINE, ...world }, "zeropage", ...args);
}

function written(args: readonly string[] = [], world: FakeWorld = {}, address = 0x500_0100n): ZeroPageReader {
  const { code, out, err } = zeropage(["-b", `0x${address.toString(16)}`, ...args, image], world);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return new ZeroPageReader(out, address);
}

function writeImage(wanted: BzImage = {}): void {
  writeFileSync(image, bzImage(wanted));
}

beforeEach(() => {
  image = folder.in("bzImage");
  writeImage();
});

describe("for a crash kernel", () => {
  test("--usable leaves it what is below 1 MiB, its ranges, and all that is no RAM", () => {
    const { memoryMap } = written(["--usable", "0x4000000,0x8000000,0x140000000,0x1000"]);
    expect(memoryMap.filter(({ type }) => type === 1n)).toEqual([
      entry(0, 0x9fc00, 1),
      entry(0x400_0000, 0x800_0000, 1),
      entry(0x1_4000_0000, 0x1000, 1),
    ]);
    expect(memoryMap.filter(({ type }) => type !== 1n)).toEqual(written().memoryMap.filter(({ type }) => type !== 1n));
  });

  test.each([
    ["0x4000000", "'0x4000000' is not START,SIZE"],
    ["0x4000000,0", "no memory has 0x0 bytes at 0x4000000"],
    ["0x1000,0x1000,0x2000", "'0x2000' is not START,SIZE"],
  ])("--usable %s is refused", (text, fact) => {
    const { code, err } = zeropage(["-b", "0x5000100", "--usable", text, image]);
    expect({ code, err }).toEqual({ code: 2, err: `zeropage: --usable: ${fact}\n` });
  });
});

describe("--seed", () => {
  const SEED = "00112233445566778899aabbccddeeff".repeat(2);

  test("makes the same page twice", () => {
    const make = () => zeropage(["-b", "0x5000100", "--seed", SEED, image]).out;
    expect(make()).toEqual(make());
    expect(Buffer.from(make()).includes(Buffer.from(SEED, "hex"))).toBeTrue();
  });

  test.each(["", SEED.slice(2), `${SEED}00`, SEED.replace("f", "g")])("'%s' is refused", (text) => {
    const { code, err } = zeropage(["-b", "0x5000100", "--seed", text, image]);
    expect({ code, err }).toEqual({ code: 2, err: `zeropage: --seed: '${text}' is not 64 hexadecimal digits\n` });
  });
});

describe("the zero page", () => {
  test("has the setup header, with the loader's fields set and what only the boot loader may say cleared", () => {
    const page = written();
    expect(page.field("header")).toBe(0x53726448n);
    expect(page.field("boot_flag")).toBe(0xaa55n);
    expect(page.field("version")).toBe(0x20fn);
    expect(page.field("setup_sects")).toBe(39n);
    expect(page.field("kernel_alignment")).toBe(0x20_0000n);
    expect(page.field("init_size")).toBe(0x337_8000n);
    expect(page.field("pref_address")).toBe(0x100_0000n);
    expect(page.field("xloadflags")).toBe(0x7fn);
    expect(page.field("type_of_loader")).toBe(0xffn);
    expect(page.field("vid_mode")).toBe(0xffffn);
    expect(page.field("loadflags")).toBe(1n);
    expect(page.field("sentinel")).toBe(0n);
  });

  test("holds nothing behind the header's end, whatever stands there in the file", () => {
    expect(
      written()
        .bytes.slice(0x202 + 0x6a, 0x2d0)
        .every((byte) => byte === 0),
    ).toBe(true);
    writeImage({ headerLength: 0xe0 });
    expect(
      written()
        .bytes.slice(0x290, 0x2d0)
        .every((byte) => byte === 0),
    ).toBe(true);
  });

  test("is followed by the command line, which it points to, with its NUL", () => {
    const page = written(["-B", "console=ttyS0 \xe9t\xe9"]);
    expect(page.field("cmd_line_ptr")).toBe(0x500_0100n + 4096n);
    expect(page.commandLine).toBe("console=ttyS0 \xe9t\xe9");
  });

  test("has a NUL behind a command line that fills its 16 bytes, too", () => {
    const { bytes, commandLine, setupData } = written(["-B", "0123456789abcdef"]);
    expect([commandLine, setupData.length, bytes.length]).toEqual(["0123456789abcdef", 1, 4096 + 32 + 48]);
  });

  test("takes the running kernel's command line unless told another", () => {
    expect(written().commandLine).toBe("console=ttyS0 root=/dev/vda");
    expect(written([], { files: { ...MACHINE, "/proc/cmdline": "a\nb\n" } }).commandLine).toBe("a\nb");
    expect(written(["-B", ""]).commandLine).toBe("");
  });

  test("has no initrd unless told", () => {
    expect(written().initrd).toEqual({ start: 0n, size: 0n });
    expect(written(["-i", "0x6000000,0x60d1a41"]).initrd).toEqual({ start: 0x600_0000n, size: 0xd1a41n });
  });

  test("points above 4 GiB with the upper halves", () => {
    const page = written(["-i", "0x180000000,0x280000001"], {}, 0x1_4000_0000n);
    expect(page.initrd).toEqual({ start: 0x1_8000_0000n, size: 0x1_0000_0001n });
    expect(page.field("ext_cmd_line_ptr")).toBe(1n);
    expect(page.commandLine).toBe("console=ttyS0 root=/dev/vda");
    expect(page.setupData).toHaveLength(1);
  });

  test("has the firmware's memory map sorted, ends as lengths, types as numbers", () => {
    expect(written().memoryMap).toEqual(
      [
        [0x0, 0x9_fc00, 1],
        [0x9_fc00, 0x400, 2],
        [0x10_0000, 0x7fee_0000, 1],
        [0x7ffe_0000, 0x1_0000, 3],
        [0x7fff_0000, 0x8000, 4],
        [0x7fff_8000, 0x1000, 5],
        [0x7fff_9000, 0x1000, 2],
        [0x7fff_a000, 0x1000, 7],
        [0x7fff_b000, 0x1000, 12],
        [0x1_0000_0000, 0x8000_0000, 1],
        [0xfd_0000_0000, 0x3_0000_0000, 2],
      ].map(([start, size, type]) => entry(present(start), present(size), present(type))),
    );
  });

  test("has each type by the kernel's name for it, those that it knows no name for as reserved", () => {
    const named = [
      "System RAM",
      "Reserved",
      "ACPI Tables",
      "ACPI Non-volatile Storage",
      "Unusable memory",
      "Persistent Memory",
      "Persistent Memory (legacy)",
      "Soft Reserved",
      "Unknown E820 type",
      "constructor",
    ];
    const map = named.map((name, index) => [hex(0x10_0000 * index), hex(0x10_0000 * index + 0xfff), name] as const);
    const types = [1, 2, 3, 4, 5, 7, 12, 0xefff_ffff, 2, 2];
    expect(mapOf(map)).toEqual(types.map((type, index) => entry(0x10_0000 * index, 0x1000, type)));
  });

  test("has ranges of one type that touch or overlap as one, but for those whose bounds mean something", () => {
    const each = (name: string) =>
      mapOf([
        ["0x3000", "0x4fff", name],
        ["0x1000", "0x1fff", name],
        ["0x2000", "0x3fff", name],
        ["0x6000", "0x6fff", name],
      ]);
    for (const name of ["System RAM", "Reserved", "ACPI Tables", "Unusable memory", "Persistent Memory"]) {
      expect(each(name).map(({ start, size }) => [start, size])).toEqual([
        [0x1000n, 0x4000n],
        [0x6000n, 0x1000n],
      ]);
    }
    // Linux keeps these apart (e820_nomerge).
    for (const name of ["Persistent Memory (legacy)", "Soft Reserved"]) {
      expect(each(name).map(({ start }) => start)).toEqual([0x1000n, 0x2000n, 0x3000n, 0x6000n]);
    }
  });

  test("keeps ranges of two types apart, also where one lies in the other", () => {
    const map = mapOf([
      ["0x0", "0xffff", "System RAM"],
      ["0x4000", "0x4fff", "Reserved"],
      ["0x10000", "0x1ffff", "System RAM"],
      ["0x20000", "0x20fff", "ACPI Tables"],
    ]);
    expect(map).toEqual([entry(0, 0x2_0000, 1), entry(0x4000, 0x1000, 2), entry(0x2_0000, 0x1000, 3)]);
  });

  test("has no range without bytes", () => {
    const map = mapOf([
      ["0x1000", "0x1fff", "System RAM"],
      ["0x3000", "0x2fff", "System RAM"],
      ["0x8000", "0x8fff", "Reserved"],
    ]);
    expect(map).toEqual([entry(0x1000, 0x1000, 1), entry(0x8000, 0x1000, 2)]);
  });

  test("has two entries at least: Linux takes a table of one for none, and makes a map of its own", () => {
    expect(mapOf([["0x1000", "0x1fff", "System RAM"]])).toEqual([entry(0x1000, 0x1000, 1), entry(0x2000, 0, 2)]);
  });

  test("continues behind the command line where the page is full, with the seed behind that", () => {
    const many = scattered(131);
    const given = (entries: typeof many) =>
      written([], { root: folder.in(`of${entries.length}`), files: { ...MACHINE, ...memmap(entries) } });
    const page = given(many);
    expect(page.memoryMap).toHaveLength(128);
    expect(page.extendedMemoryMap).toHaveLength(3);
    expect([...page.memoryMap, ...page.extendedMemoryMap]).toEqual(
      many.map(([start, , name]) => entry(Number(start), 0x1000, name === "System RAM" ? 1 : 2)),
    );
    expect(page.setupData.map(({ type, data }) => [type, data.length])).toEqual([
      [1n, 60],
      [9n, 32],
    ]);
    expect(given(many.slice(0, 128)).extendedMemoryMap).toEqual([]);
  });

  test("takes the map out of the running kernel's zero page where /sys has none", () => {
    const old = bootParams();
    old[0x1e8] = 2;
    Buffer.from("00000000000000000000a0000000000001000000", "hex").copy(old, 0x2d0);
    Buffer.from("000010000000000000ff00000100000002000000", "hex").copy(old, 0x2d0 + 20);
    const files = { "/sys/kernel/boot_params/data": old };
    expect(written(["-B", "x"], { files }).memoryMap).toEqual([
      { start: 0n, size: 0xa0_0000n, type: 1n },
      { start: 0x10_0000n, size: 0x1_0000_ff00n, type: 2n },
    ]);
    const more = {
      "/sys/kernel/boot_params/setup_data/0/type": "0x9\n",
      "/sys/kernel/boot_params/setup_data/0/data": Buffer.alloc(40, 1),
      "/sys/kernel/boot_params/setup_data/1/type": "0x1\n",
      "/sys/kernel/boot_params/setup_data/1/data": Buffer.from("000000000100000000f000000000000001000000", "hex"),
    };
    const { memoryMap } = written(["-B", "x"], { root: folder.in("extended"), files: { ...files, ...more } });
    expect(memoryMap.slice(2)).toEqual([{ start: 0x1_0000_0000n, size: 0xf000n, type: 1n }]);
  });

  test("keeps of the running kernel's zero page the screen, the monitor and the root pointer, and nothing else", () => {
    const { bytes } = written();
    const other = Buffer.from(bytes.slice(0, 0x1e8));
    expect(other.subarray(0, 0x40).every((byte) => byte === 0x11)).toBe(true);
    expect(other.subarray(0x140, 0x1c0).every((byte) => byte === 0x22)).toBe(true);
    other.fill(0, 0, 0x40).fill(0, 0x140, 0x1c0).fill(0, 0x70, 0x78).fill(0, 0xc0, 0xcc);
    expect(other.every((byte) => byte === 0)).toBe(true);
  });

  test("needs none of it: without boot_params all that is 0", () => {
    const { "/sys/kernel/boot_params/data": _, ...files } = MACHINE;
    const page = written([], { files });
    expect(page.bytes.slice(0, 0x1c0).every((byte, at) => byte === 0 || at >= 0xc0)).toBe(true);
  });

  test("carries a random seed of 32 bytes as setup_data 9, another each time", () => {
    const [first, second] = [written().setupData, written().setupData];
    expect(first.map(({ type, data }) => [type, data.length])).toEqual([[9n, 32]]);
    expect(present(first[0]).data.equals(present(second[0]).data)).toBe(false);
    expect(written().field("setup_data") % 16n).toBe(0n);
  });
});

describe("the ACPI root pointer", () => {
  const efi = { "/sys/firmware/efi/systab": "ACPI20=0x7fb7e014\nACPI=0x7fb7e000\nSMBIOS=0x7f9c7000\n" };
  const told = (rsdp: bigint): Record<string, Buffer> => ({ "/sys/kernel/boot_params/data": bootParams(rsdp) });

  test("is the one that EFI's system table names, version 2 before version 1", () => {
    expect(written([], { files: { ...MACHINE, ...efi } }).field("acpi_rsdp_addr")).toBe(0x7fb7_e014n);
    const old = { "/sys/firmware/efi/systab": "SMBIOS=0x1\nACPI=0x7fb7e000\n" };
    expect(written([], { files: { ...MACHINE, ...old } }).field("acpi_rsdp_addr")).toBe(0x7fb7_e000n);
  });

  test("is the one the running kernel was told, where there is no EFI", () => {
    expect(written().field("acpi_rsdp_addr")).toBe(0xf59e0n);
  });

  test("may be missing on a machine without EFI, whose kernel looks for it", () => {
    expect(written([], { files: { ...MACHINE, ...told(0n) } }).field("acpi_rsdp_addr")).toBe(0n);
  });

  test("must not be missing on a machine with EFI: the next kernel would have one cpu", () => {
    const files = { ...MACHINE, ...told(0n), "/sys/firmware/efi/fw_platform_size": "64\n" };
    const { code, out, err } = zeropage(["-b", "0x5000100", image], { files });
    expect([code, out.length]).toEqual([1, 0]);
    expect(err).toBe(
      "zeropage: /sys/firmware/efi/systab: no ACPI20= there, and the running kernel was told none: " +
        "the next one would have one cpu and no ACPI; --rsdp ADDR tells it\n",
    );
    expect(written(["--rsdp", "0x7fb7e014"], { files }).field("acpi_rsdp_addr")).toBe(0x7fb7_e014n);
  });
});

describe("the kernel in a bzImage", () => {
  test("is what stands behind the setup sectors", () => {
    const kernel = Buffer.from(Array.from({ length: 0x3010 }, (_, at) => at % 251));
    writeImage({ setupSects: 7, kernel });
    const { code, out } = zeropage(["--kernel", image]);
    expect(code).toBe(0);
    expect(out.equals(kernel)).toBe(true);
  });

  test("is taken out of what it is compressed with", () => {
    writeFileSync(image, Bun.gzipSync(new Uint8Array(bzImage({ kernel: Buffer.from("the kernel".padEnd(0x3000)) }))));
    expect(zeropage(["--kernel", image]).out.toString("latin1").trimEnd()).toBe("the kernel");
    expect(written(["-B", "x"]).field("header")).toBe(0x53726448n);
  });

  test("stands behind four setup sectors where the header says 0", () => {
    writeImage({ setupSects: 0 });
    expect(zeropage(["--kernel", image]).out.length).toBe(0x3000);
  });

  test("is described by -v: its size, what it needs beyond, and where it may lie", () => {
    const { err } = zeropage(["-v", "-b", "0x5000100", "-B", "abc", image]);
    expect(err).toBe(
      "zeropage: 11 memory ranges, RSDP 0xf59e0, command line of 3 bytes, 4160 bytes\n" +
        "zeropage: the kernel is 0x3000 bytes and needs 0x3375000 more (-z), at 0x1000000 or a higher multiple of 0x200000\n",
    );
  });

  describe("is told by -v where all that it needs is free, never below its preferred address,", () => {
    /** The line about the kernel, from the address on. */
    function place(args: readonly string[], world: FakeWorld = {}): string {
      const { code, err } = zeropage(["-v", "-B", "x", ...args, image], world);
      expect(code).toBe(0);
      return err.replace(/^.*the kernel is 0x3000 bytes and needs 0x3375000 more \(-z\), (.*?)\n.*$/s, "$1");
    }
    const usual = "at 0x1000000 or a higher multiple of 0x200000";
    const higher = (address: string) => `at ${address} or a higher multiple of 0x200000`;

    test("not over the initrd, nor over the stub and the zero page", () => {
      expect(place(["-b", "0x5000100", "-i", "0x4378000,0x4400000"])).toStartWith(usual);
      expect(place(["-b", "0x5000100", "-i", "0x3600000,0x3600001"])).toBe(higher("0x5200000"));
      expect(place(["-b", "0x9000100", "-i", "0x3600000,0x3600001"])).toBe(higher("0x3800000"));
      expect(place(["-b", "0x4378100"])).toBe(usual);
      expect(place(["-b", "0x4377ff0"])).toBe(higher("0x4400000"));
      expect(place(["-b", "0xfff010"])).toBe(higher("0x1200000"));
      expect(place(["-b", "0xffe100"])).toBe(usual);
    });

    test("not over what /proc/iomem tells is taken, nor where it tells of no memory", () => {
      const told = (iomem: string) => place(["-b", "0x20000100"], { files: { ...MACHINE, "/proc/iomem": iomem } });
      expect(told("00100000-7ffdffff : System RAM\n  04000000-040fffff : reserved\n")).toBe(higher("0x4200000"));
      expect(told("00100000-7ffdffff : System RAM\n  01000000-01ffffff : Kernel code\n")).toBe(usual);
      expect(told("10000000-7ffdffff : System RAM\n")).toBe(higher("0x10000000"));
      expect(told("00000000-00000000 : System RAM\n")).toBe(usual);
    });

    test("nor where there is no room at all", () => {
      const small = { ...MACHINE, "/sys/firmware/memmap/2/end": "0x2ffffff\n", "/sys/firmware/memmap/10/end": "0x0\n" };
      expect(place(["-b", "0x100"], { files: small })).toBe(
        "but has no room at a multiple of 0x200000 from 0x1000000 on",
      );
    });

    test("with the bounds that its header sets", () => {
      writeImage({ relocatable: false });
      expect(place(["-b", "0x5000100"])).toBe("at 0x1000000, the one place for it");
      expect(place(["-b", "0x2000100"])).toBe("but has no room at 0x1000000, the one place for it");
      writeImage({ preferred: 0x800_0000n });
      expect(place(["-b", "0x5000100"])).toBe(higher("0x8000000"));
      writeImage({ xloadflags: 1 });
      expect(place(["-b", "0x5000100"])).toBe(`${usual} below 4 GiB`);
    });
  });
});

describe("refused, with nothing written:", () => {
  function refused(args: readonly string[], world: FakeWorld = {}): string {
    const { code, out, err } = zeropage(args, world);
    expect(out.length).toBe(0);
    expect(err.endsWith("\n") && err.split("\n").length === 2).toBe(true);
    return `${code} ${err.trimEnd()}`;
  }
  const at = ["-b", "0x5000100"];

  test("no address, a crooked one, one that is no number", () => {
    expect(refused([image])).toBe("2 zeropage: -b: missing: the address at which the zero page will lie");
    expect(refused(["-b", "0x5000108", image])).toBe("2 zeropage: -b: 0x5000108 is not a multiple of 16");
    expect(refused(["-b", "here", image])).toStartWith("2 zeropage: -b: 'here' is not a number");
  });

  test("no bzImage, two, one that is not there, a directory, a fifo's like", () => {
    expect(refused(at)).toBe("2 zeropage: operands: one bzImage is needed, 0 are given");
    expect(refused([...at, image, image])).toBe("2 zeropage: operands: one bzImage is needed, 2 are given");
    expect(refused([...at, "/nowhere"])).toStartWith("1 zeropage: /nowhere: ENOENT");
    mkdirSync(folder.in("directory"));
    expect(refused([...at, folder.in("directory")])).toEndWith("is a directory, not a file");
    symlinkSync("loop", folder.in("loop"));
    expect(refused([...at, folder.in("loop")])).toInclude("ELOOP");
    expect(refused([...at, "/dev/null"])).toBe("1 zeropage: /dev/null: is a device, not a file");
  });

  test("an initrd that ends before it starts, or is not two numbers", () => {
    expect(refused([...at, "-i", "0x2000,0x1000", image])).toBe(
      "2 zeropage: -i: the end 0x1000 is not above the start 0x2000",
    );
    expect(refused([...at, "-i", "0x2000", image])).toBe("2 zeropage: -i: '0x2000' is not START,END");
  });

  test("an option that is not there, or does not go with --kernel", () => {
    expect(refused([...at, "-q", image])).toBe("2 zeropage: argument 3 (-q): no such option: --help lists them");
    expect(refused([...at, "--kernel", image])).toBe("2 zeropage: --address: does not go with --kernel");
  });

  test("a terminal as standard output", () => {
    const onTerminal = { terminals: [1] };
    expect(refused([...at, image], onTerminal)).toBe(
      "2 zeropage: standard output: refusing to write binary to a terminal",
    );
    expect(refused(["--kernel", image], onTerminal)).toStartWith("2 zeropage: standard output");
  });

  const told = (bytes: Uint8Array): string => {
    writeFileSync(image, bytes);
    return refused([...at, image]).replace(image, "FILE");
  };

  test.each(packedForms)(
    "a file compressed with %s that cannot be unpacked, with %s as what might do it",
    (method, tool, bytes) => {
      const isTaken = ["gzip", "zstd"].includes(method);
      const fact = isTaken ? `, and (corrupt|cut off)$` : `: ${tool} makes the kernel of it$`;
      const message = new RegExp(`^1 zeropage: FILE: compressed with ${method}${fact}`);
      expect(told(bytes)).toMatch(message);
      expect(told(bytes.subarray(0, 100))).toMatch(message);
    },
  );

  test.each(strangers)("%s", (what, bytes) => {
    expect(told(bytes)).toBe(`1 zeropage: FILE: ${what}, no kernel`);
  });

  test("a unified kernel image, kernels of other machines, what firmware starts", () => {
    const others: readonly (readonly [string, Uint8Array])[] = [
      ["an EFI program for x86_64, which only firmware can start", portableExecutable(0x8664, [".text"])],
      ["not a bzImage: an Image for arm64", arm64Image()],
      ["not a bzImage: an Image for riscv", riscvImage()],
      ["no PT_LOAD with bytes", elf({ machine: 183 })],
      ["a FIT (U-Boot): dumpimage -T flat_dt takes the kernel out", fit()],
      ["an EFI zboot image for arm64: the Image is inside, lz4 from byte 0x400 on, 0xb00 bytes", zboot("lz4", 0xaa64)],
    ];
    for (const [what, bytes] of others) expect(told(bytes)).toBe(`1 zeropage: FILE: ${what}`);
  });

  test("a zero page, though a setup header is in it", () => {
    writeImage();
    const { out } = zeropage([...at, image]);
    expect(told(out)).toBe("1 zeropage: FILE: a zero page, no kernel");
  });

  test("a vmlinux, other bytes, hardly any bytes", () => {
    const padded = (start: string): Buffer => Buffer.concat([Buffer.from(start, "latin1"), Buffer.alloc(4096)]);
    expect(told(elf({ machine: 62 }))).toBe(
      "1 zeropage: FILE: begins with an ELF header, as a vmlinux does; the bzImage is arch/x86/boot/bzImage",
    );
    expect(told(padded("MZ"))).toBe("1 zeropage: FILE: not a bzImage: no boot sector with HdrS at 0x202");
    expect(told(bzImage().fill(0, 0x1fe, 0x200))).toBe(
      "1 zeropage: FILE: not a bzImage: no boot sector with HdrS at 0x202",
    );
    expect(told(Buffer.alloc(100))).toBe("1 zeropage: FILE: not a bzImage: 100 bytes");
    expect(told(Buffer.alloc(0))).toBe("1 zeropage: FILE: the file is empty");
  });

  test("a kernel too old to say what it can, one without a 64-bit entry, one that is cut off", () => {
    writeImage({ version: 0x20b });
    expect(refused([...at, image])).toEndWith("boot protocol 2.11, at least 2.12 is needed");
    writeImage({ xloadflags: 0x7e });
    expect(refused([...at, image])).toEndWith("a kernel without 64-bit entry point");
    writeImage();
    truncateSync(image, 0x5000 + 0x2fff);
    expect(refused([...at, image])).toEndWith("cut off: 32767 bytes of at least 32768");
    expect(refused(["--kernel", image])).toEndWith("cut off: 32767 bytes of at least 32768");
  });

  test("a command line longer than the kernel's", () => {
    writeImage({ commandLineSize: 8 });
    expect(written(["-B", "12345678"]).commandLine).toBe("12345678");
    expect(refused([...at, "-B", "123456789", image])).toBe("1 zeropage: command line: 9 bytes, this kernel takes 8");
  });

  test("anything above 4 GiB for a kernel that takes nothing there", () => {
    writeImage({ xloadflags: 1 });
    const fact = "this kernel takes nothing above 4 GiB (XLF_CAN_BE_LOADED_ABOVE_4G is not set)";
    expect(refused([...at, "-i", "0xfff00000,0x100000001", image])).toBe(`1 zeropage: 0x100000001: ${fact}`);
    expect(refused(["-b", "0x100000000", "-B", "x", image])).toBe(`1 zeropage: 0x100001040: ${fact}`);
    writeImage({ xloadflags: 1, highestInitrd: 0xffff_ffff });
    expect(written(["-i", "0xfff00000,0x100000000"]).initrd.size).toBe(0x10_0000n);
  });

  test("a page that would end above 2^64, whose pointers would wrap", () => {
    writeImage();
    expect(written([], {}, 0xffff_ffff_ffff_0000n).commandLine).toBe("console=ttyS0 root=/dev/vda");
    expect(refused(["-b", "0xfffffffffffff000", "-B", "x", image])).toBe(
      "1 zeropage: 0xfffffffffffff000: a zero page of 0x1040 bytes ends above 2^64",
    );
  });

  test("an initrd above initrd_addr_max for such a kernel", () => {
    const fact = "the initrd has to end by 0x38000000 (initrd_addr_max)";
    writeImage({ xloadflags: 1, highestInitrd: 0x37ff_ffff });
    expect(refused([...at, "-i", "0x37fff000,0x38000001", image])).toBe(`1 zeropage: 0x38000001: ${fact}`);
    expect(written(["-i", "0x37fff000,0x38000000"]).initrd.size).toBe(0x1000n);
    writeImage({ xloadflags: 3, highestInitrd: 0x37ff_ffff });
    expect(written(["-i", "0x37fff000,0x38000001"]).initrd.size).toBe(0x1001n);
  });

  test("a memory map of which Linux could not map the part behind the page", () => {
    const most = 128 + 12901;
    const make = (length: number) => {
      const start = bzImage();
      const memoryMap = Array.from({ length }, (_, index) => ({
        start: BigInt(index * 0x2000),
        end: BigInt(index * 0x2000 + 0x1000),
        type: 1,
      }));
      const none = { commandLine: new Uint8Array(0), initrd: undefined, rsdp: 0n, running: undefined };
      return makeBootParams(readSetupHeader("", start, start.length), {
        ...none,
        address: 0x10_0000n,
        memoryMap,
        seed: new Uint8Array(32),
      });
    };
    expect(new ZeroPageReader(make(most), 0x10_0000n).extendedMemoryMap).toHaveLength(12901);
    expect(() => make(most + 1)).toThrow(`memory map: ${most + 1} ranges, Linux reads ${most} at most`);
  });

  test("a machine that tells no memory map, or a crooked one", () => {
    const files = { "/proc/cmdline": "x\n" };
    expect(refused([...at, image], { root: folder.in("bare"), files })).toBe(
      "1 zeropage: /sys/firmware/memmap: no memory map there, nor in /sys/kernel/boot_params/data",
    );
    const crooked = { ...MACHINE, "/sys/firmware/memmap/3/end": "nonsense\n" };
    expect(refused([...at, image], { files: crooked })).toBe(
      "1 zeropage: /sys/firmware/memmap/3/end: 'nonsense' is not a hexadecimal number",
    );
  });

  test("a part of what the running kernel tells that cannot be read, or not all of it, with the reason", () => {
    const given = (files: Readonly<Record<string, Uint8Array | string>>, on: FakeWorld["on"] = {}) =>
      refused([...at, image], {
        root: folder.in(`part${Bun.randomUUIDv7()}`),
        files: { "/proc/cmdline": "x\n", ...files },
        on,
      });
    const map = { "/sys/firmware/memmap/0/start": "0x0\n", "/sys/firmware/memmap/0/end": "0xffff\n" };
    expect(given(map)).toBe("1 zeropage: /sys/firmware/memmap/0/type: ENOENT (no such file or directory)");
    const boot = "/sys/kernel/boot_params";
    expect(given({ [`${boot}/data`]: bootParams().subarray(0, 4000) })).toBe(
      `1 zeropage: ${boot}/data: 4000 bytes, not 4096`,
    );
    expect(given({ [`${boot}/data`]: bootParams(), [`${boot}/setup_data/0/type`]: "0x9\n" })).toBe(
      `1 zeropage: ${boot}/setup_data/0/data: ENOENT (no such file or directory)`,
    );
    const broken: FakeWorld["on"] = { openat: (_, call) => (call.path.endsWith("/data") ? -errno.EIO : call.pass()) };
    expect(given({ [`${boot}/data`]: bootParams() }, broken)).toBe(
      `1 zeropage: ${boot}/data: EIO (input/output error)`,
    );
  });

  test("a running kernel whose command line cannot be read, where none is given", () => {
    const { "/proc/cmdline": _, ...files } = MACHINE;
    expect(refused([...at, image], { files })).toBe(
      "1 zeropage: /proc/cmdline: cannot be read: -B TEXT says the command line",
    );
  });

  test("a machine without random numbers", () => {
    expect(refused([...at, image], { on: { getrandom: () => -errno.ENOSYS } })).toStartWith(
      "1 zeropage: getrandom: ENOSYS",
    );
  });

  test("a full disk, which is the one thing that is found out late", () => {
    const { code, err } = zeropage([...at, image], {
      on: { write: ([fd], call) => (fd === 1 ? -errno.ENOSPC : call.pass()) },
    });
    expect(code).toBe(1);
    expect(err).toStartWith("zeropage: standard output: ENOSPC");
  });
});
