// Kernels in ELF files are flattened as objcopy flattens them.

import { beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { flatten, readElf } from "../../src/elf.ts";
import { EM_PPC64 } from "../../src/sys/abi.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder({ lasts: "file", on: "disk" });

beforeAll(() => {
  writeFileSync(
    folder.in("a.s"),
    '.text\n.quad 0x1122334455667788\n.section .far,"a"\n.ascii "far"\n.bss\n.skip 0x345\n',
  );
  // Two segments with a gap between them, in the file in the opposite order of their physical addresses, then
  // .bss.
  // HIGH: where a kernel's virtual addresses begin; 64-bit unless --defsym says otherwise.
  writeFileSync(
    folder.in("a.lds"),
    `HIGH = DEFINED(HIGH) ? HIGH : 0xc000000000000000;
    PHDRS { high PT_LOAD; low PT_LOAD; }
    SECTIONS {
      . = HIGH + 0x20000; .far : AT(0x20000) { *(.far) } :high  .bss : AT(0x20010) { *(.bss) } :high
      . = HIGH; .text : AT(0) { *(.text) } :low
    }`,
  );
});

/** @param words what the assembler and the linker are told besides */
function linked(prefix: string, words = { as: ["-a64"], ld: [] as string[] }): { elf: Uint8Array; raw: Uint8Array } {
  const at = (name: string): string => folder.in(name);
  for (const command of [
    ["as", ...words.as, at("a.s"), "-o", at("a.o")],
    ["ld", ...words.ld, "-T", at("a.lds"), at("a.o"), "-o", at("a.elf")],
    ["objcopy", "-O", "binary", at("a.elf"), at("a.raw")],
  ]) {
    const { success, stderr } = Bun.spawnSync([`${prefix}${command[0]}`, ...command.slice(1)]);
    if (!success) throw new Error(stderr.toString());
  }
  return { elf: new Uint8Array(readFileSync(at("a.elf"))), raw: new Uint8Array(readFileSync(at("a.raw"))) };
}

for (const [prefix, endian] of [
  ["powerpc64-linux-gnu-", "big"],
  ["powerpc64le-linux-gnu-", "little"],
] as const) {
  test(`a ${endian} endian executable is flattened as objcopy does it, and its .bss counts as memory`, () => {
    const { elf, raw } = linked(prefix);
    const flat = flatten(readElf("a.elf", elf));
    expect(readElf("a.elf", elf)).toMatchObject({ endian, machine: EM_PPC64 });
    expect(raw.length).toBe(0x20003);
    expect(flat.bytes).toEqual(raw);
    expect(flat.memsz).toBe(0x20010 + 0x345);
  });
}

test("so is one of 32 bits", () => {
  const { elf, raw } = linked("powerpc64-linux-gnu-", {
    as: ["-a32", "-mppc"],
    ld: ["-m", "elf32ppc", "--defsym=HIGH=0xc0000000"],
  });
  const flat = flatten(readElf("b.elf", elf));
  expect(readElf("b.elf", elf)).toMatchObject({ bits: 32, endian: "big", machine: 20 });
  expect(raw.length).toBe(0x20003);
  expect(flat.bytes).toEqual(raw);
  expect(flat.memsz).toBe(0x20010 + 0x345);
});

test("what is not a whole 64-bit ELF file is refused by name", () => {
  const { elf } = linked("powerpc64-linux-gnu-");
  const wordSize = elf.slice();
  wordSize[4] = 1;
  expect(() => readElf("x", new Uint8Array(100))).toThrow("x: not an ELF file");
  expect(() => readElf("x", elf.subarray(0, 63))).toThrow("x: not an ELF file");
  expect(() => readElf("x", wordSize, 64)).toThrow("x: not a 64-bit ELF file");
  expect(() => readElf("x", elf.subarray(0, 64))).toThrow("x: program headers beyond the end of the file");
  expect(() => readElf("x", elf.subarray(0, 0x100))).toThrow("ends beyond the end of the file");
});
