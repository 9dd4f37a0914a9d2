// npm run kernels: kernels to boot, by name. Debian's own, of several ages, and small ones that are built here.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { usage } from "../src/failure.ts";
import { cacheEntry, makeOnce } from "./cache.ts";
import { endWith } from "./command.ts";
import { type Facts, readFacts } from "./kernels/facts.ts";
import { buildSmall, smallInputs } from "./kernels/small.ts";
import { fetchStock, stockInputs } from "./kernels/stock.ts";
import { type KernelName, kernelNames, type SmallName, smallKernels, stockKernels } from "./machines/machines.ts";

const HELP = `usage: npm run kernels [-- NAME...]

Print the path of each kernel, or "not made yet". With NAME, make that kernel if
it is not there, and print its path.

A kernel is what the distribution installs as vmlinuz: an ELF file on ppc64, an
Image on arm64 and riscv64, a bzImage on x86-64.

Kernels:
${kernelNames.map((name) => `  ${name}`).join("\n")}
`;

export interface Kernel extends Facts {
  name: KernelName;
  /** What the distribution installs as vmlinuz: an ELF file on ppc64, an Image on arm64 and riscv64, a bzImage on x86-64. */
  vmlinux: string;
}

function isSmall(name: KernelName): name is SmallName {
  return name in smallKernels;
}

/**
 * What a kernel is made from, as far as it can be known without asking apt: the version of the package is not
 * part of it, so a kernel stays the one it was until it is removed from the cache. Facts say which version
 * that is.
 */
function inputsOf(name: KernelName): readonly string[] {
  return isSmall(name) ? smallInputs(name) : stockInputs(stockKernels[name]);
}

/**
 * A kernel of this name, out of the cache, or fetched or built now. When it is cached, neither apt nor make
 * is asked.
 * @throws Failure when packages are missing and cannot be installed, when the mirror cannot be reached, when
 * the build fails
 */
export async function kernel(name: KernelName): Promise<Kernel> {
  const folder = await makeOnce(name, inputsOf(name), (made) =>
    isSmall(name) ? buildSmall(name, made) : fetchStock(stockKernels[name], stockKernels[name].suites, made),
  );
  return { name, vmlinux: join(folder, "vmlinux"), ...(await readFacts(folder)) };
}

function describe(name: KernelName): string {
  const folder = cacheEntry(name, inputsOf(name));
  return `${name.padEnd(17)} ${existsSync(folder) ? join(folder, "vmlinux") : "not made yet"}\n`;
}

async function main(words: readonly string[]): Promise<void> {
  if (words.length === 0) process.stdout.write(kernelNames.map(describe).join(""));
  for (const word of words) {
    const name = kernelNames.find((known) => known === word);
    if (name === undefined) throw usage(word, `no such kernel; there are: ${kernelNames.join(" ")}`);
    process.stdout.write(`${(await kernel(name)).vmlinux}\n`);
  }
}

if (import.meta.main) await endWith("kernels", () => main(process.argv.slice(2)), HELP);
