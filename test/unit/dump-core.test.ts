// Core files of either byte order: their headers, notes and memory, and what is none.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { type CoreFile, openCore } from "../../src/dump/core.ts";
import { EXIT, Failure } from "../../src/failure.ts";
import { System } from "../../src/sys/system.ts";
import { type CoreParts, coreBytes } from "../support/core-file.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder();

const PPC64 = 21;
const LINEAR = 0xc000_0000_0000_0000n;

function fill(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed) & 0xff);
}

function open(bytes: Uint8Array): CoreFile {
  const path = folder.in("core");
  writeFileSync(path, bytes);
  return openCore(new System(fakeEngine()), path);
}

/** What opening it says, behind its path. */
function refused(bytes: Uint8Array): string {
  try {
    open(bytes);
  } catch (error) {
    if (error instanceof Failure) return error.fact;
    throw error;
  }
  throw new Error("it was opened");
}

const LOW = fill(0x3000, 1);
const HIGH = fill(0x2000, 2);

function parts(little: boolean): CoreParts {
  return {
    little,
    machine: PPC64,
    loads: [
      { physical: 0x1_0000_0000n, address: LINEAR + 0x1_0000_0000n, bytes: HIGH, size: 0x5000n },
      { physical: 0x1000n, address: LINEAR + 0x1000n, bytes: LOW },
      { physical: 0x4000n, address: LINEAR + 0x4000n, bytes: HIGH },
    ],
    notes: [
      [
        { name: "CORE", type: 1, contents: fill(371, 3) },
        { name: "CORE", type: 1, contents: fill(4, 4) },
      ],
      [{ name: "VMCOREINFO", type: 0, contents: Buffer.from("OSRELEASE=6.1\n") }],
    ],
  };
}

describe.each([true, false])("of a core file, little endian %p,", (little) => {
  const whole = parts(little);

  test("the machine and the notes of all PT_NOTEs are read", () => {
    const core = open(coreBytes(whole));
    expect([core.machine, core.littleEndian, core.loads.length, core.missing]).toEqual([PPC64, little, 3, 0n]);
    expect([...core.notes()].map(({ name, type, contents }) => [name, type, contents.length])).toEqual([
      ["CORE", 1, 371],
      ["CORE", 1, 4],
      ["VMCOREINFO", 0, 14],
    ]);
  });

  test("program headers are counted in section header 0 where e_phnum says so", () => {
    expect(open(coreBytes({ ...whole, extended: true })).headers.length).toBe(5);
  });

  test("memory is read across segments that adjoin, and not across a hole", () => {
    const core = open(coreBytes(whole));
    expect(core.readPhysical(0x3ff0n, 0x20)).toEqual(Buffer.concat([LOW.subarray(0x2ff0), HIGH.subarray(0, 0x10)]));
    expect(core.readVirtual(LINEAR + 0x3ff0n, 0x20)).toEqual(core.readPhysical(0x3ff0n, 0x20));
    expect(core.readPhysical(0x5ff0n, 0x11)).toBeUndefined();
    expect(core.readPhysical(0x5ff0n, 0x10)).toEqual(HIGH.subarray(0x1ff0));
    expect(core.readPhysical(0xfffn, 1)).toBeUndefined();
    expect(core.readVirtual(0x1000n, 1)).toBeUndefined();
  });

  test("what a segment has in memory and not in the file is zeros", () => {
    const bytes = open(coreBytes(whole)).readPhysical(0x1_0000_1ff0n, 0x3010);
    expect(bytes).toEqual(Buffer.concat([HIGH.subarray(0x1ff0), new Uint8Array(0x3000)]));
  });

  test("what was cut off is told, and what is left is read", () => {
    const bytes = coreBytes(whole);
    const core = open(bytes.subarray(0, bytes.length - 0x1001));
    expect(core.missing).toBe(0x1001n);
    expect(core.readPhysical(0x4000n, 0xfff)).toEqual(HIGH.subarray(0, 0xfff));
    expect(core.readPhysical(0x4000n, 0x1000)).toBeUndefined();
  });
});

test("of segments that overlap the first has the memory, wherever the second ends", () => {
  const loads = [
    { physical: 0x1800n, bytes: fill(0x1000, 6) },
    { physical: 0x1000n, bytes: fill(0x1000, 5) },
    { physical: 0x1200n, bytes: fill(0x100, 7) },
  ];
  const core = open(coreBytes({ little: true, machine: 62, loads }));
  expect(core.readPhysical(0x1000n, 0x1800)).toEqual(Buffer.concat([fill(0x1000, 5), fill(0x1000, 6).subarray(0x800)]));
});

test("the end of the address space is no hindrance", () => {
  const loads = [{ physical: (1n << 64n) - 8n, bytes: fill(8, 0), size: (1n << 64n) - 1n }];
  const core = open(coreBytes({ little: true, machine: 62, loads }));
  expect(core.readPhysical((1n << 64n) - 8n, 8)).toEqual(fill(8, 0));
});

describe("refused is", () => {
  const core = coreBytes(parts(true));
  const changed = (at: number, ...bytes: number[]): Uint8Array => {
    const copy = core.slice();
    copy.set(bytes, at);
    return copy;
  };

  test.each<[string, Uint8Array, string]>([
    ["an empty file", new Uint8Array(0), "not an ELF file"],
    ["noise", fill(5000, 1), "not an ELF file"],
    ["a program", changed(16, 2), "an ELF file of type 2, not a core file (4)"],
    ["a 32-bit file", changed(4, 1), "not a 64-bit ELF file"],
    ["a file without its program headers", core.subarray(0, 100), "program headers beyond the end of the file"],
    ["program headers nowhere", changed(39, 0xff), "program headers beyond the end of the file"],
    ["program headers of another size", changed(54, 55), "program headers of a strange size"],
    [
      "makedumpfile's own format",
      Buffer.from("KDUMP   \x06"),
      "a compressed dump of makedumpfile: `crash` and `makedumpfile --dump-dmesg` read it",
    ],
    [
      "a flattened dump",
      Buffer.from("makedumpfile\0\0\0\0\x01"),
      "a flattened dump of makedumpfile: `makedumpfile -R NEW <FILE` makes it whole",
    ],
    [
      "a saved state of qemu",
      Buffer.from("QEVM\0\0\0\x03"),
      "a saved state of qemu: qemu's dump-guest-memory writes ELF",
    ],
    ["a compressed dump", gzipSync(core), "compressed with gzip: gunzip makes the dump of it"],
  ])("%s", (_, bytes, fact) => {
    expect(refused(bytes)).toBe(fact);
  });

  test("more program headers than a dump has", () => {
    const bytes = coreBytes({ ...parts(true), extended: true });
    bytes.fill(0xff, 64 + 5 * 56 + 44, 64 + 5 * 56 + 48);
    expect(refused(bytes)).toBe("4294967295 program headers, more than 131072");
  });

  test("a folder", () => {
    expect(() => openCore(new System(fakeEngine()), folder.in("."))).toThrow("is a directory, not a file");
  });

  test("more notes than there can be, when they are read", () => {
    const bytes = coreBytes(parts(true));
    new DataView(bytes.buffer).setBigUint64(64 + 32, 1n << 40n, true);
    expect(() => [...open(bytes).notes()]).toThrow("more than 0x2000000 bytes of notes");
  });

  test("/proc/vmcore where no kernel has crashed, with what makes one", () => {
    const system = new System(fakeEngine({ root: folder.in("empty") }));
    expect(() => openCore(system, "/proc/vmcore")).toThrow("is not there: only a kernel that was started by a crash");
    expect(EXIT.input).toBe(1);
  });
});

test("notes end where one has no name, or is not whole", () => {
  const bytes = coreBytes({
    ...parts(true),
    notes: [
      [
        { name: "A", type: 1, contents: fill(4, 1) },
        { name: "B", type: 2, contents: fill(4, 1) },
      ],
    ],
  });
  const second = 64 + 4 * 56 + 20;
  const names = (at: number, value: number): string[] => {
    const copy = bytes.slice();
    copy[at] = value;
    return Array.from(open(copy).notes(), ({ name }) => name);
  };
  expect(names(second, 2)).toEqual(["A", "B"]);
  expect(names(second, 0)).toEqual(["A"]);
  expect(names(second + 4, 5)).toEqual(["A"]);
  expect(names(second + 7, 0xff)).toEqual(["A"]);
});
