// /proc/iomem as x86-64 and arm64 kernels write it.

import { expect, test } from "bun:test";
import { parseIomem, readIomem } from "../../src/kexec/iomem.ts";
import { System } from "../../src/sys/system.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { present } from "../support/present.ts";

const folder = temporaryFolder();

const Q35 = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
0009fc00-0009ffff : Reserved
000a0000-000bffff : PCI Bus 0000:00
000f0000-000fffff : Reserved
  000f0000-000fffff : System ROM
00100000-7ffdffff : System RAM
  01000000-01e02566 : Kernel code
  02000000-0291bfff : Kernel rodata
  02a00000-02dfcd3f : Kernel data
  6e000000-75ffffff : Crash kernel
  7e000000-7e000fff : reserved
    7e000000-7e0000ff : something in it
7ffe0000-7fffffff : ACPI Tables
b0000000-bfffffff : PCI MMCONFIG 0000 [bus 00-ff]
  b0000000-bfffffff : Reserved
100000000-17fffffff : System RAM
  16e000000-175ffffff : Crash kernel
180000000-1ffffffff : System RAM
`;

test("RAM is what is called System RAM, also above 4 GiB, ends are exclusive and neighbours are one range", () => {
  expect(present(parseIomem(Q35)).memory).toEqual([
    { start: 0x1000n, end: 0x9fc00n },
    { start: 0x100000n, end: 0x7ffe0000n },
    { start: 0x100000000n, end: 0x200000000n },
  ]);
});

test("of what lies in RAM, the running kernel and the crash kernel's region are not taken, the rest is", () => {
  expect(present(parseIomem(Q35)).taken).toEqual([{ start: 0x7e000000n, end: 0x7e001000n, name: "reserved" }]);
});

test("the running kernel is from the first of its parts to the last, and what is no RAM has its names", () => {
  const { runningKernel, notRam } = present(parseIomem(Q35));
  expect(runningKernel).toEqual({ start: 0x1000000n, end: 0x2dfcd40n });
  expect(notRam.map(({ name }) => name)).toEqual([
    ...["Reserved", "Reserved", "PCI Bus 0000:00", "Reserved"],
    ...["ACPI Tables", "PCI MMCONFIG 0000 [bus 00-ff]"],
  ]);
  expect(present(parseIomem("00100000-7ffdffff : System RAM\n")).runningKernel).toBeUndefined();
});

test("of two crash kernel regions the upper is the one kexec_load takes", () => {
  expect(present(parseIomem(Q35)).crashkernel).toEqual({ start: 0x16e000000n, end: 0x176000000n });
});

test("a machine without a crash kernel's region has none", () => {
  expect(present(parseIomem("00100000-7ffdffff : System RAM\n")).crashkernel).toBeUndefined();
});

test("addresses that the kernel hides from the unprivileged are unknown, not 0", () => {
  const hidden = "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n  00000000-00000000 : Kernel code\n";
  expect(parseIomem(hidden)).toBeUndefined();
  expect(parseIomem("")).toBeUndefined();
});

test("it is read from /proc/iomem, and undefined where there is none", () => {
  const files = { "/proc/iomem": "00100000-001fffff : System RAM\n" };
  const engine = fakeEngine({ root: folder.path, files });
  expect(present(readIomem(new System(engine))).memory).toEqual([{ start: 0x100000n, end: 0x200000n }]);
  expect(readIomem(new System(fakeEngine()))).toBeUndefined();
});
