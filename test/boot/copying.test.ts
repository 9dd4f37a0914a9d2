// The kernel copies an image over whatever is there, its own record of the process that asked for it among that. Images
// that go over much of the memory in which such records lie, and that say in each place what the kernel would die of.

import { expect, test } from "bun:test";
import { type ScriptNeeds, usualScript } from "../../scripts/boot/scene.ts";
import { hex } from "../../src/failure.ts";
import { STUB_SIZE } from "../../src/kexec/stub.ts";
import { passed } from "../support/boots.ts";

/** One of these goes into memory often. */
const DEADLY = 8 * 1024 * 1024;

/**
 * Read as a task_struct: preempt_count says that this is no interrupt (its bits 8 to 23 are clear), so copy_page() takes
 * Altivec, and thread.regs points nowhere.
 */
function deadly(): Uint8Array {
  return new Uint8Array(new Uint32Array(DEADLY / 4).fill(1).buffer);
}

/** The usual script with all farther up, and deadly bytes from `lowest` to there. */
function scriptFrom(lowest: number, needs: ScriptNeeds): string {
  const [stub, kernel, initrd] = [0x5000000, 0x12000000, 0x15000000];
  const addresses = { stub, tree: stub + STUB_SIZE, kernel, initrd };
  const fill = (start: number, end: number) =>
    ` -a ${hex(start)}${" -f /deadly".repeat(Math.floor((end - start) / DEADLY))}`;
  const around = fill(lowest, stub) + fill(stub + 0x100000, kernel);
  return usualScript({ ...needs, addresses }).replace("\nloadem -k\n", `${around}\nloadem -k -v\n`);
}

// From above the end of both kernels.
for (const [kernel, nextKernel, lowest] of [
  ["stock-ppc64le", "stock-ppc64le", 0x2b00000],
  ["newest-ppc64le", "stock-ppc64le", 0x2b00000],
  ["small-ppc64", "small-ppc64", 0x1000000],
] as const) {
  test(`${kernel} copies an image over the memory of many processes, and not of the one that jumps`, async () => {
    const target = kernel === "small-ppc64" ? "ppc64" : "ppc64le";
    const files = [{ path: "deadly", content: deadly(), mode: 0o644 }] as const;
    const script = (needs: ScriptNeeds) => scriptFrom(lowest, needs);
    // With pages of 64K each process takes 1.5 MiB: in 1 GiB there was no room for a hundred of them in 2 of 13 boots.
    const memory = kernel === "small-ppc64" ? 1024 : 2048;
    const choices = { target, cpu: "POWER8", smp: 4, memory, small: false, kernel, nextKernel } as const;
    const lines = await passed(choices, { script, files });
    expect(lines.filter((line) => line.includes("is not checked"))).toEqual([]);
  });
}
