// The ELF core header by which a crash kernel finds the crashed one's memory: its bytes, what is in it, and what is said of it.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type ProgramHeader, PT_LOAD, PT_NOTE, readElfHeaders } from "../../src/elf.ts";
import { makeCoreHeader } from "../../src/kexec/elfcorehdr.ts";
import { rangeOfSize } from "../../src/range.ts";
import { bzImage } from "../support/bzimage.ts";
import { coreFile, crashFiles, NO_ADDRESS, NOTES_SIZE, NOTES_START, VMCOREINFO } from "../support/core-files.ts";
import { temporaryFolder } from "../support/folder.ts";
import { ARM64, PPC64, RISCV64, VECTORS, WITH_CRASHKERNEL, X86_64 } from "../support/kexec-machines.ts";
import { type LoadRun, type Pretended, runPretended } from "../support/loading.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

function run(machine: Pretended, ...args: readonly string[]): LoadRun {
  return runPretended(folder.path, machine, "elfcorehdr", ...args);
}

function headersOf(machine: Pretended, ...args: readonly string[]): readonly ProgramHeader[] {
  const { code, out } = run(machine, ...args);
  expect(code).toBe(0);
  return readElfHeaders("header", out, 64).headers;
}

/** `physical start, size, virtual, offset` of the PT_LOADs. */
function loadsOf(machine: Pretended, ...args: readonly string[]): string[] {
  const loads = headersOf(machine, ...args).filter(({ type }) => type === PT_LOAD);
  return loads.map(({ physical, memorySize, fileSize, address, offset }) => {
    expect(fileSize).toBe(memorySize);
    return [physical, memorySize, address, offset].map((value) => value.toString(16)).join(" ");
  });
}

/** Another's files over those of a machine; undefined: not there. */
function having(machine: Pretended, files: Pretended["files"]): Pretended {
  return { ...machine, files: { ...machine.files, ...files } };
}

describe.each([
  ["ppc64", WITH_CRASHKERNEL, "big", 21],
  ["ppc64le", { ...WITH_CRASHKERNEL, machine: "ppc64le" } as Pretended, "little", 21],
  ["arm64", ARM64, "little", 183],
  ["riscv64", RISCV64, "little", 243],
  ["x86_64", X86_64, "little", 62],
] as const)("on %s", (_, machine, endian, elfMachine) => {
  test("is a core file of the running kernel's byte order and machine, in whole pages", () => {
    const { out } = run(machine);
    const { bits, type, ...elf } = readElfHeaders("header", out, 64);
    expect({ bits, type, endian: elf.endian, machine: elf.machine }).toEqual({
      bits: 64,
      type: 4,
      endian,
      machine: elfMachine,
    });
    expect(out.length % (machine.pageSize ?? 4096)).toBe(0);
    expect([...out.subarray(4, 16)]).toEqual([2, endian === "big" ? 2 : 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  test("has the notes of every cpu, then vmcoreinfo, where the kernel says that they are", () => {
    const notes = headersOf(machine).filter(({ type }) => type === PT_NOTE);
    const told = notes.map(({ offset, physical, fileSize, align }) => [offset, physical, fileSize, align].map(Number));
    expect(told).toEqual([
      [NOTES_START, NOTES_START, NOTES_SIZE, 4],
      [NOTES_START + 0x1000, NOTES_START + 0x1000, NOTES_SIZE, 4],
      [VMCOREINFO.start, VMCOREINFO.start, VMCOREINFO.size, 4],
    ]);
  });
});

describe("memory", () => {
  test("is refused where it would end above 2^64, and its numbers wrap", () => {
    expect(run(X86_64, "-b", "0xfffffffffffff000")).toMatchObject({ code: 0 });
    expect(run(WITH_CRASHKERNEL, "-b", "0xfffffffffffff000")).toMatchObject({
      code: 2,
      err: "elfcorehdr: -b: a header of 0x20000 bytes at 0xfffffffffffff000 ends above 2^64\n",
    });
  });

  test("on ppc64 is all but the crash kernel's, and below 64 KiB the copy that follows the header", () => {
    expect(loadsOf(WITH_CRASHKERNEL, "-b", "0x1fff0000")).toEqual([
      "0 10000 c000000000000000 20000000",
      "10000 fff0000 c000000000010000 10000",
      "20000000 60000000 c000000020000000 20000000",
    ]);
    const { out } = run(WITH_CRASHKERNEL, "-b", "0x1fff0000");
    expect(out.length).toBe(0x2_0000);
    expect(out.subarray(0x1_0000).equals(Buffer.from(VECTORS))).toBeTrue();
  });

  test("on ppc64 is without what is below 64 KiB where nothing can be copied, which is said", () => {
    const without = ["10000 fff0000 c000000000010000 10000", "20000000 60000000 c000000020000000 20000000"];
    expect(loadsOf(WITH_CRASHKERNEL)).toEqual(without);
    expect(run(WITH_CRASHKERNEL, "-v").err).toContain(
      "elfcorehdr: 0x0-0x10000, the exception vectors, is left out: the crash kernel writes there, and a copy needs -b\n",
    );
    const blind = having(WITH_CRASHKERNEL, { "/proc/kcore": undefined });
    expect(loadsOf(blind, "-b", "0x1fff0000")).toEqual(without);
    // What a dump will lack for want of an answer is told without -v.
    expect(run(blind, "-b", "0x1fff0000").err).toContain("and it cannot be copied\n");
    const holed = having(WITH_CRASHKERNEL, { "/proc/device-tree/memory@0/reg": cells(0, 0x8000, 0, 0x7fff_8000) });
    expect(loadsOf(holed, "-b", "0x1fff0000")).toEqual(without);
    expect(run(holed, "-b", "0x1fff0000", "-v").err).toContain("is left out: not all of it is memory\n");
  });

  test("on ppc64 is without what is below 64 KiB where a part of that is not wanted", () => {
    expect(loadsOf(WITH_CRASHKERNEL, "-b", "0x1fff0000", "--without", "0x8000,0x1000")[0]).toBe(
      "10000 fff0000 c000000000010000 10000",
    );
  });

  test("on ppc64 ends where mem= ends it, and has the blocks of a partition", () => {
    const limited = having(WITH_CRASHKERNEL, { "/proc/device-tree/chosen/linux,memory-limit": cells(0, 0x3000_0000) });
    expect(loadsOf(limited).at(-1)).toBe("20000000 10000000 c000000020000000 20000000");
    const root = "/proc/device-tree/ibm,dynamic-reconfiguration-memory";
    const block = (start: number, flags: number) => [0, start, start >> 28, 0, 0, flags];
    const blocks = having(WITH_CRASHKERNEL, {
      [`${root}/ibm,lmb-size`]: cells(0, 0x1000_0000),
      [`${root}/ibm,dynamic-memory`]: cells(
        3,
        ...block(0x8000_0000, 8),
        ...block(0x9000_0000, 8),
        ...block(0xa000_0000, 0),
      ),
    });
    expect(loadsOf(blocks).at(-1)).toBe("20000000 80000000 c000000020000000 20000000");
  });

  test("on arm64 is mapped as /proc/kcore says, and the kernel's text twice", () => {
    expect(loadsOf(ARM64)).toEqual([
      "40210000 11f0000 ffff800008010000 40210000",
      "40000000 20000000 ffff000000000000 40000000",
      "70000000 10000000 ffff000030000000 70000000",
    ]);
  });

  test("on x86-64 is without the first MiB, and the kernel's text is there twice", () => {
    expect(loadsOf(X86_64)).toEqual([
      "1000000 1000000 ffffffff81000000 1000000",
      "100000 ff00000 ffff888000100000 100000",
      "20000000 5ffe0000 ffff888020000000 20000000",
    ]);
    expect(run(X86_64, "-v").err).toContain("is left out: the crash kernel writes there\n");
  });

  test("is without both parts of a divided region, and with what drivers have brought", () => {
    const iomem = `00100000-7ffdffff : System RAM
  10000000-1fffffff : Crash kernel
100000000-1ffffffff : System RAM
  180000000-18fffffff : Crash kernel
200000000-2ffffffff : Persistent Memory
  210000000-21fffffff : System RAM (kmem)
`;
    expect(
      loadsOf(having(X86_64, { "/proc/iomem": iomem }))
        .slice(1)
        .map((text) => text.split(" ", 2).join(" ")),
    ).toEqual([
      "100000 ff00000",
      "20000000 5ffe0000",
      "100000000 80000000",
      "190000000 70000000",
      "210000000 10000000",
    ]);
  });

  test("is without what nobody may map", () => {
    const node = "/proc/device-tree/reserved-memory";
    const secret = having(WITH_CRASHKERNEL, {
      [`${node}/#address-cells`]: cells(2),
      [`${node}/#size-cells`]: cells(2),
      [`${node}/secret@30000000/reg`]: cells(0, 0x3000_0000, 0, 0x10_0000),
      [`${node}/secret@30000000/no-map`]: "",
      [`${node}/mapped@40000000/reg`]: cells(0, 0x4000_0000, 0, 0x10_0000),
    });
    expect(loadsOf(secret).slice(1)).toEqual([
      "20000000 10000000 c000000020000000 20000000",
      "30100000 4ff00000 c000000030100000 30100000",
    ]);
  });

  test("is without what OpenSBI keeps, though no property says that nobody may read it", () => {
    expect(loadsOf(RISCV64)).toEqual([
      "80200000 1e6c000 ffffffff80000000 80200000",
      "80080000 1ff80000 ffffaf8000080000 80080000",
      "b0000000 10000000 ffffaf8030000000 b0000000",
    ]);
  });

  test("is without what --without names, however often", () => {
    const without = ["--without", "0x20000000,0x1000", "--without=0x30000000,0x50000000"];
    expect(loadsOf(WITH_CRASHKERNEL, ...without)).toEqual([
      "10000 fff0000 c000000000010000 10000",
      "20001000 ffff000 c000000020001000 20001000",
    ]);
  });
});

describe("of /proc/kcore", () => {
  const linear = { address: 0xffff_8880_0010_0000n, physical: 0x10_0000n, size: 0x7fee_0000n };

  test("the kernel's text is left out where it is no memory that is saved", () => {
    const beyond = { address: 0xffff_ffff_8100_0000n, physical: 0x9000_0000n, size: 0x100_0000n };
    const inRegion = { ...beyond, physical: 0x1800_0000n };
    for (const text of [beyond, inRegion]) {
      const machine = having(X86_64, { "/proc/kcore": coreFile("x86_64", [text, linear]) });
      expect(loadsOf(machine)).toEqual([
        "100000 ff00000 ffff888000100000 100000",
        "20000000 5ffe0000 ffff888020000000 20000000",
      ]);
    }
  });

  test("what is no memory counts for nothing", () => {
    const vmalloc = { address: 0xffff_c900_0000_0000n, physical: NO_ADDRESS, size: 1n << 45n };
    const machine = having(X86_64, { "/proc/kcore": coreFile("x86_64", [vmalloc, linear]) });
    expect(loadsOf(machine)[0]).toBe("100000 ff00000 ffff888000100000 100000");
  });

  test("on ppc64 nothing can move where memory is mapped", () => {
    const moved = { address: 0xd000_0000_0000_0000n, physical: 0n, size: 1n << 40n };
    const machine = having(WITH_CRASHKERNEL, { "/proc/kcore": coreFile("ppc64", [moved]) });
    expect(loadsOf(machine).at(-1)).toBe("20000000 60000000 c000000020000000 20000000");
  });
});

test("without p_paddr in /proc/kcore, as before Linux 4.11, virtual addresses are a guess, which is said", () => {
  const old = coreFile("x86_64", [
    { address: 0xffff_ffff_8100_0000n, physical: 0n, size: 0x100_0000n },
    { address: 0xffff_8880_0010_0000n, physical: 0n, size: 0x7fee_0000n },
  ]);
  const machine = having(X86_64, { "/proc/kcore": old });
  expect(loadsOf(machine)[0]).toBe("100000 ff00000 ffff888000100000 100000");
  const said = "virtual addresses are a guess: RAM from 0xffff888000000000 on, and none for the kernel\n";
  expect(run(machine, "-v").err).toContain(said);
  expect(run(having(ARM64, { "/proc/kcore": undefined }), "-v").err).toContain("RAM from 0xfffeffffc0000000 on");
});

test("without vmcoreinfo the notes are those of cpus, which is said", () => {
  const machine = having(X86_64, { "/sys/kernel/vmcoreinfo": undefined });
  expect(headersOf(machine).filter(({ type }) => type === PT_NOTE)).toHaveLength(2);
  expect(run(machine, "-v").err).toContain(
    "no /sys/kernel/vmcoreinfo: a dump will not tell how its kernel was built\n",
  );
});

test("as many ranges as an ELF header counts are told, and one more is refused in words", () => {
  const sizes = { page: 0x1000n, least: 0n };
  const parts = (count: number) => ({
    ...({ elfMachine: 62, endian: "little", text: [], linear: 0n, copied: undefined } as const),
    notes: Array.from({ length: 2048 }, (_, index) => rangeOfSize(BigInt(NOTES_START + 0x1000 * index), 0x178n)),
    memory: Array.from({ length: count - 2048 }, (_, index) =>
      rangeOfSize(0x1_0000_0000n + 0x2000n * BigInt(index), 0x1000n),
    ),
  });
  const bytes = makeCoreHeader(parts(65_534), sizes, 0n);
  const { headers } = readElfHeaders("header", bytes, 64);
  expect(headers).toHaveLength(65_534);
  expect(headers.at(-1)?.offset).toBe(0x1_0000_0000n + 0x2000n * BigInt(65_534 - 2049));
  expect(() => makeCoreHeader(parts(65_535), sizes, 0n)).toThrow(
    "memory: 65535 program headers, of which 65534 is the most that an ELF header counts",
  );
});

test("memory that is kept for a larger header is zeros", () => {
  const parts = { elfMachine: 21, endian: "big", notes: [], text: [], memory: [], linear: 0n } as const;
  const copied = { start: 0n, bytes: new Uint8Array(0x1_0000).fill(7) };
  const bytes = makeCoreHeader({ ...parts, copied }, { page: 0x1_0000n, least: 0x1_0001n }, 0x800_0000n);
  expect(bytes.length).toBe(0x3_0000);
  expect(readElfHeaders("header", bytes, 64).headers[0]?.offset).toBe(0x802_0000n);
  expect([bytes[0x1_ffff], bytes[0x2_0000]]).toEqual([0, 7]);
});

describe("refused with nothing on standard output:", () => {
  const NO_NOTES = Object.fromEntries(Object.keys(crashFiles(2)).map((path) => [path, undefined]));
  test.each<[string, Pretended, string[], string]>([
    [
      "no region",
      PPC64,
      [],
      "1 elfcorehdr: -p: no memory is reserved for a crash kernel: boot with crashkernel=SIZE@START\n",
    ],
    [
      "an /proc/iomem that hides its addresses",
      having(X86_64, { "/proc/iomem": "00000000-00000000 : System RAM\n" }),
      [],
      "1 elfcorehdr: memory: /proc/iomem shows no addresses to this user\n",
    ],
    [
      "a kernel that leaves no notes",
      having(WITH_CRASHKERNEL, { ...NO_NOTES, "/sys/devices/system/cpu/cpu0/online": "1\n" }),
      [],
      "1 elfcorehdr: /sys/devices/system/cpu/cpu0/crash_notes: not there: the running kernel has no CONFIG_CRASH_DUMP (before Linux 6.9 CONFIG_KEXEC)\n",
    ],
    [
      "no /sys",
      having(WITH_CRASHKERNEL, NO_NOTES),
      [],
      "1 elfcorehdr: /sys/devices/system/cpu: cannot be read: /sys is needed\n",
    ],
    [
      "notes that are none",
      having(WITH_CRASHKERNEL, { "/sys/devices/system/cpu/cpu1/crash_notes": "(null)\n" }),
      [],
      "1 elfcorehdr: /sys/devices/system/cpu/cpu1/crash_notes: '(null)' is no number\n",
    ],
    [
      "a size of notes that is none",
      having(WITH_CRASHKERNEL, { "/sys/devices/system/cpu/cpu0/crash_notes_size": "99999999999\n" }),
      [],
      "1 elfcorehdr: /sys/devices/system/cpu/cpu0/crash_notes_size: 99999999999 bytes are no notes of a cpu\n",
    ],
    [
      "a vmcoreinfo that is none",
      having(WITH_CRASHKERNEL, { "/sys/kernel/vmcoreinfo": "0x0 1024\n" }),
      [],
      "1 elfcorehdr: /sys/kernel/vmcoreinfo: '0x0 1024' is no address and size\n",
    ],
    [
      "an address off its page",
      WITH_CRASHKERNEL,
      ["-b", "0x1234"],
      "2 elfcorehdr: -b: 0x1234 is not a multiple of 4096\n",
    ],
    [
      "a range of nothing",
      WITH_CRASHKERNEL,
      ["--without=1,0"],
      "2 elfcorehdr: --without: no memory has 0x0 bytes at 0x1\n",
    ],
    ["an operand", WITH_CRASHKERNEL, ["x"], "2 elfcorehdr: x: not expected: the header goes to standard output\n"],
    [
      "a terminal",
      { ...WITH_CRASHKERNEL, terminals: [1] },
      [],
      "2 elfcorehdr: standard output: refusing to write binary to a terminal\n",
    ],
  ])("%s", (_, machine, args, says) => {
    const { code, err, out } = run(machine, ...args);
    expect({ says: `${code} ${err}`, out: out.length }).toEqual({ says, out: 0 });
  });
});

describe("what the running kernel does not tell of itself is said, with -v and without it, by kexec -p too, where", () => {
  const line = ["kexec", "-p", "--append=quiet", "KERNEL"];

  test.each([
    ["/proc/kcore is not there", "/proc/kcore", "own memory cannot be read: /proc/kcore: ENOENT"],
    ["there is no vmcoreinfo", "/sys/kernel/vmcoreinfo", "no /sys/kernel/vmcoreinfo"],
  ])("%s", (_, path, said) => {
    const machine = having(X86_64, { [path]: undefined });
    writeFileSync(folder.in("bzImage"), bzImage());
    const words = line.map((word) => word.replace("KERNEL", folder.in("bzImage")));
    for (const each of [["elfcorehdr"], words]) {
      expect(runPretended(folder.path, machine, ...each).err).toContain(said);
      expect(runPretended(folder.path, X86_64, ...each).err).toBe("");
    }
  });
});
