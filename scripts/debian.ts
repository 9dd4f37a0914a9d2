// Downloads from the Debian archive: binary packages of any architecture, source tarballs of a known hash.

import { createHash } from "node:crypto";
import { readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../src/failure.ts";
import { type PrivateApt, type Suites, withPrivateApt } from "./apt.ts";
import { inTemporaryFolder, makeOnce } from "./cache.ts";
import { withProgress } from "./progress.ts";
import { runTool } from "./tool.ts";

/** The value of one field in what `apt-cache show` prints of a package. */
export function fieldOf(record: string, field: string): string {
  const line = record.split("\n").find((text) => text.startsWith(`${field}: `));
  if (line === undefined) throw new Failure("apt-cache", `no field ${field} in what it prints`);
  return line.slice(field.length + 2);
}

/** The names of all packages that a record says it depends on, alternatives among them. */
export function dependenciesIn(record: string): string[] {
  if (!/^Depends: /m.test(record)) return [];
  return fieldOf(record, "Depends")
    .split(/[,|]/)
    .map((text) => text.trim().split(" ")[0] ?? "");
}

export interface BinaryPackage {
  name: string;
  version: string;
  /** Of the .deb, as the signed package lists state it. */
  sha256: string;
  /** The .deb; it is removed when the archive is given back. */
  deb: string;
}

/** Suites of the Debian archive, for as long as they are lent. */
export interface Archive {
  /** What a package depends on. */
  dependenciesOf(name: string): Promise<string[]>;
  /** What the signed package lists say of the newest version of a package. */
  newestOf(name: string): Promise<Omit<BinaryPackage, "deb">>;
  /** The newest version of a package, which apt checks against the signed package lists. */
  download(name: string): Promise<BinaryPackage>;
}

/** Lends an archive to `work`. */
export async function withArchive<T>(suites: Suites, work: (archive: Archive) => Promise<T>): Promise<T> {
  return withPrivateApt("deb", suites, (apt) =>
    inTemporaryFolder((folder) =>
      work({
        dependenciesOf: async (name) => dependenciesIn(await record(apt, name, suites, folder)),
        newestOf: async (name) => newestIn(name, await record(apt, name, suites, folder)),
        download: (name) => download(apt, name, suites, folder),
      }),
    ),
  );
}

/** Lends several packages to `work`, all of one archive. */
export async function withBinaryPackages<T>(
  names: readonly string[],
  suites: Suites,
  work: (found: readonly BinaryPackage[]) => Promise<T>,
): Promise<T> {
  return withArchive(suites, async (archive) => {
    const found: BinaryPackage[] = [];
    for (const name of names) found.push(await archive.download(name));
    return work(found);
  });
}

async function record(apt: PrivateApt, name: string, suites: Suites, folder: string): Promise<string> {
  return apt.run(["apt-cache", "show", "--no-all-versions", name], folder).catch((error: Failure) => {
    // apt-cache itself does not say which package it did not find.
    throw new Failure(name, `${suites.names.join(", ")}: ${error.fact}`);
  });
}

async function download(apt: PrivateApt, name: string, suites: Suites, folder: string): Promise<BinaryPackage> {
  const details = await record(apt, name, suites, folder);
  const megabytes = Math.ceil(Number(fieldOf(details, "Size")) / 1e6);
  await withProgress(`downloading ${name} (${megabytes} MB)`, () =>
    apt.run(["apt-get", "-q", "download", name], folder),
  );
  const deb = (await readdir(folder)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
  if (deb === undefined) throw new Failure(name, "apt-get download left no .deb");
  return { ...newestIn(name, details), deb: join(folder, deb) };
}

function newestIn(name: string, details: string): Omit<BinaryPackage, "deb"> {
  return { name, version: fieldOf(details, "Version"), sha256: fieldOf(details, "SHA256") };
}

export interface SourceTarball {
  /** The source package. */
  name: string;
  /** The suite that carries it. */
  suite: string;
  /** Of the upstream tarball, 64 hex digits. */
  sha256: string;
}

async function sha256Of(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
}

/**
 * The upstream tarball of a Debian source package, from the cache or downloaded now: its path.
 * @throws Failure when the suite carries no tarball of that hash
 */
export async function sourceTarball(wanted: SourceTarball): Promise<string> {
  const entry = await makeOnce("source", [wanted.name, wanted.sha256], async (made) =>
    withPrivateApt("deb-src", { names: [wanted.suite], architecture: await machineArchitecture() }, (apt) =>
      inTemporaryFolder(async (folder) => {
        await withProgress(`downloading the source of ${wanted.name}`, () =>
          apt.run(["apt-get", "-q", "source", "--download-only", "--tar-only", "--only-source", wanted.name], folder),
        );
        const files = await readdir(folder);
        const hashes = await Promise.all(files.map((file) => sha256Of(join(folder, file))));
        const found = files[hashes.indexOf(wanted.sha256)];
        if (found === undefined) {
          throw new Failure(wanted.name, `Debian ${wanted.suite} has no file with sha256 ${wanted.sha256}`);
        }
        await rename(join(folder, found), join(made, found));
      }),
    ),
  );
  const [file] = await readdir(entry);
  if (file === undefined) throw new Failure(entry, "empty; remove it");
  return join(entry, file);
}

async function machineArchitecture(): Promise<string> {
  return (await runTool(["dpkg", "--print-architecture"])).trim();
}
