// Debian's own kernels, taken out of its packages.

import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { inTemporaryFolder } from "../cache.ts";
import { type Archive, type BinaryPackage, withArchive } from "../debian.ts";
import type { StockKernel } from "../machines/machine.ts";
import { withProgress } from "../progress.ts";
import { extract, fileBelow } from "./deb.ts";
import { writeFacts } from "./facts.ts";

/** Raise it when the way they are made changes its outcome. */
const RECIPE = "1";

/** What a stock kernel is made from; the version of its package is not part of it. */
export function stockInputs(stock: StockKernel): readonly string[] {
  return [RECIPE, metaPackage(stock), ...stock.suites.flat()];
}

/** It depends on the newest kernel of its flavour. */
function metaPackage({ flavour }: StockKernel): string {
  return `linux-image-${flavour}`;
}

/** Of what a meta package depends on, the kernel: it carries its version in its name. */
export function imageIn(dependencies: readonly string[], flavour: string): string | undefined {
  return dependencies.find((name) => /^linux-image-[0-9]/.test(name) && name.endsWith(`-${flavour}`));
}

/** A package, and where in it the files that are wanted of it are, as tar has patterns. */
interface Part {
  name: string;
  files: readonly string[];
}

/**
 * Where a kernel and its configuration are.
 * @param dependencies of the package `image`, which holds both up to Debian 13, and depends on both after that
 */
export function partsOf(image: string, dependencies: readonly string[]): Part[] {
  const release = image.replace("linux-image-", "");
  const split = [
    { name: `linux-binary-${release}`, files: ["./usr/lib/modules/*/vmlinu[xz]"] },
    { name: `linux-base-${release}`, files: ["./usr/lib/modules/*/config"] },
  ];
  if (split.every(({ name }) => dependencies.includes(name))) return split;
  return [{ name: image, files: ["./boot/vmlinu[xz]-*", "./boot/config-*"] }];
}

async function takeKernel(archive: Archive, stock: StockKernel, made: string): Promise<void> {
  const meta = metaPackage(stock);
  const image = imageIn(await archive.dependenciesOf(meta), stock.flavour);
  if (image === undefined) throw new Failure(meta, `depends on no kernel for ${stock.flavour}`);
  await inTemporaryFolder(async (unpacked) => {
    let first: BinaryPackage | undefined;
    for (const { name, files } of partsOf(image, await archive.dependenciesOf(image))) {
      const part = await archive.download(name);
      await withProgress(`unpacking ${name}`, () => extract(part.deb, files, unpacked));
      first ??= part;
    }
    if (first !== undefined)
      await writeFacts(made, await readFile(await fileBelow(unpacked, /^config/), "utf8"), first);
    await rename(await fileBelow(unpacked, /^vmlinu[xz]/), join(made, "vmlinux"));
  });
}

/** Takes the kernel out of the first of these suites that there are. */
export async function fetchStock(
  stock: StockKernel,
  [names = [], ...others]: StockKernel["suites"],
  made: string,
): Promise<void> {
  try {
    await withArchive({ names, architecture: stock.architecture }, (archive) => takeKernel(archive, stock, made));
  } catch (error) {
    if (others.length === 0 || !(error instanceof Failure)) throw error;
    process.stderr.write(`doing without ${names.join(", ")}: ${error.message}\n`);
    await fetchStock(stock, others, made);
  }
}
