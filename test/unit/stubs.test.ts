// The stubs as they are embedded, how they are recognized, and the applet that writes them.

import { describe, expect, test } from "bun:test";
import { archs } from "../../src/arch/archs.ts";
import { builtInStub } from "../../src/arch/stubs.ts";
import { findTarget, KERNEL_ADDRESS, readKernelAddress, STUB_SIZE } from "../../src/kexec/stub.ts";
import { runInside } from "../support/fake-engine.ts";
import { present } from "../support/present.ts";

const withStub = archs.flatMap((arch) => (arch.stub === undefined ? [] : [[arch.name, arch, arch.stub] as const]));

describe.each(withStub)("the stub of %s", (_, arch, stub) => {
  test("has 256 bytes and no kernel", () => {
    expect(stub.bytes().length).toBe(STUB_SIZE);
    expect(readKernelAddress(stub, stub.bytes())).toBe(0n);
  });

  test("is recognized with any kernel's address in it and a tree behind it, not when a byte of its code differs", () => {
    const segment = new Uint8Array(0x200);
    segment.set(stub.bytes());
    segment.fill(0xff, STUB_SIZE - stub.word);
    expect(findTarget(archs, segment)).toBe(arch);
    for (let at = 0; at < stub.codeSize; at++) {
      const bytes = stub.bytes();
      bytes.set([(bytes[at] ?? 0) ^ 1], at);
      expect(findTarget(archs, bytes)).toBeUndefined();
    }
    expect(findTarget(archs, stub.bytes().subarray(0, STUB_SIZE - 1))).toBeUndefined();
  });
});

test.each([
  ["ppc64", 0x0102030405060708n],
  ["arm64", 0x0807060504030201n],
  ["x86_64", 0x0807060504030201n],
] as const)(
  "the kernel's address is read in the byte order of %s, wherever a segment's bytes lie in their buffer",
  (name, address) => {
    const stub = present(archs.find((each) => each.name === name)?.stub);
    const segment = new Uint8Array(0x300).subarray(0x40, 0x40 + STUB_SIZE);
    segment.set([1, 2, 3, 4, 5, 6, 7, 8], KERNEL_ADDRESS);
    expect(readKernelAddress(stub, segment)).toBe(address);
  },
);

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
      err: "v2wrap: --machine: no stub for sparc is built in, only for ppc64 ppc arm64 x86_64\n",
    });
  });
});
