// Kernels in ELF files are flattened as objcopy flattens them.

import { expect, test } from "bun:test";
import { flatten, readElf } from "../../src/elf.ts";
import { EM_PPC64 } from "../../src/sys/abi.ts";
import { temporaryFolder } from "../support/folder.ts";
import { LINKED_MEMORY, linked } from "../support/linked.ts";

const folder = temporaryFolder({ lasts: "file", on: "disk" });

for (const [prefix, endian] of [
  ["powerpc64-linux-gnu-", "big"],
  ["powerpc64le-linux-gnu-", "little"],
] as const) {
  test(`a ${endian} endian executable is flattened as objcopy does it, and its .bss counts as memory`, () => {
    const { elf, raw } = linked(folder, prefix);
    const flat = flatten(readElf("a.elf", elf));
    expect(readElf("a.elf", elf)).toMatchObject({ endian, machine: EM_PPC64 });
    expect(raw.length).toBe(0x20003);
    expect(flat.bytes).toEqual(raw);
    expect(flat.memsz).toBe(LINKED_MEMORY);
  });
}

test("so is one of 32 bits", () => {
  const { elf, raw } = linked(folder, "powerpc64-linux-gnu-", {
    as: ["-a32", "-mppc"],
    ld: ["-m", "elf32ppc", "--defsym=HIGH=0xc0000000"],
  });
  const flat = flatten(readElf("b.elf", elf));
  expect(readElf("b.elf", elf)).toMatchObject({ bits: 32, endian: "big", machine: 20 });
  expect(raw.length).toBe(0x20003);
  expect(flat.bytes).toEqual(raw);
  expect(flat.memsz).toBe(LINKED_MEMORY);
});

test("what is not a whole 64-bit ELF file is refused by name", () => {
  const { elf } = linked(folder, "powerpc64-linux-gnu-");
  const wordSize = elf.slice();
  wordSize[4] = 1;
  expect(() => readElf("x", new Uint8Array(100))).toThrow("x: not an ELF file");
  expect(() => readElf("x", elf.subarray(0, 63))).toThrow("x: not an ELF file");
  expect(() => readElf("x", wordSize, 64)).toThrow("x: not a 64-bit ELF file");
  expect(() => readElf("x", elf.subarray(0, 64))).toThrow("x: program headers beyond the end of the file");
  expect(() => readElf("x", elf.subarray(0, 0x100))).toThrow("ends beyond the end of the file");
});
