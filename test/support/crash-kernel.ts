// A guest that crashes: the script that loads a crash kernel and panics, and what memory that kernel says it has.

import { type AddedFile, image } from "../../initramfs/image.ts";
import { type ScriptNeeds, type Special, secondScript } from "../../scripts/boot/scene.ts";
import { build } from "../../scripts/build.ts";
import type { Target } from "../../scripts/machines/machines.ts";
import { applets } from "../../src/applets/table.ts";
import { hex } from "../../src/failure.ts";
import { present } from "./present.ts";

/** Physical addresses: of a distribution's kernel at the region's start, the initrd behind its .bss, and the stub. */
const REGION = { start: 0x8000000, size: 0x10000000 };
const INITRD = 0xb000000;
const STUB = 0x17000000;

/** Where the crash kernel's own memory ends, as /proc/iomem has it. */
export const LAST_BYTE = (REGION.start + REGION.size - 1).toString(16);

/** An initramfs whose init also runs these lines; with more files. */
export async function initrdThat(
  target: Target,
  lines: readonly string[],
  files: readonly AddedFile[] = [],
): Promise<Uint8Array> {
  const executable = await Bun.file(await build(target)).bytes();
  const names = applets.map(({ name }) => name);
  return Buffer.concat(image({ executable, applets: names, script: Buffer.from(secondScript(lines)), files }));
}

/** A boot whose first kernel loads a crash kernel as the README does, and panics. */
export async function crashing(target: Target, devices: readonly string[] = []): Promise<Special> {
  const asks = ["cat /proc/iomem", "fs2dt -v -b 0x10000100 /proc/device-tree > /dev/null"];
  const append = `crashkernel=${hex(REGION.size)}@${hex(REGION.start)}`;
  return { initrd: await initrdThat(target, asks), devices, script, append };
}

function script({ bootargs, initrdSize, bss }: ScriptNeeds): string {
  const usable = `${hex(REGION.start)},${hex(REGION.size)}`;
  const range = `${hex(INITRD)},${hex(INITRD + initrdSize)}`;
  const tree = `fs2dt -v -b ${hex(STUB + 0x100)} --usable ${usable} -i ${range} -B '${bootargs}' /proc/device-tree`;
  const kernel = `-a ${hex(REGION.start)} -c 0x100 -f /vmlinux.kexec --poke 0x5c=1 -z ${hex(bss)}`;
  const segments = `-a ${hex(STUB)} -e -w -s ${kernel} -a ${hex(INITRD)} -f /initrd`;
  return `${tree} | loadem -v -p -r 0x10000 ${segments}\necho c > /proc/sysrq-trigger\n`;
}

/** The range above the region that its fs2dt reserves, written so too. */
export function keptByFirmware(lines: readonly string[]): string {
  const ranges = [...lines.join("\n").matchAll(/^fs2dt: reserves 0x([0-9a-f]+)-0x([0-9a-f]+)$/gm)]
    .map(([, start = "", end = ""]) => ({ start, last: (BigInt(`0x${end}`) - 1n).toString(16) }))
    .filter(({ start }) => BigInt(`0x${start}`) >= REGION.start + REGION.size);
  return present(ranges.map(({ start, last }) => `${start}-${last}`)[0], "nothing of the firmware's is reserved");
}

/** The ranges of RAM that the kernel says it has, as /proc/iomem writes them. */
export function systemRam(lines: readonly string[]): string[] {
  return lines.flatMap((text) => /^([0-9a-f]+-[0-9a-f]+) : System RAM$/.exec(text)?.[1] ?? []);
}
