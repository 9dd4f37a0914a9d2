// Modules of a kernel: what a module needs is loaded before it, and all of it is unpacked here.

import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { findSection } from "../src/elf.ts";
import { Failure } from "../src/failure.ts";
import { makeOnce } from "./cache.ts";
import { withArchive } from "./debian.ts";
import type { Kernel } from "./kernels.ts";
import { type StockName, stockKernels, stockNames } from "./machines/machines.ts";
import { runTool } from "./tool.ts";

/** Raise it when the way they are made changes its outcome. */
const RECIPE = "2";

/** Of a kernel package: what drives a disk of qemu's, and what is built in. */
const WANTED = "/kernel/drivers/(block/virtio_blk|virtio/[^/]*)[.]ko|/modules[.]builtin$";

export interface Module {
  /** `virtio_blk`. */
  readonly name: string;
  /** As the kernel takes it: not compressed. */
  readonly content: Uint8Array;
}

/** `virtio-blk.ko.xz` → `virtio_blk`: the kernel takes both signs for one. */
function nameOf(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

/**
 * The modules that have to be loaded for `wanted`, in their order. What is built into the kernel is none.
 * @param folder as /lib/modules/RELEASE is, or around one
 * @throws Failure for a module that is not there
 */
export async function findModules(folder: string, wanted: readonly string[]): Promise<Module[]> {
  const files = await readdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(folder, `cannot be read: ${error.code}`);
  });
  const paths = new Map(files.filter((path) => /\.ko(\.\w+)?$/.test(path)).map((path) => [nameOf(path), path]));
  const lists = files.filter((path) => basename(path) === "modules.builtin");
  const texts = await Promise.all(lists.map((path) => readFile(join(folder, path), "utf8")));
  const builtIn = new Set(texts.flatMap((text) => text.trim().split("\n").map(nameOf)));
  const modules = new Map<string, Module>();
  async function add(name: string, neededBy: string): Promise<void> {
    if (modules.has(name)) return;
    const path = paths.get(name);
    if (path === undefined) {
      if (builtIn.has(name)) return;
      throw new Failure(folder, `no module ${name}, which ${neededBy}`);
    }
    const content = await unpacked(join(folder, path));
    for (const needed of needsOf(path, content)) await add(needed, `${name} needs`);
    modules.set(name, { name, content });
  }
  for (const name of wanted) await add(nameOf(name), "is asked for");
  return [...modules.values()];
}

async function unpacked(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path);
  if (path.endsWith(".gz")) return gunzipSync(bytes);
  if (path.endsWith(".zst")) return Bun.zstdDecompressSync(bytes);
  if (!path.endsWith(".xz")) return bytes;
  const child = Bun.spawn(["xz", "-dc", path], { stdout: "pipe", stderr: "pipe" });
  const [content, errors] = await Promise.all([new Response(child.stdout).bytes(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Failure(path, errors.trim());
  return content;
}

/** The names of the modules that a module needs: what modules.dep is made from. */
export function needsOf(path: string, content: Uint8Array): string[] {
  const place = findSection((at, length) => content.subarray(at, at + length), ".modinfo");
  if (place === undefined) throw new Failure(path, "is no kernel module");
  const lines = Buffer.from(content.subarray(place.offset, place.offset + place.size))
    .toString("latin1")
    .split("\0");
  const [, names = ""] = lines.find((line) => line.startsWith("depends="))?.split("=") ?? [];
  return names
    .split(",")
    .filter((name) => name !== "")
    .map(nameOf);
}

/** A folder with the modules for a disk of qemu's, of a kernel of Debian's; undefined for our own, which have none. */
export async function modulesOf({ name, version, origin }: Kernel): Promise<string | undefined> {
  const stock = stockNames.find((known) => known === name);
  if (stock === undefined) return undefined;
  const { architecture } = stockKernels[stock];
  return makeOnce("modules", [RECIPE, WANTED, architecture, origin], async (made) => {
    await fetchModules(stock, origin.split(" ")[0] ?? "", version, stockKernels[stock].suites, made);
  });
}

/** Out of the package of the kernel, or of what it depends on, of the first suites that have it in that version. */
async function fetchModules(
  stock: StockName,
  origin: string,
  version: string,
  [names = [], ...others]: readonly (readonly string[])[],
  made: string,
): Promise<void> {
  try {
    await withArchive({ names, architecture: stockKernels[stock].architecture }, async (archive) => {
      const release = origin.replace(/^linux-(image|binary)-/, "");
      const image = await archive.dependenciesOf(`linux-image-${release}`);
      // After Debian 13 modules are in a package of their own, and what is built in is told by another one.
      const split = ["modules", "base"]
        .map((part) => `linux-${part}-${release}`)
        .filter((part) => image.includes(part));
      for (const name of split.length > 0 ? split : [origin]) {
        const part = await archive.download(name);
        if (part.version !== version) {
          throw new Failure(
            stock,
            `of version ${version}, and the mirror has ${part.version}: remove it from the cache`,
          );
        }
        await runTool(["sh", "-c", EXTRACT, "sh", part.deb, made, WANTED]);
      }
    });
  } catch (error) {
    if (others.length === 0 || !(error instanceof Failure)) throw error;
    await fetchModules(stock, origin, version, others, made);
  }
}

/** Without the folders above: one release is in a package. */
const EXTRACT = `set -e; deb=$1 into=$2 wanted=$3
  list=$(dpkg-deb --fsys-tarfile "$deb" | tar -tf - | grep -E "$wanted")
  dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$into" $list`;
