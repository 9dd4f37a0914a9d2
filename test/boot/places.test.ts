// Where a kernel may lie though it looks odd: what the choice of places relies on, on running machines.

import { test } from "bun:test";
import { type ScriptNeeds, usualScript } from "../../scripts/boot/scene.ts";
import { STUB_SIZE } from "../../src/kexec/stub.ts";
import { passed } from "../support/boots.ts";

/** The usual script with the kernel at `kernel`, and all else behind it. */
function from(kernel: number, needs: ScriptNeeds): string {
  const [stub, initrd] = [kernel + 0x400_0000, kernel + 0x500_0000];
  return usualScript({ ...needs, addresses: { kernel, stub, tree: stub + STUB_SIZE, initrd } });
}

test("a kernel may lie over the end of where it copies itself to: it copies upwards", async () => {
  const kernels = { kernel: "small-ppc64le", nextKernel: "stock-ppc64le" } as const;
  // The first one ends at 0x470000, the next one has 0x2880000 bytes.
  const script = (needs: ScriptNeeds) => from(0x50_0000, needs);
  await passed({ target: "ppc64le", smp: 4, memory: 1024, ...kernels }, { script });
});
