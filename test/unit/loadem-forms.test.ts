// loadem on every machine: what is known never to be code is neither entered nor given to a stub as its kernel.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { findArch } from "../../src/arch/archs.ts";
import { builtInStub } from "../../src/arch/stubs.ts";
import type { Machine } from "../../src/sys/engine.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  arm64Image,
  bzImage,
  code,
  elf,
  fit,
  packedForms,
  portableExecutable,
  ramdisk,
  riscvImage,
  strangers,
  uImage,
  zboot,
} from "../support/forms.ts";
import { loadem, type Pretended, WITHOUT_TREE } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { makeTree } from "../support/tree.ts";

const folder = temporaryFolder();

/** By the name that messages have for them; ppc64le is ppc64 there. */
const MACHINES: readonly (readonly [Machine, string])[] = [
  ["ppc64", "ppc64"],
  ["ppc64le", "ppc64"],
  ["aarch64", "arm64"],
  ["x86_64", "x86_64"],
];

/** What unpacking gives there, and the rest of that sentence. */
const UNPACKED: Readonly<Record<string, string>> = {
  ppc64: "vmlinux of it, and objcopy -O binary makes of that what can be entered",
  arm64: "Image of it",
  x86_64: "bzImage of it, and zeropage --kernel makes of that what can be entered",
};

const STUB = 0x2000_0000;

interface Line {
  readonly machine: Machine;
  /** The files of the line, by names in capitals. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly stdin?: Uint8Array;
}

function run({ machine, files = {}, stdin }: Line, line: string) {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(folder.in(name), bytes);
  const isNamed = (word: string): boolean => word in files;
  const words = line.split(" ").map((word) => (isNamed(word) ? folder.in(word) : word));
  const pretended: Pretended = {
    machine,
    ...(machine.startsWith("ppc64") ? {} : { files: WITHOUT_TREE }),
    ...(stdin === undefined ? {} : { stdin }),
  };
  return loadem(folder.path, pretended, ...words);
}

/** The exit code and what is said of a segment: its number and the fact. Nothing was loaded. */
function refused(files: Line, line: string): string {
  const { code: exit, err, changes } = run(files, line);
  expect(changes).toEqual([]);
  return `${exit} ${err.replace(/^loadem: segment (\d) \(.*?\): /, "$1 ").trimEnd()}`;
}

const taken = (files: Line, line: string): boolean => {
  const { code: exit, loads } = run(files, line);
  return exit === 0 && loads.length === 1;
};

const ENTER = "-r 0x1000 -a 0x20000000 -e -f KERNEL";

/** What a machine's stub has behind it: made by fs2dt or zeropage for STUB + 0x100. */
function handOver(machine: Machine): Buffer {
  const address = `0x${(STUB + 0x100).toString(16)}`;
  if (machine !== "x86_64") {
    const path = folder.in(`tree${Bun.randomUUIDv7()}`);
    makeTree(path, [["compatible", "linux,dummy-virt\0"]]);
    return runInside({ machine }, "fs2dt", "-b", address, path).out;
  }
  writeFileSync(folder.in("bzImage"), bzImage({ initSize: 0x4000 }));
  const files = { "/sys/firmware/memmap/0/start": "0x0\n", "/sys/firmware/memmap/0/end": "0x7fffffff\n" };
  const memmap = { ...files, "/sys/firmware/memmap/0/type": "System RAM\n" };
  const made = runInside(
    { root: folder.in("zeropage"), files: memmap },
    ...["zeropage", "-b", address, "-B", "quiet", folder.in("bzImage")],
  );
  expect(made.err).toBe("");
  return made.out;
}

/** A line with a stub that is in order, whose kernel is KERNEL. */
function behindStub(machine: Machine): string {
  const chain = present(findArch(machine)?.stub).chain;
  return `-r 0x1000 -a 0x20000000 -e -w -s -a 0x30000000 -c 0x${chain.toString(16)} -f KERNEL -z 0x4000`;
}

describe.each(MACHINES)("on %s", (machine, name) => {
  const unpacked = present(UNPACKED[name]);

  test.each(packedForms)("a kernel compressed with %s is refused, and told of %s", (method, tool, bytes) => {
    const fact = `compressed with ${method}: ${tool} makes the ${unpacked}`;
    expect(refused({ machine, files: { KERNEL: bytes } }, ENTER)).toBe(`1 0 ${fact}`);
    const stdin = handOver(machine);
    expect(refused({ machine, files: { KERNEL: bytes }, stdin }, behindStub(machine))).toBe(`1 1 ${fact}`);
  });

  test.each(code)("%s is entered, and given to the stub", (_, bytes) => {
    expect(taken({ machine, files: { KERNEL: bytes } }, ENTER)).toBe(true);
    expect(taken({ machine, files: { KERNEL: bytes }, stdin: handOver(machine) }, behindStub(machine))).toBe(true);
  });

  test.each(strangers.filter(([, bytes]) => bytes !== ramdisk))("%s is refused", (what, bytes) => {
    expect(refused({ machine, files: { KERNEL: bytes } }, ENTER)).toStartWith(`1 0 ${what}`);
    const stdin = handOver(machine);
    expect(refused({ machine, files: { KERNEL: bytes }, stdin }, behindStub(machine))).toStartWith(`1 1 ${what}`);
  });

  test("a kernel of another machine is refused", () => {
    const kernels: readonly (readonly [string, string, Buffer])[] = [
      ["arm64", "an Image for arm64", arm64Image()],
      ["riscv", "an Image for riscv", riscvImage()],
      ["x86_64", "a bzImage for x86_64", bzImage()],
      ["arm64", "an ELF file for arm64", elf({ machine: 183 })],
      ["x86_64", "an ELF file for x86_64", elf({ machine: 62 })],
      ["ppc64", "an ELF file for ppc64", elf({ machine: 21 })],
      ["i386", "an ELF file for i386", elf({ machine: 3, bits: 32 })],
      ["arm64", "an EFI zboot image for arm64", zboot("gzip", 0xaa64)],
      ["arm64", "a unified kernel image for arm64", portableExecutable(0xaa64, [".linux"])],
      ["x86_64", "a unified kernel image for x86_64", portableExecutable(0x8664, [".linux"])],
    ];
    for (const [own, what, bytes] of kernels) {
      if (own === name) continue;
      const fact = `${what}, but this machine is ${name}`;
      expect(refused({ machine, files: { KERNEL: bytes } }, ENTER)).toBe(`1 0 ${fact}`);
    }
  });

  test("U-Boot's forms are refused, and what takes the kernel out is told", () => {
    expect(refused({ machine, files: { KERNEL: uImage(2, 1) } }, ENTER)).toBe(
      "1 0 a uImage (U-Boot): tail -c +65 | gunzip takes the kernel out",
    );
    expect(refused({ machine, files: { KERNEL: fit() } }, ENTER)).toBe(
      "1 0 a FIT (U-Boot): dumpimage -T flat_dt takes the kernel out",
    );
    expect(refused({ machine, files: { KERNEL: fit("memory") } }, ENTER)).toBe(
      "1 0 a device tree blob, no code: -w before it puts the stub there",
    );
  });

  test("a tree or zero page that is entered is refused, wherever in its segment it lies: the stub is missing", () => {
    const stdin = handOver(machine);
    const what = machine === "x86_64" ? "a zero page" : "a device tree blob";
    const fact = `${what}, no code: -w before it puts the stub there`;
    const kernel = "-a 0x30000000 -f KERNEL -z 0x4000";
    const given: Line = { machine, files: { KERNEL: present(code[0])[1], PAGE: Buffer.alloc(0x1000, 0x60) }, stdin };
    expect(refused(given, `-r 0x1000 -a 0x20000000 -e -s ${kernel}`)).toBe(`1 0 ${fact}`);
    expect(refused(given, `-r 0x1000 -a 0x20000000 -f PAGE -e -s ${kernel}`)).toBe(`1 0 at 0x20001000: ${fact}`);
    expect(refused(given, `-r 0x1000 -a 0x20000000 -e -s -w ${kernel}`)).toBe(`1 0 ${fact}`);
    expect(refused(given, `-r 0x1000 -a 0x20000000 -w -e -s ${kernel}`)).toBe(
      `1 0 at 0x20000100: ${what}, no code: -e goes before the -w`,
    );
  });

  test("the stub behind what it hands over is refused: the order is wrong", () => {
    const kernel = "-a 0x30000000 -f KERNEL -z 0x4000";
    const given: Line = { machine, files: { KERNEL: present(code[0])[1] }, stdin: handOver(machine) };
    expect(refused(given, `-r 0x1000 -a 0x20000000 -s -4 -e -w ${kernel}`)).toMatch(
      /^1 0 the stub at 0x20[0-9a-f]{6} lies behind what it hands over: -w goes before -s$/,
    );
    expect(refused(given, `-r 0x1000 -a 0x20000000 -s -w -4 -e ${kernel}`)).toEndWith(
      ": no bytes are entered: -e -w goes before -s",
    );
  });

  test("a kernel that is entered itself, though the stub has its address, is refused: -e is in the wrong place", () => {
    const given: Line = { machine, files: { KERNEL: Buffer.alloc(0x1000, 0x60) }, stdin: handOver(machine) };
    const line = behindStub(machine);
    const fact = "is entered itself, not by the stub in segment 0 (0x20000000-0x20002000, v2wrap + standard input)";
    expect(refused(given, line.replace(" -e", "").replace(" -f", " -e -f")).replace("20001000", "20002000")).toBe(
      `1 1 ${fact}: -e goes before its -w`,
    );
    // Other code may be entered first, and go on to the stub.
    expect(taken(given, `${line.replace(" -e", "")} -a 0x31000000 -e -f KERNEL`)).toBe(true);
  });

  test("zeros that no file holds are no kernel for the stub", () => {
    const given: Line = { machine, files: { KERNEL: present(code[0])[1] }, stdin: handOver(machine) };
    const fact = "1 1 nothing but zeros, no kernel: -f puts it there";
    expect(refused(given, behindStub(machine).replace("-f KERNEL ", ""))).toBe(fact);
    expect(taken(given, behindStub(machine))).toBe(true);
  });

  test("an initrd or a tree in the kernel's place is refused: -c is in the wrong place", () => {
    const line = behindStub(machine);
    const stdin = handOver(machine);
    expect(refused({ machine, files: { KERNEL: ramdisk }, stdin }, line)).toBe(
      "1 1 a cpio archive, as an initramfs is, no kernel: -c goes after the -a of the kernel",
    );
    const blob = machine === "x86_64" ? handOver("ppc64") : handOver(machine);
    expect(refused({ machine, files: { KERNEL: blob }, stdin }, line)).toBe(
      "1 1 a device tree blob, no kernel: -c goes after the -a of the kernel",
    );
    expect(refused({ machine, files: { KERNEL: ramdisk } }, ENTER)).toBe(
      "1 0 a cpio archive, as an initramfs is, no code",
    );
  });

  test("other code may be told where an initrd, a tree or anything else lies, but not of a packed kernel", () => {
    const chained = "-r 0x1000 -a 0x20000000 -e -f CODE -a 0x30000000 -c 0x100 -f DATA";
    const entered = Buffer.alloc(0x1000, 0x60);
    for (const data of [ramdisk, handOver(machine), entered]) {
      expect(taken({ machine, files: { CODE: entered, DATA: data } }, chained)).toBe(true);
    }
    const [method, tool, bytes] = present(packedForms[2]);
    expect(refused({ machine, files: { CODE: entered, DATA: bytes } }, chained)).toBe(
      `1 1 compressed with ${method}: ${tool} makes the ${unpacked}`,
    );
    expect(taken({ machine, files: { CODE: entered, DATA: bytes } }, chained.replace("-c 0x100 ", ""))).toBe(true);
  });

  test("--no-checks loads all of it, byte for byte", () => {
    for (const bytes of [...packedForms, ...strangers].map((row) => present(row.at(-1)) as Buffer)) {
      const { code: exit, loads } = run({ machine, files: { KERNEL: bytes } }, `${ENTER} --no-checks`);
      expect(exit).toBe(0);
      expect(present(loads[0]?.segments[0]).bytes.equals(bytes)).toBe(true);
    }
  });
});

test("arm64 enters an Image for little endian alone", () => {
  const line = "-r 0x1000 -a 0x20000000 -e -f KERNEL";
  for (const flags of [0x0a, 0x02, 0x0e, 0]) {
    expect(taken({ machine: "aarch64", files: { KERNEL: arm64Image(flags) } }, line)).toBe(true);
  }
  for (const flags of [0x0b, 0x03, 0x01]) {
    expect(refused({ machine: "aarch64", files: { KERNEL: arm64Image(flags) } }, line)).toBe(
      "1 0 a big endian Image for arm64, but code is entered in little endian here",
    );
  }
});

describe("an ELF file is refused with what makes of it what can be entered", () => {
  const objcopy = "begins with an ELF header, not with code: objcopy -O binary makes what can be entered";

  test("objcopy on ppc64 in either byte order, and on arm64 in its own", () => {
    for (const bigEndian of [true, false]) {
      expect(refused({ machine: "ppc64le", files: { KERNEL: elf({ machine: 21, bigEndian }) } }, ENTER)).toBe(
        `1 0 ${objcopy}`,
      );
    }
    expect(refused({ machine: "aarch64", files: { KERNEL: elf({ machine: 183 }) } }, ENTER)).toBe(`1 0 ${objcopy}`);
    expect(refused({ machine: "aarch64", files: { KERNEL: elf({ machine: 183, bigEndian: true }) } }, ENTER)).toBe(
      "1 0 a big endian ELF file for arm64, but code is entered in little endian here",
    );
  });

  test("on x86-64 zeropage for a kernel, and objcopy for what is entered itself", () => {
    const files = { KERNEL: elf({ machine: 62 }) };
    expect(refused({ machine: "x86_64", files }, ENTER)).toBe(`1 0 ${objcopy}`);
    expect(refused({ machine: "x86_64", files, stdin: handOver("x86_64") }, behindStub("x86_64"))).toBe(
      "1 1 begins with an ELF header, as a vmlinux does: zeropage --kernel makes of its bzImage what can be entered",
    );
  });

  test("in powerpc's boot wrapper", () => {
    const wrapped = elf({ machine: 20, bits: 32, bigEndian: true, sections: "\0.text\0.kernel:vmlinux.strip\0" });
    expect(refused({ machine: "ppc64", files: { KERNEL: wrapped } }, ENTER)).toBe(
      "1 0 a zImage, a vmlinux in powerpc's boot wrapper: objcopy -O binary --only-section=.kernel:vmlinux.strip takes the " +
        "compressed vmlinux out",
    );
  });
});

test("x86-64 tells what takes the kernel out of a whole bzImage, or a unified kernel image of its own", () => {
  const stdin = handOver("x86_64");
  const whole = "is a whole bzImage, with code for real mode at its start: zeropage --kernel gives what can be entered";
  expect(refused({ machine: "x86_64", files: { KERNEL: bzImage() } }, ENTER)).toBe(`1 0 ${whole}`);
  expect(refused({ machine: "x86_64", files: { KERNEL: bzImage() }, stdin }, behindStub("x86_64"))).toBe(
    `1 1 ${whole}`,
  );
  const files = { KERNEL: portableExecutable(0x8664, [".text", ".linux", ".initrd", ".cmdline"]) };
  expect(refused({ machine: "x86_64", files, stdin }, behindStub("x86_64"))).toBe(
    "1 1 a unified kernel image for x86_64: .linux holds the kernel, .initrd its initrd, .cmdline the command line: " +
      "objcopy -O binary --only-section=.linux takes the kernel out",
  );
});

test("a kernel that a stub has the address of without -c is looked at too", () => {
  for (const machine of ["ppc64", "aarch64"] as const) {
    const stub = Buffer.from(builtInStub("", machine));
    const address = 0x3000_0000n;
    if (present(findArch(machine)?.stub).endian === "big") stub.writeBigUInt64BE(address, 0xf8);
    else stub.writeBigUInt64LE(address, 0xf8);
    const files = { STUB: stub, KERNEL: present(packedForms[2])[2] };
    expect(
      refused(
        { machine, files, stdin: handOver(machine) },
        "-r 0x1000 -a 0x20000000 -e -f STUB -s -a 0x30000000 -f KERNEL",
      ),
    ).toStartWith("1 1 compressed with xz: unxz");
  }
});
