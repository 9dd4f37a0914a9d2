// Where a kernel cuts its command line off, by the machine that a tree is of.

import { isCpu } from "../devicetree/check/check.ts";
import { textIn, textOf } from "../devicetree/strings.ts";
import { child, type Node, property } from "../devicetree/tree.ts";
import type { Notice } from "../failure.ts";

/**
 * Bytes that Linux keeps of a command line and its NUL, by what its cpus are compatible with (COMMAND_LINE_SIZE in
 * arch/arm, arch/riscv, arch/mips, arch/loongarch).
 */
const SIZES: readonly { readonly size: number; readonly cpu: RegExp }[] = [
  {
    size: 1024,
    cpu: /^(arm,(arm\d|cortex-(a(5|7|8|9|12|15|17)$|m))|marvell,(feroceon|pj4|sheeva|xscale)|qcom,(krait|scorpion)|riscv$)/,
  },
  { size: 4096, cpu: /mips|^(ingenic|loongson),/ },
];

/** The same of all other cpus: arch/powerpc, arch/arm64, arch/x86. */
const USUAL_SIZE = 2048;

/** Bytes of the command line's end that are shown. */
const SHOWN = 20;

/** Says where the kernel of the tree's machine will cut its command line off, if it will. */
export function reportCutBootargs(root: Node, notice: Notice): void {
  const value = property(child(root, "chosen"), "bootargs");
  if (value === undefined) return;
  const text = textOf(value);
  // What is copied is no longer than the value, and its last byte becomes the NUL, whatever it was.
  const kept = Math.max(0, Math.min(commandLineSize(root), value.length) - 1);
  if (text.length <= kept) return;
  const end = text.slice(Math.max(0, kept - SHOWN), kept);
  notice("/chosen/bootargs", `${text.length} bytes, of which Linux takes ${kept}: it is cut off after "${end}"`);
}

function commandLineSize(root: Node): number {
  const [cpu] = (child(root, "cpus")?.children ?? []).filter(isCpu);
  const names = textIn(property(cpu, "compatible") ?? new Uint8Array(0)).split("\0");
  return SIZES.find((row) => names.some((name) => row.cpu.test(name)))?.size ?? USUAL_SIZE;
}
