// A crash kernel on arm64: a property of its tree keeps it in the memory that crashkernel= reserved. loadem asks for that,
// kexec does it.

import { expect, test } from "bun:test";
import type { ScriptNeeds } from "../../scripts/boot/scene.ts";
import { hex } from "../../src/failure.ts";
import { attempted, passed } from "../support/boots.ts";
import { initrdThat, systemRam } from "../support/crash-kernel.ts";
import { present } from "../support/present.ts";

const REGION = { start: 0x60000000, size: 0x10000000 };
const STUB = 0x64000000;
const INITRD = 0x64200000;

const guest = { target: "arm64-small", small: false, smp: 2, cpu: "cortex-a72", memory: 1024 } as const;

function script(edit: string) {
  return ({ bootargs, initrdSize, bss }: ScriptNeeds): string => {
    const told = `-B '${bootargs}' -i ${hex(INITRD)},${hex(INITRD + initrdSize)} ${edit}`;
    const kernel = `-a ${hex(REGION.start)} -c 0xf8 -f /vmlinux.kexec -z ${hex(bss)}`;
    return [
      `fs2dt -b ${hex(STUB + 0x100)} ${told} /proc/device-tree | loadem -v -p -r 0x10000 -a ${hex(STUB)} -e -w -s ` +
        `${kernel} -a ${hex(INITRD)} -f /initrd`,
      "echo c > /proc/sysrq-trigger\n",
    ].join("\n");
  };
}

const append = `crashkernel=${hex(REGION.size)}@${hex(REGION.start)}`;

test("one that is told of all memory is refused, and the option of the refusal keeps it inside", async () => {
  const { verdict, run } = await attempted(guest, { append, script: script("") });
  expect(verdict.passed).toBe(false);
  const refusal = run.lines.map(({ text }) => /for it: fs2dt (--usable .*) confines it$/.exec(text)?.[1]).find(Boolean);
  const edit = present(refusal, "loadem refused nothing");
  const initrd = await initrdThat("arm64-small", ["cat /proc/iomem"]);
  const lines = await passed(guest, { append, initrd, script: script(edit) });
  expect(systemRam(lines)).toEqual(["60000000-6fffffff"]);
});

test("kexec -p puts it into the region, and tells it of no more", async () => {
  const initrd = await initrdThat("arm64-small", ["cat /proc/iomem"]);
  const lines = await passed(guest, {
    append,
    initrd,
    script: () => "kexec -d -p /vmlinux.kexec --initrd /initrd\necho c > /proc/sysrq-trigger\n",
  });
  expect(systemRam(lines)).toEqual(["60000000-6fffffff"]);
});
