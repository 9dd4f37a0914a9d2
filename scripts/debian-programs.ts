// What a person would put into an initramfs without kexecbox: Debian's own kexec and dtc, with every library they need, and
// a shell; and makedumpfile, which reads dumps.

import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { AddedFile } from "../initramfs/image.ts";
import { Failure } from "../src/failure.ts";
import { inTemporaryFolder, makeOnce } from "./cache.ts";
import { type Archive, type BinaryPackage, withArchive } from "./debian.ts";
import { dynamicNames } from "./dynamic-elf.ts";
import { runTool } from "./tool.ts";

/** The packages of kexec, dtc, busybox and makedumpfile. */
const PACKAGES = ["kexec-tools", "device-tree-compiler", "busybox-static", "makedumpfile"];

/** Of what packages depend on, what holds shared libraries. The second has 10 MB of character sets that nothing here reads. */
const LIBRARY = /^(lib|zlib)/;
const SPARED = "libc-gconv-modules-extra";

/** Debian's releases, by what they are today. */
const RELEASES = {
  oldstable: ["bookworm", "bookworm-security"],
  stable: ["trixie"],
  testing: ["forky"],
} as const;

export type Release = keyof typeof RELEASES;

/** Debian's names of machines, and of the folders that their libraries are in. */
const TRIPLETS = {
  ppc64el: "powerpc64le-linux-gnu",
  arm64: "aarch64-linux-gnu",
  amd64: "x86_64-linux-gnu",
} as const;

export type Architecture = keyof typeof TRIPLETS;

/** Raise it when something else is taken from the packages. */
const RECIPE = "3";

/** Where packages have programs and libraries. */
const PROGRAM_FOLDERS = ["bin", "sbin", "usr/bin", "usr/sbin"];
const LIBRARY_FOLDERS = ["lib", "lib64", "usr/lib", "usr/lib64"];

export interface DebianPrograms {
  /** `program` as /bin/program, with its libraries and ld.so where ld.so looks for them. */
  withLibraries(...programs: readonly string[]): Promise<readonly AddedFile[]>;
  /** By the packages' names. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Those of a release for a machine, out of the cache or fetched now. */
export async function debianPrograms(
  architecture: Architecture = "ppc64el",
  release: Release = "oldstable",
): Promise<DebianPrograms> {
  const names = RELEASES[release];
  const entry = await makeOnce("peers", [RECIPE, ...PACKAGES, ...names, architecture], (made) =>
    withArchive({ names, architecture }, async (archive) => {
      try {
        await unpack(await downloadAll(archive, archive), made);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        process.stderr.write(`taking the libraries of testing: ${error.message}\n`);
        await withArchive({ names: RELEASES.testing, architecture }, async (newer) =>
          unpack(await downloadAll(archive, newer), made),
        );
      }
    }),
  );
  const root = join(entry, "root");
  const packages = (await readFile(join(entry, "packages"), "utf8")).trimEnd().split("\n");
  const libraries = LIBRARY_FOLDERS.flatMap((path) => [path, `${path}/${TRIPLETS[architecture]}`]);
  const target = `lib/${TRIPLETS[architecture]}`;

  /** A file and, in the end, all that it needs to run; `files` are by their names without folders. */
  async function add(files: Map<string, AddedFile>, path: string, source: string): Promise<void> {
    if (files.has(basename(path))) return;
    const content = await readFile(source);
    files.set(basename(path), { path, content, mode: 0o755 });
    const { interpreter, needed } = dynamicNames(path, content);
    const paths = needed.map((name) => `${target}/${name}`);
    const others = interpreter === undefined ? paths : [interpreter.slice(1), ...paths];
    // Not at their own path: in the package ld.so's is a link to an absolute one.
    for (const other of others) await add(files, other, locate(root, libraries, basename(other)));
  }

  return {
    withLibraries: async (...programs) => {
      const files = new Map<string, AddedFile>();
      for (const program of programs) await add(files, `bin/${program}`, locate(root, PROGRAM_FOLDERS, program));
      return [...files.values()];
    },
    versions: Object.fromEntries(packages.map((line) => line.split(" "))),
  };
}

/** The packages, and those of the libraries that they depend on. Programs run with libraries that are newer than they are. */
async function downloadAll(programs: Archive, libraries: Archive): Promise<BinaryPackage[]> {
  const wanted = new Set(PACKAGES);
  const found: BinaryPackage[] = [];
  // A set gives out what was added to it meanwhile.
  for (const name of wanted) {
    const archive = PACKAGES.includes(name) ? programs : libraries;
    found.push(await archive.download(name));
    for (const other of await archive.dependenciesOf(name))
      if (LIBRARY.test(other) && other !== SPARED) wanted.add(other);
  }
  return found;
}

async function unpack(packages: readonly BinaryPackage[], made: string): Promise<void> {
  await inTemporaryFolder(async (folder) => {
    const root = join(folder, "root");
    for (const { deb } of packages) await runTool(["dpkg-deb", "-x", deb, root]);
    await rename(root, join(made, "root"));
  });
  await writeFile(join(made, "packages"), packages.map(({ name, version }) => `${name} ${version}\n`).join(""));
}

function locate(root: string, folders: readonly string[], name: string): string {
  const path = folders.map((folder) => join(root, folder, name)).find(existsSync);
  if (path === undefined) throw new Failure(name, `in none of the packages ${PACKAGES.join(" ")} and their libraries`);
  return path;
}
