// Debian's Linux source, unpacked once: as much of it as the small kernels are compiled from.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeOnce } from "../cache.ts";
import { withArchive } from "../debian.ts";
import { BOOKWORM } from "../machines/machine.ts";
import { withProgress } from "../progress.ts";
import { runTool } from "../tool.ts";
import type { Origin } from "./facts.ts";

/** It is also the name of the folder in its tarball. */
export const SOURCE_PACKAGE = "linux-source-6.1";

/** The package is the same for all; its lists are then those of the stock kernel. */
const LISTED_FOR = "ppc64el";

/** What no kernel of ours compiles stays out: most drivers, other architectures, the network. */
const FOLDERS = [
  ...["arch/powerpc", "block", "certs", "crypto", "fs", "include", "init", "io_uring", "ipc", "kernel", "lib", "mm"],
  ...["scripts", "security", "tools/include", "usr", "virt"],
  ...[
    "base",
    "block",
    "bus",
    "char",
    "clocksource",
    "gpio",
    "irqchip",
    "of",
    "pci",
    "power",
    "rtc",
    "tty",
    "virtio",
  ].map((name) => `drivers/${name}`),
];

/** Kconfig and make read their own files everywhere. */
const FILES = ["Kbuild*", "Kconfig*", "Makefile*"].map((name) => `*/${name}`);

export interface LinuxSource {
  /** Its folder. Nothing may be written there: several kernels are built of it, each in a folder of its own. */
  readonly tree: string;
  readonly package: Origin;
}

/** From the cache, or downloaded and unpacked now. */
export async function linuxSource(): Promise<LinuxSource> {
  const patterns = [...FOLDERS.map((folder) => `${SOURCE_PACKAGE}/${folder}/*`), ...FILES];
  const entry = await makeOnce("linux", [SOURCE_PACKAGE, ...patterns], (made) =>
    withArchive({ names: BOOKWORM, architecture: LISTED_FOR }, async (archive) => {
      const { name, version, sha256, deb } = await archive.download(SOURCE_PACKAGE);
      const tree = join(made, "tree");
      await mkdir(tree);
      await withProgress(`unpacking ${name} ${version}`, () => unpack(deb, tree, patterns));
      await writeFile(join(made, "package.json"), JSON.stringify({ name, version, sha256 }));
    }),
  );
  return { tree: join(entry, "tree"), package: JSON.parse(await readFile(join(entry, "package.json"), "utf8")) };
}

/** Unpacks the tarball in a .deb without writing it first. */
async function unpack(deb: string, into: string, patterns: readonly string[]): Promise<void> {
  const pipeline = `set -e; deb=$1 into=$2; shift 2
    dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards "./usr/src/*.tar.xz" | xz -dc |
    tar -x -C "$into" --strip-components=1 --wildcards "$@"`;
  await runTool(["sh", "-c", pipeline, "sh", deb, into, ...patterns]);
}
