// A crash kernel on x86-64: its memory map keeps it in what crashkernel= reserved. loadem asks for that, kexec does it.

import { expect, test } from "bun:test";
import type { ScriptNeeds } from "../../scripts/boot/scene.ts";
import { hex } from "../../src/failure.ts";
import { formatRange, mergeRanges } from "../../src/range.ts";
import { attempted, passed } from "../support/boots.ts";
import { initrdThat, systemRam } from "../support/crash-kernel.ts";
import { present } from "../support/present.ts";

const REGION = { start: 0x4000000, size: 0x8000000 };
const STUB = 0xa000000;
const INITRD = 0xa100000;

const guest = { target: "x64-small", small: false, smp: 2, cpu: "max", memory: 512 } as const;

function script(options: string) {
  return ({ bootargs, initrdSize, bss }: ScriptNeeds): string => {
    const told = `-B '${bootargs}' ${options} -i ${hex(INITRD)},${hex(INITRD + initrdSize)}`;
    const kernel = `-a ${hex(REGION.start)} -c 0xf8 -f /vmlinux.kexec -z ${hex(bss)}`;
    return [
      "zeropage --kernel /bzImage > /vmlinux.kexec",
      `zeropage -b ${hex(STUB + 0x100)} ${told} /bzImage | loadem -v -p -r 0x1000 -a ${hex(STUB)} -e -w -s ${kernel} ` +
        `-a ${hex(INITRD)} -f /initrd`,
      "echo c > /proc/sysrq-trigger\n",
    ].join("\n");
  };
}

const append = `crashkernel=${hex(REGION.size)}@${hex(REGION.start)} nokaslr`;

const WORDS = ["cat /proc/iomem", "cat /proc/cmdline"];

/** A zero page is a range of its own there. */
function memoryOf(lines: readonly string[]): string[] {
  const ranges = systemRam(lines).map((text) => {
    const [start = 0n, last = 0n] = text.split("-").map((number) => BigInt(`0x${number}`));
    return { start, end: last + 1n };
  });
  return mergeRanges(ranges).map(formatRange);
}

test("one whose map has all memory is refused, and the option of the refusal keeps it inside", async () => {
  const { verdict, run } = await attempted(guest, { append, script: script("") });
  expect(verdict.passed).toBe(false);
  const refusal = run.lines.map(({ text }) => /for it: zeropage (--usable .*) confines it$/.exec(text)?.[1]);
  const option = present(refusal.find(Boolean), "loadem refused nothing");
  const initrd = await initrdThat("x64-small", WORDS);
  // It chooses its own address, too: nothing but its map keeps it inside.
  const lines = await passed(guest, { append, initrd, script: script(option) });
  expect(memoryOf(lines)).toEqual(["0x1000-0x9fc00", "0x4000000-0xc000000"]);
});

test("kexec -p puts it into the region, and tells it of no more", async () => {
  const initrd = await initrdThat("x64-small", WORDS);
  const lines = await passed(guest, {
    append,
    initrd,
    script: () =>
      "kexec -d -p /bzImage --initrd /initrd\ncat /sys/kernel/kexec_crash_loaded\necho c > /proc/sysrq-trigger\n",
  });
  // Without the page of the ELF core header.
  expect(memoryOf(lines)).toEqual(["0x1000-0x9fc00", "0x4000000-0xbfff000"]);
});
