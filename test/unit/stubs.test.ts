import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machineOf, machines } from "../../scripts/machines/machines.ts";
import { assemble, buildGather, prebuiltName, toHexText } from "../../scripts/stubs.ts";
import { runTool } from "../../scripts/tool.ts";
import { archs } from "../../src/arch/archs.ts";
import { builtInStub, stubOwner } from "../../src/arch/stubs.ts";
import { KERNEL_ADDRESS, kernelAddressIn, STUB_SIZE } from "../../src/kexec/stub.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const STUBS = new URL("../../stub/", import.meta.url).pathname;
const folder = temporaryFolder({ lasts: "file" });

describe.each(machines.map(({ name, stubs }) => [name, stubs.embedded] as const))(
  "the stub of %s",
  (machine, source) => {
    test("is what the assembler makes of its source, as bytes and as text", async () => {
      const assembled = await assemble(source, machine);
      expect(builtInStub("", machine)).toEqual(assembled);
      const prebuilt = join(STUBS, machine, prebuiltName(source));
      expect(readFileSync(prebuilt, "latin1")).toBe(toHexText(assembled));
    });

    test("has 256 bytes and no kernel", () => {
      const { stub } = archs.find(({ name }) => name === machine)!;
      expect(stub.bytes().length).toBe(STUB_SIZE);
      expect(kernelAddressIn(stub, stub.bytes())).toBe(0n);
    });

    test("is recognized with any kernel's address in it and a tree behind it, not when a byte of its code differs", () => {
      const arch = archs.find(({ name }) => name === machine)!;
      const { stub } = arch;
      const segment = new Uint8Array(0x200);
      segment.set(stub.bytes());
      segment.fill(0xff, KERNEL_ADDRESS);
      expect(stubOwner(segment)).toBe(arch);
      for (let at = 0; at < stub.codeSize; at++) {
        const bytes = stub.bytes();
        bytes[at]! ^= 1;
        expect(stubOwner(bytes)).toBeUndefined();
      }
      expect(stubOwner(stub.bytes().subarray(0, STUB_SIZE - 1))).toBeUndefined();
    });
  },
);

test.each(["x64", "arm64"] as const)(
  "what Bun maps to read directories on %s is what the compiler makes of its source",
  async (target) => {
    const prebuilt = new URL(`../../src/sys/gather/${machineOf(target).name}.hex`, import.meta.url).pathname;
    expect(readFileSync(prebuilt, "latin1")).toBe(toHexText(await buildGather(target)));
  },
);

test.each([
  ["ppc64", 0x0102030405060708n],
  ["arm64", 0x0807060504030201n],
  ["x86_64", 0x0807060504030201n],
] as const)(
  "the kernel's address is read in the byte order of %s, wherever a segment's bytes lie in their buffer",
  (name, address) => {
    const { stub } = archs.find((each) => each.name === name)!;
    const segment = new Uint8Array(0x300).subarray(0x40, 0x40 + STUB_SIZE);
    segment.set([1, 2, 3, 4, 5, 6, 7, 8], KERNEL_ADDRESS);
    expect(kernelAddressIn(stub, segment)).toBe(address);
  },
);

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

describe("v2wrap", () => {
  test.each([
    ["ppc64", "ppc64"],
    ["ppc64le", "ppc64"],
    ["aarch64", "arm64"],
    ["x86_64", "x86_64"],
  ] as const)("on %s writes the stub of %s", (machine, name) => {
    const { code, out } = runInside({ machine }, "v2wrap");
    expect({ code, out: new Uint8Array(out) }).toEqual({ code: 0, out: Uint8Array.from(builtInStub("", name)) });
  });

  test("writes that of another machine when asked", () => {
    const { out } = runInside({ machine: "x86_64" }, "v2wrap", "--machine", "arm64");
    expect(new Uint8Array(out)).toEqual(Uint8Array.from(builtInStub("", "arm64")));
  });

  test("has none for a machine that it does not know, and writes nothing", () => {
    expect(runInside({ machine: "ppc64" }, "v2wrap", "--machine", "sparc")).toMatchObject({
      code: 2,
      out: Buffer.alloc(0),
      err: "v2wrap: --machine: no stub for sparc is built in, only for ppc64 arm64 x86_64\n",
    });
  });
});
