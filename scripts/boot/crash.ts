// A guest that crashes: what it needs to hold a pattern and to save its dump on a disk.

import { randomBytes } from "node:crypto";
import { truncate, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";
import { crashScript, moduleFiles } from "../../initramfs/crash.ts";
import { image } from "../../initramfs/image.ts";
import { applets } from "../../src/applets/table.ts";
import { build } from "../build.ts";
import { doubleCommas } from "../guest.ts";
import { kernel } from "../kernels.ts";
import { isBunTarget, kernelNames, machineOf, targetOfEndian, toolchainOf } from "../machines/machines.ts";
import { findModules, type Module, modulesOf } from "../modules.ts";
import { buildCrasher } from "../stubs.ts";
import { type Choices, crashKernelOf } from "./choices.ts";
import type { NextKernel } from "./kernels.ts";
import type { Special } from "./scene.ts";

const MIB = 0x100000;

/** MiB that a disk has beside the guest's memory. */
const MORE_DISK = 64;

/** What crash.c says where the host has to do the rest. */
const WAITING = "crash: waiting for an NMI";

/** Added to the crash kernel's command line: one cpu is enough, and nothing else may be as the first kernel left it. */
const CRASH_WORDS = "nr_cpus=1 reset_devices kexecbox.dump=/dev/vda";

export interface Crash {
  readonly special: Special;
  /** The file that is the guest's disk. */
  readonly disk: string;
  /** Of the pattern. */
  readonly seed: bigint;
  /** The cpu that panics; undefined where that is chance. */
  readonly cpu: number | undefined;
  /** Gets each line of the console. */
  onLine(text: string): void;
}

/**
 * @param folder for the disk and for qemu's monitor, of which a path may have 100 bytes
 * @param memory MiB of the guest
 */
export async function crashFor(choices: Choices, next: NextKernel, folder: string, memory: number): Promise<Crash> {
  const { target, smp, crash: cause, crashkernel } = choices;
  const machine = machineOf(target);
  const seed = randomBytes(8).readBigUInt64BE();
  const [disk, monitor] = [join(folder, "disk"), join(folder, "monitor")];
  await writeFile(disk, "");
  await truncate(disk, (memory + MORE_DISK) * MIB);
  const modules = await modulesFor(choices);
  // Bun's executable alone would take half of a crash kernel's memory. All machines that it is for are little endian.
  const own = isBunTarget(next.program) ? targetOfEndian(next.program, "little") : next.program;
  const initrd = image({
    executable: await Bun.file(await build(own)).bytes(),
    applets: applets.map(({ name }) => name),
    script: Buffer.from(crashScript(modules.map(({ name }) => name))),
    files: moduleFiles(modules),
  });
  const crasher = await buildCrasher(isBunTarget(target) ? machine.tools : toolchainOf(target));
  const file = machine.name === "x86_64" ? "/bzImage" : "/vmlinux.kexec";
  // The boot cpu is 0.
  const cpu = cause === "sysrq" ? 0 : smp - 1;
  const how = cause === "smp" ? "sysrq" : cause;
  const pci = choices.board === undefined ? undefined : machine.guest.boards?.[choices.board]?.pci;
  return {
    disk,
    seed,
    cpu: how === "sysrq" ? cpu : undefined,
    special: {
      initrd: Buffer.concat(initrd),
      files: [{ path: "crash", content: crasher, mode: 0o755 }],
      append: `crashkernel=${crashkernel}${cause === "nmi" && machine.name === "x86_64" ? " unknown_nmi_panic" : ""}`,
      devices: [
        ...["-drive", `file=${doubleCommas(disk)},if=none,id=dump,format=raw,cache=unsafe`],
        ...(pci?.devices ?? []),
        ...["-device", `virtio-blk-pci,drive=dump${pci === undefined ? "" : `,bus=${pci.bus}`}`],
        ...["-monitor", `unix:${doubleCommas(monitor)},server=on,wait=off`],
      ],
      script: ({ bootargs }) =>
        [
          `kexec -d -p ${file} --initrd=/initrd --append='${bootargs} ${CRASH_WORDS}'`,
          `/crash ${seed.toString(16)} ${smp.toString(16)} ${cpu.toString(16)} ${how}`,
          "",
        ].join("\n"),
    },
    onLine(text) {
      if (text === WAITING) createConnection(monitor).end("nmi\n");
    },
  };
}

/** What the next kernel needs to see the disk: a kernel of ours that does has all of it inside. */
async function modulesFor(choices: Choices): Promise<Module[]> {
  const choice = crashKernelOf(choices);
  const name = kernelNames.find((known) => known === choice);
  const folder = name === undefined ? undefined : await modulesOf(await kernel(name));
  return folder === undefined ? [] : findModules(folder, ["virtio_pci", "virtio_blk"]);
}
