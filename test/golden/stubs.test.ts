// The prebuilt code is what assembler and compiler make of its sources, and what the disassembler reads in it.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machineOf, machines } from "../../scripts/machines/machines.ts";
import { assemble, buildNative, NATIVE, prebuiltName, toHexText } from "../../scripts/stubs.ts";
import { runTool } from "../../scripts/tool.ts";
import { archs } from "../../src/arch/archs.ts";
import { builtInStub } from "../../src/arch/stubs.ts";
import { parseWords } from "../../src/kexec/stub.ts";
import { temporaryFolder } from "../support/folder.ts";

const STUBS = new URL("../../stub/", import.meta.url).pathname;
const folder = temporaryFolder({ on: "disk" });

describe.each(machines.flatMap(({ name, stubs }) => stubs.embedded.map((source) => [name, source] as const)))(
  "of %s %s",
  (machine, source) => {
    test("is embedded as what the assembler makes of it, as bytes and as text", async () => {
      const assembled = await assemble(source, machine);
      const prebuilt = readFileSync(join(STUBS, machine, prebuiltName(source)), "latin1");
      expect(prebuilt).toBe(toHexText(assembled));
      expect(parseWords(prebuilt)).toEqual(assembled);
    });
  },
);

const withStub = machines.filter(({ name }) => archs.some((arch) => arch.name === name && arch.stub !== undefined));

test.each(withStub.map(({ name, stubs }) => [name, stubs.embedded[0] ?? ""] as const))(
  "the stub of %s is its first source",
  async (machine, source) => {
    expect(builtInStub("", machine)).toEqual(await assemble(source, machine));
  },
);

describe.each(["x64", "arm64"] as const)("for Bun on %s", (target) => {
  test.each(NATIVE)("the prebuilt code of src/sys/%s is what the compiler makes of its source", async (part) => {
    const prebuilt = new URL(`../../src/sys/${part}/${machineOf(target).name}.hex`, import.meta.url).pathname;
    expect(readFileSync(prebuilt, "latin1")).toBe(toHexText(await buildNative(part, target)));
  });
});

test("that of arm64 enters the kernel at 0xf8 with the tree at 0x100 in x0 and zeros in x1 to x3", async () => {
  const file = folder.in("code");
  writeFileSync(file, builtInStub("", "arm64").subarray(0, 24));
  const text = await runTool(["aarch64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "aarch64", file]);
  const code = text.split("\n").flatMap((line) => /^ +[0-9a-f]+:\t[0-9a-f]{8} \t(.*)$/.exec(line)?.[1] ?? []);
  expect(code.map((each) => each.replace(/\s+/g, " "))).toEqual([
    "adr x0, 0x100",
    "ldr x4, 0xf8",
    "mov x1, xzr",
    "mov x2, xzr",
    "mov x3, xzr",
    "br x4",
  ]);
});

test("what qemu starts on riscv64 is handed the tree at 0x10 in a1, and enters what is at 0x18", async () => {
  const file = folder.in("code-riscv");
  writeFileSync(file, (await assemble("qemu-start.S", "riscv64")).subarray(0, 0x10));
  const text = await runTool(["riscv64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "riscv:rv64", file]);
  const code = text.split("\n").flatMap((line) => /^ +[0-9a-f]+:\t[0-9a-f]+ +\t(.*)$/.exec(line)?.[1] ?? []);
  expect(code.map((each) => each.replace(/\s+/g, " "))).toEqual([
    "auipc t0,0x0",
    "ld a1,16(t0) # 0x10",
    "ld t0,24(t0)",
    "jr t0",
  ]);
});

test("that of x86_64 loads a GDT, clears 12 bits of a page table's entry, far-returns to 0x200 behind the kernel's address, with the zero page in rsi", async () => {
  const file = folder.in("code-x86");
  writeFileSync(file, builtInStub("", "x86_64").subarray(0, 0x55));
  const text = await runTool(["x86_64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "i386:x86-64", file]);
  const code = text.split("\n").flatMap((line) => /^ +[0-9a-f]+:\t(?:[0-9a-f]{2} )+ *\t(.*)$/.exec(line)?.[1] ?? []);
  expect(code.map((each) => each.replace(/\s+#.*$/, "").replace(/\s+/g, " "))).toEqual([
    "cli",
    "cld",
    "lea 0xef(%rip),%rsp",
    "lea 0x70(%rip),%rax",
    "push %rax",
    "pushw $0x1f",
    "lgdt (%rsp)",
    "mov %cr3,%rax",
    "and $0xfffffffffffff000,%rax",
    "andw $0xf,0x6(%rax)",
    "mov 0xca(%rip),%rax",
    "add $0x200,%rax",
    "push $0x10",
    "push %rax",
    "mov $0x18,%eax",
    "mov %eax,%ds",
    "mov %eax,%es",
    "mov %eax,%ss",
    "mov %eax,%fs",
    "mov %eax,%gs",
    "lea 0xb3(%rip),%rsi",
    "xor %ebx,%ebx",
    "xor %ebp,%ebp",
    "xor %edi,%edi",
    "lretq",
  ]);
});
