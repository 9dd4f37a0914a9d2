// A guest at init's prompt with test/boot/adverse.c in it, which does to programs what only a machine can.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { build } from "../../scripts/build.ts";
import { kernel } from "../../scripts/kernels.ts";
import { LiveGuest } from "../../scripts/live-guest.ts";
import { type KernelName, machineOf, type SmallTarget, toolchainOf } from "../../scripts/machines/machines.ts";
import { runTool } from "../../scripts/tool.ts";
import { applets } from "../../src/applets/table.ts";
import type { TemporaryFolder } from "./folder.ts";
import { noEcho, run, waitForPrompt } from "./prompt.ts";

/** MiB. */
const MEMORY = 512;

export interface AdverseGuest {
  readonly live: LiveGuest;
  /** What a line prints. */
  type(line: string): Promise<string[]>;
  /** What a line prints, and what the kernel says then of whether one is loaded. */
  said(line: string): Promise<{ lines: string[]; loaded: string }>;
}

export interface AdverseFolders {
  readonly disk: TemporaryFolder;
  readonly sockets: TemporaryFolder;
}

/** adverse.c for a target, as a file of an initramfs. */
export async function adverse(target: SmallTarget, disk: TemporaryFolder): Promise<AddedFile> {
  const program = disk.in("adverse");
  const source = join(import.meta.dir, "../boot/adverse.c");
  const flags = ["-Os", "-Wall", "-Wextra", "-Werror", "-static"];
  await runTool([`${toolchainOf(target).prefix}gcc`, ...flags, "-o", program, source]);
  return { path: "adverse", content: await readFile(program), mode: 0o755 };
}

/** @param files besides the kernel, /vmlinuz, and a program that is none, /page, of 64 KiB */
export async function startAdverse(
  target: SmallTarget,
  name: KernelName,
  { disk, sockets }: AdverseFolders,
  files: readonly AddedFile[] = [],
): Promise<AdverseGuest> {
  const { name: machine, guest } = machineOf(target);
  const { vmlinux } = await kernel(name);
  const executable = await readFile(await build(target));
  const added: AddedFile[] = [
    { path: "vmlinuz", content: await readFile(vmlinux), mode: 0o644 },
    { path: "page", content: new Uint8Array(0x1_0000).fill(1), mode: 0o644 },
    await adverse(target, disk),
    ...(await noEcho(target, disk)),
    ...files,
  ];
  const names = applets.map((applet) => applet.name);
  await writeFile(disk.in("initrd"), Buffer.concat(image({ executable, applets: names, files: added })));
  const words = { machine, cpu: guest.cpu, smp: 1, memory: MEMORY, kernel: vmlinux, initrd: disk.in("initrd") };
  const append = [`console=${guest.console}`, guest.append ?? "", "quiet panic=-1"].join(" ");
  const live = await LiveGuest.start({ ...words, append }, { monitor: sockets.in("monitor") });
  await waitForPrompt(live, 0);
  const type = (line: string) => run(live, line);
  if (machine === "ppc64") await type("noecho");
  const said = async (line: string) => {
    const lines = await type(line);
    return { lines, loaded: (await type("cat /sys/kernel/kexec_loaded")).join("\n") };
  };
  return { live, type, said };
}
