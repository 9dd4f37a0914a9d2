// The two kernels of a boot, whatever they were chosen by: a name of ours, a file, or the test payload.

import { readFile } from "node:fs/promises";
import { Failure } from "../../src/failure.ts";
import { KERNELS, kernel, kernelImage } from "../kernels.ts";
import type { Choices } from "./choices.ts";
import { bootTarget, type Target } from "./targets.ts";

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
  readonly target: Target;
}

export async function firstKernel(choices: Choices): Promise<FirstKernel> {
  const { vmlinux, title } = await located(choices.kernel ?? defaultName(choices));
  const { memsz } = await bootTarget(choices.target).image(vmlinux);
  return { title, vmlinux, memory: memsz };
}

/** `first` is taken again unless another was chosen. */
export async function nextKernel(choices: Choices, first: FirstKernel): Promise<NextKernel> {
  const { image, machine, payload } = bootTarget(choices.target);
  if (choices.payload && payload !== undefined) {
    const { bytes, memsz } = await payload();
    return { title: "the test payload", image: bytes, memory: memsz, target: choices.target };
  }
  const { vmlinux, title } = choices.nextKernel === undefined ? first : await located(choices.nextKernel);
  if (machine !== "ppc64") {
    const { bytes, memsz } = await image(vmlinux);
    return { title, image: bytes, memory: memsz, target: choices.target };
  }
  if (!(await isElf(vmlinux))) {
    const image = await readFile(vmlinux);
    return { title, image, memory: image.length, target: choices.target };
  }
  const { bytes, memsz, endian } = await kernelImage(vmlinux);
  return { title, image: bytes, memory: memsz, target: endian === "big" ? "ppc64" : "ppc64le" };
}

function defaultName({ target, small }: Choices): string {
  const { kernel, smallKernel } = bootTarget(target);
  return small ? smallKernel : kernel;
}

async function located(choice: string): Promise<{ vmlinux: string; title: string }> {
  const name = KERNELS.find((known) => known === choice);
  if (name === undefined) return { vmlinux: choice, title: choice };
  const { vmlinux, version, pageSize } = await kernel(name);
  return { vmlinux, title: `${name} (Linux ${version}, ${pageSize / 1024}K pages)` };
}

async function isElf(path: string): Promise<boolean> {
  const start = await Bun.file(path)
    .slice(0, 4)
    .bytes()
    .catch((error: NodeJS.ErrnoException) => {
      throw new Failure(path, `cannot be read: ${error.code}`);
    });
  return Buffer.from(start).toString("latin1") === "\x7fELF";
}
