// A crash kernel, loaded with -p into its reserved memory, takes over when the first kernel panics.

import { describe, expect, test } from "bun:test";
import { image } from "../../initramfs/image.ts";
import { ONLINE, secondScript } from "../../scripts/boot/scene.ts";
import { build } from "../../scripts/build.ts";
import { applets } from "../../src/applets/table.ts";
import { hex } from "../../src/failure.ts";
import { passed, printedBy } from "../support/boots.ts";
import { example } from "../support/readme.ts";

const REGION = { start: 0x8000000, size: 0x8000000 };
const INITRD = 0xa000000;
const APPEND = `crashkernel=${hex(REGION.size)}@${hex(REGION.start)}`;

/** -n in the second kernel: loadem knows where the running kernel ends, and says so of a segment below. */
const WHERE_IT_ENDS = "loadem -n -r 0x10000 -a 0x10000 -e -f /bin/kexecbox";

function endOfKernel(lines: readonly string[]): number | undefined {
  const end = lines.map((text) => /starts below (0x[0-9a-f]+), where the running kernel ends/.exec(text)?.[1]);
  return end.filter((found) => found !== undefined).map(Number)[0];
}

async function initrdFor(target: "ppc64" | "ppc64le"): Promise<Uint8Array> {
  const executable = await Bun.file(await build(target)).bytes();
  const script = Buffer.from(secondScript(["cat /proc/iomem", WHERE_IT_ENDS]));
  return Buffer.concat(image({ executable, applets: applets.map(({ name }) => name), script }));
}

/** The README's crash kernel. */
function script({ bootargs }: { bootargs: string }): string {
  const header = example("elfcorehdr -b 0xffe0000 ");
  const load = example("fs2dt -b 0xc000100 ", { "console=hvc0": bootargs });
  return `${header}\n${load}\ncat /sys/kernel/kexec_crash_loaded\necho c > /proc/sysrq-trigger\n`;
}

describe.each(["ppc64", "ppc64le"] as const)("on %s a panic ends in the crash kernel", (target) => {
  for (const smp of [1, 4]) {
    test(`with all of ${smp} cpus, inside the reserved memory`, async () => {
      const special = { append: APPEND, initrd: await initrdFor(target), script };
      const lines = await passed({ target, smp, memory: 512 }, special);
      expect(printedBy(lines, `cat ${ONLINE}`)).toContain(smp === 1 ? "0" : `0-${smp - 1}`);
      const memory = lines.find((text) => text.endsWith(": System RAM"));
      expect(memory).toBe("00000000-0fffffff : System RAM");
      expect(endOfKernel(lines)).toBeGreaterThan(REGION.start);
      expect(endOfKernel(lines)).toBeLessThan(INITRD);
    });
  }

  test("that kexec -p has put there, with what it needs to stay and no more memory than that", async () => {
    const special = {
      append: APPEND,
      initrd: await initrdFor(target),
      script: () => "kexec -d -p /vmlinux.kexec --initrd=/initrd\necho c > /proc/sysrq-trigger\n",
    };
    const lines = await passed({ target, smp: 4, memory: 512 }, special);
    expect(lines.find((text) => text.endsWith(": System RAM"))).toBe("00000000-0fffffff : System RAM");
    expect(endOfKernel(lines)).toBeGreaterThan(REGION.start);
  });
});
