// The second kernel of a boot with no kernel before it: what loadem --qemu makes of the same files and addresses.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, hex } from "../../src/failure.ts";
import { doubleCommas, runGuest } from "../guest.ts";
import { type Machine, MIB } from "../machines/machine.ts";
import type { MachineName } from "../machines/machines.ts";
import { type Addresses, handOverWords } from "./addresses.ts";
import type { Choices } from "./choices.ts";
import type { NextKernel } from "./kernels.ts";

const MAIN = join(import.meta.dir, "../../src/main.ts");

/** Seconds that qemu has for writing its device tree. */
const DUMP_TIMEOUT = 60;

export interface DirectNeeds {
  readonly addresses: Addresses;
  readonly bootargs: string;
  /** Where the stub has the kernel's address, as -c takes it; undefined where none is needed. */
  readonly chain: number | undefined;
  /** Bytes of the next kernel's bss. */
  readonly bss: number;
  /** MiB. */
  readonly memory: number;
  readonly next: NextKernel;
  readonly initrd: Uint8Array | undefined;
}

export interface DirectStart {
  /** The script that loadem has written. */
  readonly script: string;
  /** What is to follow its own words of qemu's, as the choices say. */
  readonly words: readonly string[];
}

/** @throws Failure with the last line of what one of our programs says */
export async function directStart(
  machine: Machine & { readonly name: MachineName },
  choices: Choices,
  needs: DirectNeeds,
  folder: string,
): Promise<DirectStart> {
  const { addresses, initrd } = needs;
  const kernel = join(folder, "kernel");
  const ramdisk = join(folder, "ramdisk");
  const told = initrd === undefined ? [] : ["-i", `${hex(addresses.initrd)},${hex(addresses.initrd + initrd.length)}`];
  const options = ["-b", hex(addresses.tree), "-B", needs.bootargs, ...told];
  const argument =
    machine.name === "x86_64"
      ? await zeroPage(options, kernel, needs, folder)
      : await tree(options, machine, choices, kernel, needs, folder);
  if (initrd !== undefined) await writeFile(ramdisk, initrd);
  const directory = join(folder, "direct");
  const handOver = handOverWords(addresses, needs.chain);
  const image = [...handOver.kernel, "-f", kernel];
  const bss = needs.bss === 0 ? [] : ["-z", hex(needs.bss)];
  const archive = initrd === undefined ? [] : ["-a", hex(addresses.initrd), "-f", ramdisk];
  const type = ["-t", String(machine.elfMachine)];
  await ours(["loadem", "--qemu", directory, ...type, ...handOver.argument, ...image, ...bss, ...archive], argument);
  const more = choices.machine.length === 0 ? [] : ["-machine", choices.machine.join(",")];
  const words = [...more, "-cpu", choices.cpu, "-smp", String(choices.smp)];
  return { script: join(directory, "run"), words };
}

/** The tree of such a machine as the next kernel gets it. */
async function tree(
  options: readonly string[],
  machine: Machine & { readonly name: MachineName },
  choices: Choices,
  kernel: string,
  { memory, next }: DirectNeeds,
  folder: string,
): Promise<Uint8Array> {
  await writeFile(kernel, next.image);
  const { direct } = machine.guest;
  const dumped = await dumpTree(machine, choices, memory, folder);
  return ours(["fs2dt", ...options, ...direct.edits(choices.cpu, BigInt(memory) * MIB), dumped]);
}

/**
 * The path of a blob that qemu writes, of a machine that has such cpus and so much memory.
 * @param memory MiB
 */
export async function dumpTree(
  { name, guest: { direct } }: Machine & { readonly name: MachineName },
  { cpu, smp, machine, memoryOptions }: Pick<Choices, "cpu" | "smp" | "machine" | "memoryOptions">,
  memory: number,
  folder: string,
): Promise<string> {
  const dumped = join(folder, "machine.dtb");
  const machineOptions = [...machine, ...direct.dump(cpu), `dumpdtb=${doubleCommas(dumped)}`];
  await runGuest({ machine: name, machineOptions, cpu, smp, memory, memoryOptions }, { timeout: DUMP_TIMEOUT });
  return dumped;
}

/** The zero page. The kernel is cut out of its bzImage. */
async function zeroPage(
  options: readonly string[],
  kernel: string,
  { memory, next }: DirectNeeds,
  folder: string,
): Promise<Uint8Array> {
  const whole = join(folder, "bzImage");
  await writeFile(whole, next.image);
  await writeFile(kernel, await ours(["zeropage", "--kernel", whole]));
  return ours(["zeropage", "--qemu", String(memory), ...options, whole]);
}

/** Runs a program of ours to its end: what it writes. */
export async function ours(words: readonly string[], stdin: Uint8Array = new Uint8Array(0)): Promise<Uint8Array> {
  const child = Bun.spawn([process.execPath, MAIN, ...words], { stdin, stdout: "pipe", stderr: "pipe" });
  const [output, errors] = await Promise.all([new Response(child.stdout).bytes(), new Response(child.stderr).text()]);
  const code = await child.exited;
  if (code === 0) return output;
  throw new Failure(words[0] ?? "", errors.trim().split("\n").at(-1) ?? `exit code ${code}`);
}
