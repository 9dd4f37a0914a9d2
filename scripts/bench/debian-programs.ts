// What a person would put into an initramfs without kexecbox: Debian's own kexec and dtc, with every library they need.

import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { AddedFile } from "../../initramfs/image.ts";
import { Failure } from "../../src/failure.ts";
import { inTemporaryFolder, makeOnce } from "../cache.ts";
import { withBinaryPackages } from "../debian.ts";
import { dynamicNames } from "../dynamic-elf.ts";
import { runTool } from "../tool.ts";

const PACKAGES = ["kexec-tools", "device-tree-compiler", "libc6", "libfdt1", "liblzma5", "libyaml-0-2", "zlib1g"];
const SUITES = ["bookworm", "bookworm-security"];

/** Raise it when something else is taken from the packages. */
const RECIPE = "1";

/** Where packages have programs and libraries. */
const PROGRAM_FOLDERS = ["bin", "sbin", "usr/bin", "usr/sbin"];
const LIBRARY_FOLDERS = ["lib", "usr/lib"].flatMap((folder) => [folder, `${folder}/powerpc64le-linux-gnu`]);

export interface DebianPrograms {
  /** `program` as /bin/program, with its libraries and ld.so where ld.so looks for them. */
  withLibraries(...programs: readonly string[]): Promise<readonly AddedFile[]>;
  /** By the packages' names. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Those for ppc64le, out of the cache or fetched now. */
export async function debianPrograms(): Promise<DebianPrograms> {
  const entry = await makeOnce("peers", [RECIPE, ...PACKAGES, ...SUITES], (made) =>
    withBinaryPackages(PACKAGES, { names: SUITES, architecture: "ppc64el" }, (found) =>
      inTemporaryFolder(async (folder) => {
        const root = join(folder, "root");
        for (const { deb } of found) await runTool(["dpkg-deb", "-x", deb, root]);
        await rename(root, join(made, "root"));
        await writeFile(join(made, "packages"), found.map(({ name, version }) => `${name} ${version}\n`).join(""));
      }),
    ),
  );
  const root = join(entry, "root");
  const packages = (await readFile(join(entry, "packages"), "utf8")).trimEnd().split("\n");
  return {
    withLibraries: async (...programs) => {
      const files = new Map<string, AddedFile>();
      for (const program of programs) await add(root, files, `bin/${program}`, locate(root, PROGRAM_FOLDERS, program));
      return [...files.values()];
    },
    versions: Object.fromEntries(packages.map((line) => line.split(" "))),
  };
}

/** A file and, in the end, all that it needs to run; `files` are by their names without folders. */
async function add(root: string, files: Map<string, AddedFile>, path: string, source: string): Promise<void> {
  if (files.has(basename(path))) return;
  const content = await readFile(source);
  files.set(basename(path), { path, content, mode: 0o755 });
  const { interpreter, needed } = dynamicNames(path, content);
  const libraries = needed.map((name) => `lib/powerpc64le-linux-gnu/${name}`);
  const others = interpreter === undefined ? libraries : [interpreter.slice(1), ...libraries];
  // Not at their own path: in the package ld.so's is a link to an absolute one.
  for (const other of others) await add(root, files, other, locate(root, LIBRARY_FOLDERS, basename(other)));
}

function locate(root: string, folders: readonly string[], name: string): string {
  const path = folders.map((folder) => join(root, folder, name)).find(existsSync);
  if (path === undefined) throw new Failure(name, `in none of the packages ${PACKAGES.join(" ")}`);
  return path;
}
