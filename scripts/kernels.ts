// Kernels to boot, by name: Debian's own, of three ages, and small ones for ppc64, built here from Debian's source.

import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { Failure, usage } from "../src/failure.ts";
import { cached, cacheEntry, cacheFolder, inTemporaryFolder } from "./cache.ts";
import { endWith } from "./command.ts";
import { type Archive, type BinaryPackage, withArchive } from "./debian.ts";
import { BOOKWORM, type StockKernel } from "./machines/machine.ts";
import {
  type KernelName,
  kernelNames,
  type SmallName,
  smallKernels,
  stockKernels,
  toolchainOf,
} from "./machines/machines.ts";
import { withProgress } from "./progress.ts";
import { ensure } from "./setup.ts";
import { runTool } from "./tool.ts";

const FRAGMENTS = join(import.meta.dir, "kernels");

/** Raise it when the way a kernel is made changes its outcome; it is part of every cache key here. */
const RECIPE = "1";

const SOURCE_PACKAGE = "linux-source-6.1";
/** The package is the same for all; its lists are then those of the stock kernel. */
const SOURCE_LISTED_FOR = "ppc64el";

/** What the fragments give with Linux 6.1; only shown, so it need not be exact. */
const USUAL_OBJECTS = 655;

export const KERNELS = kernelNames;

export interface Kernel {
  name: KernelName;
  /** What the distribution installs as vmlinuz: an ELF file on ppc64, an Image on arm64, a bzImage on x86-64. */
  vmlinux: string;
  /** Of Linux, as Debian counts: "6.1.192-2". */
  version: string;
  pageSize: 4096 | 65536;
  endian: "big" | "little";
  /** For people: the package it is or was built from. */
  origin: string;
}

/** What is kept of a kernel beside its vmlinux. */
type Facts = Pick<Kernel, "version" | "pageSize" | "endian" | "origin">;

function isSmall(name: KernelName): name is SmallName {
  return name in smallKernels;
}

/** What a kernel's fragments ask for, without their comments: rewording one must not cost a new build. */
function fragmentsOf(name: SmallName): string {
  return smallKernels[name].fragments
    .flatMap(
      (fragment) => readFileSync(join(FRAGMENTS, `${fragment}.config`), "utf8").match(/^(# )?CONFIG_.*\n/gm) ?? [],
    )
    .join("");
}

/**
 * What a kernel is made from, as far as it can be known without asking apt: the version of the package is not
 * part of it, so a kernel stays the one it was until it is removed from the cache. Facts say which version
 * that is.
 */
function inputsOf(name: KernelName): readonly string[] {
  return isSmall(name)
    ? [RECIPE, SOURCE_PACKAGE, fragmentsOf(name)]
    : [RECIPE, metaPackage(stockKernels[name]), ...stockKernels[name].suites.flat()];
}

/** Takes files out of a .deb without unpacking the rest (a kernel package holds 300 MB of modules). */
async function extract(deb: string, patterns: readonly string[], into: string): Promise<void> {
  const pipeline = 'deb=$1 into=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$into" --wildcards "$@"';
  await runTool(["sh", "-c", pipeline, "sh", deb, into, ...patterns]);
}

/** The file of such a name in a folder or below. */
async function fileBelow(folder: string, pattern: RegExp): Promise<string> {
  const found = (await readdir(folder, { recursive: true })).find((path) => pattern.test(basename(path)));
  if (found === undefined) throw new Failure(folder, `holds no file like ${pattern}`);
  return join(folder, found);
}

function pageSizeIn(config: string): 4096 | 65536 {
  return /^CONFIG_\w+_64K_PAGES=y$/m.test(config) ? 65536 : 4096;
}

function endianIn(config: string): "big" | "little" {
  return /^CONFIG_CPU_BIG_ENDIAN=y$/m.test(config) ? "big" : "little";
}

async function writeFacts(
  folder: string,
  config: string,
  found: Pick<BinaryPackage, "name" | "version" | "sha256">,
): Promise<void> {
  const facts: Facts = {
    version: found.version,
    pageSize: pageSizeIn(config),
    endian: endianIn(config),
    origin: `${found.name} ${found.version}, .deb sha256 ${found.sha256}`,
  };
  await writeFile(join(folder, "facts.json"), `${JSON.stringify(facts, null, 2)}\n`);
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
  const found: BinaryPackage[] = [];
  await inTemporaryFolder(async (unpacked) => {
    for (const { name, files } of partsOf(image, await archive.dependenciesOf(image))) {
      const part = await archive.download(name);
      await withProgress(`unpacking ${name}`, () => extract(part.deb, files, unpacked));
      found.push(part);
    }
    await writeFacts(made, await readFile(await fileBelow(unpacked, /^config/), "utf8"), found[0]!);
    await rename(await fileBelow(unpacked, /^vmlinu[xz]/), join(made, "vmlinux"));
  });
}

/** Takes the kernel out of the first of these suites that there are. */
async function fetchStock(
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

interface LinuxSource {
  tarball: string;
  package: Pick<BinaryPackage, "name" | "version" | "sha256">;
}

/** Debian's Linux source, kept in the cache: each of the small kernels is built from it. */
async function linuxSource(): Promise<LinuxSource> {
  const entry = await cached("linux-source", [SOURCE_PACKAGE], (made) =>
    withArchive({ names: BOOKWORM, architecture: SOURCE_LISTED_FOR }, async (archive) => {
      const found = await archive.download(SOURCE_PACKAGE);
      await extract(found.deb, ["./usr/src/linux-source-*.tar.xz"], made);
      await rename(await fileBelow(join(made, "usr/src"), /^linux-source-/), join(made, "linux.tar.xz"));
      await runTool(["rm", "-r", join(made, "usr")]);
      const { name, version, sha256 } = found;
      await writeFile(join(made, "package.json"), JSON.stringify({ name, version, sha256 }));
    }),
  );
  return {
    tarball: join(entry, "linux.tar.xz"),
    package: JSON.parse(await readFile(join(entry, "package.json"), "utf8")),
  };
}

/** Half of the sources, which no kernel of ours compiles. Kconfig and make read their own files there. */
const UNUSED_SOURCES = [
  "Documentation/*/*",
  "tools/testing/*",
  "tools/perf/*",
  ...["samples", "sound", "arch/arm", "arch/arm64", "arch/mips", "arch/x86"].map((folder) => `${folder}/*.[chS]`),
  ...["gpu", "iio", "infiniband", "media", "net", "scsi", "staging", "usb"].map((folder) => `drivers/${folder}/*.[ch]`),
];

async function unpack(source: LinuxSource, into: string): Promise<void> {
  await withProgress(`unpacking ${source.package.name} ${source.package.version}`, async () => {
    const excluded = UNUSED_SOURCES.map((pattern) => `--exclude=*/${pattern}`);
    await runTool(["tar", "-xJf", source.tarball, "-C", into, "--strip-components=1", ...excluded], {
      env: { XZ_OPT: "-T0" },
    });
  });
}

/** Options of the fragments that Kconfig did not take, because the source has changed under them. */
export function optionsNotTaken(fragments: string, config: string): string[] {
  const taken = new Set(config.split("\n"));
  return fragments.split("\n").filter((line) => /^CONFIG_\w+=/.test(line) && !taken.has(line));
}

/** Keeps the log of a failed build where a person can read it. */
async function keepLog(name: string, output: string): Promise<string> {
  const log = join(cacheFolder(), `${name}.log`);
  await Bun.write(log, output);
  return log;
}

async function buildSmall(name: SmallName, made: string): Promise<void> {
  const { target, linux } = smallKernels[name];
  await ensure(`kernel-${target}`);
  const source = await linuxSource();
  const { prefix } = toolchainOf(target);
  await inTemporaryFolder(async (folder) => {
    const tree = join(folder, "linux");
    const output = join(folder, "output");
    await mkdir(tree);
    await mkdir(output);
    await unpack(source, tree);
    const wanted = join(folder, "wanted.config");
    await writeFile(wanted, fragmentsOf(name));
    const make = [
      "make",
      "-C",
      tree,
      `O=${output}`,
      `ARCH=${linux}`,
      `CROSS_COMPILE=${prefix}`,
      `-j${availableParallelism()}`,
      // Nothing of this machine in the kernel: two builds of one source are the same.
      "KBUILD_BUILD_TIMESTAMP=2026-01-01",
      "KBUILD_BUILD_USER=kexecbox",
      "KBUILD_BUILD_HOST=kexecbox",
    ];
    // Interrupted compilers leave their temporary files in our folder, which is removed.
    const env = { MAKEFLAGS: "", KCONFIG_ALLCONFIG: wanted, TMPDIR: folder };
    const reason = (errors: string): string => /^.*\b(error|Error): .*$/m.exec(errors)?.[0] ?? "";
    let log = "";
    const onFailure = (text: string): void => void (log = text);
    await withProgress(`building ${name}, Linux ${source.package.version}`, async (tell) => {
      let objects = 0;
      const onLine = (line: string): void => {
        if (/^ {2}(CC|AS) /.test(line)) tell(`${++objects} of about ${USUAL_OBJECTS} objects`);
      };
      await runTool([...make, "allnoconfig"], { env, reason, onFailure });
      const lost = optionsNotTaken(fragmentsOf(name), await readFile(join(output, ".config"), "utf8"));
      if (lost.length > 0) throw new Failure(name, `this source does not take ${lost.join(" ")}`);
      await runTool([...make, "vmlinux"], { env, onLine, reason, onFailure });
    }).catch(async (error) => {
      if (log === "" || !(error instanceof Failure)) throw error;
      throw new Failure(error.place, `${error.fact}; the log is ${await keepLog(name, log)}`);
    });
    await runTool([`${prefix}strip`, "-o", join(made, "vmlinux"), join(output, "vmlinux")]);
    await writeFacts(made, await readFile(join(output, ".config"), "utf8"), source.package);
  });
}

/**
 * A kernel of this name, out of the cache, or fetched or built now. When it is cached, neither apt nor make
 * is asked.
 * @throws Failure when packages are missing and cannot be installed, when the mirror cannot be reached, when
 * the build fails
 */
export async function kernel(name: KernelName): Promise<Kernel> {
  const folder = await cached(name, inputsOf(name), (made) =>
    isSmall(name) ? buildSmall(name, made) : fetchStock(stockKernels[name], stockKernels[name].suites, made),
  );
  const facts = JSON.parse(await readFile(join(folder, "facts.json"), "utf8")) as Facts;
  return { name, vmlinux: join(folder, "vmlinux"), ...facts };
}

function describe(name: KernelName): string {
  const folder = cacheEntry(name, inputsOf(name));
  return `${name.padEnd(17)} ${existsSync(folder) ? join(folder, "vmlinux") : "not made yet"}\n`;
}

if (import.meta.main) {
  await endWith("kernels", async () => {
    const names = process.argv.slice(2);
    if (names.length === 0) process.stdout.write(KERNELS.map(describe).join(""));
    for (const text of names) {
      const name = KERNELS.find((known) => known === text);
      if (name === undefined) throw usage(text, `no such kernel; there are: ${KERNELS.join(" ")}`);
      process.stdout.write(`${(await kernel(name)).vmlinux}\n`);
    }
  });
}
