// A crash kernel on x86-64: its command line keeps it in the memory that crashkernel= reserved, and loadem asks for that.

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

function script(words: string) {
  return ({ bootargs, initrdSize, bss }: ScriptNeeds): string => {
    const told = `-B '${bootargs} ${words}' -i ${hex(INITRD)},${hex(INITRD + initrdSize)}`;
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

test("one whose map has all memory is refused, and the words of the refusal keep it inside", async () => {
  const { verdict, run } = await attempted(guest, { append, script: script("nokaslr") });
  expect(verdict.passed).toBe(false);
  const refusal = run.lines.map(({ text }) => /for it: (.*) in zeropage -B confines it$/.exec(text)?.[1]).find(Boolean);
  const words = present(refusal, "loadem refused nothing");
  const initrd = await initrdThat("x64-small", ["cat /proc/iomem"]);
  const lines = await passed(guest, { append, initrd, script: script(words) });
  // A zero page is a range of its own there.
  const ranges = systemRam(lines).map((text) => {
    const [start = 0n, last = 0n] = text.split("-").map((number) => BigInt(`0x${number}`));
    return { start, end: last + 1n };
  });
  expect(mergeRanges(ranges).map(formatRange)).toEqual(["0x1000-0xa0000", "0x4000000-0xc000000"]);
});
