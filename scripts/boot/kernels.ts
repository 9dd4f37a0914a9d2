// The two kernels of a boot: each is one of ours by its name, a file, or the test payload.

import { readFile } from "node:fs/promises";
import { Failure } from "../../src/failure.ts";
import type { KernelImage } from "../kernel-image.ts";
import { kernel } from "../kernels.ts";
import { defaultKernel, kernelNames, machineOf, type Target, targetOfEndian } from "../machines/machines.ts";
import { buildPayload } from "../stubs.ts";
import type { Choices } from "./choices.ts";
import { type Symbols, symbolsOf } from "./gdb.ts";

/** The kernel that qemu starts. */
export interface FirstKernel {
  /** For people. */
  readonly title: string;
  readonly vmlinux: string;
  /** Bytes from its start to the end of its bss. */
  readonly memory: number;
}

/** The kernel that kexec starts. */
export interface NextKernel {
  readonly title: string;
  /** What stands at its load address: on ppc64 an objcopy -O binary of it. On x86-64 the bzImage it is cut out of. */
  readonly image: Uint8Array;
  readonly memory: number;
  readonly shape: KernelImage["shape"];
  readonly symbols: Symbols;
  /** The executable that runs on it. */
  readonly program: Target;
}

const NO_SYMBOLS: Symbols = { file: "payload", base: undefined };

export async function firstKernel(choices: Choices): Promise<FirstKernel> {
  const { vmlinux, title } = await locateKernel(choices.kernel ?? defaultKernel(choices));
  const { memsz } = machineOf(choices.target).firstImage(vmlinux, await readKernel(vmlinux));
  return { title, vmlinux, memory: memsz };
}

/** `first` is taken again unless another was chosen. */
export async function nextKernel(choices: Choices, first: FirstKernel): Promise<NextKernel> {
  const { name, nextImage } = machineOf(choices.target);
  if (choices.payload)
    return asNext(choices, "the test payload", nextImage("payload", await buildPayload(name)), NO_SYMBOLS);
  const { vmlinux, title } = choices.nextKernel === undefined ? first : await locateKernel(choices.nextKernel);
  const bytes = await readKernel(vmlinux);
  return asNext(choices, title, nextImage(vmlinux, bytes), symbolsOf(vmlinux, bytes));
}

function asNext(
  { target, program = target }: Choices,
  title: string,
  { bytes, memsz, shape, endian }: KernelImage,
  symbols: Symbols,
): NextKernel {
  const own = endian === undefined || program !== target ? program : targetOfEndian(target, endian);
  return { title, image: bytes, memory: memsz, shape, symbols, program: own };
}

async function locateKernel(choice: string): Promise<{ vmlinux: string; title: string }> {
  const name = kernelNames.find((known) => known === choice);
  if (name === undefined) return { vmlinux: choice, title: choice };
  const { vmlinux, version, pageSize } = await kernel(name);
  return { vmlinux, title: `${name} (Linux ${version}, ${pageSize / 1024}K pages)` };
}

async function readKernel(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(path, `cannot be read: ${error.code}`);
  });
}
