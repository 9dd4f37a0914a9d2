// What is inside the executables besides our own code: names, versions, terms, and hashes of where it came from.

import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Failure } from "../src/failure.ts";
import { bunEngine, readLock } from "./bun.ts";
import { type SourceTarball, sourceTarball } from "./debian.ts";
import { MUSL, QUICKJS } from "./engine.ts";
import { libraries } from "./libraries.ts";
import { type BunTarget, bunExecutable, isBunTarget, type Target, toolchainOf } from "./machines/machines.ts";
import { runTool } from "./tool.ts";

/** Something of other people's that is in an executable. */
export interface Part {
  /** As people call it. */
  readonly name: string;
  /** Its authors' own, without what Debian adds; a commit where they give no other. */
  readonly version: string;
  /** As people read it. */
  readonly terms: string;
  /** The same as an SPDX expression, where there is one that says all. */
  readonly spdx?: string;
  /** A package URL (ECMA-427). */
  readonly purl?: string;
  /** Of what was downloaded: the archive, not the file in it. Hex. */
  readonly hash?: { readonly algorithm: "SHA-256" | "SHA-512"; readonly digits: string };
  /** What it says itself that it has inside. */
  readonly inside?: readonly Part[];
}

/** All parts of an executable, fetching what tells their versions. */
export async function partsOf(target: Target): Promise<Part[]> {
  const minimist = await npmPart("minimist", "MIT");
  return [minimist, ...(isBunTarget(target) ? await bunParts(target) : await smallParts(target))];
}

async function npmPart(name: string, spdx: string): Promise<Part> {
  const { version, integrity } = await readLock(name);
  return { name, version, terms: spdx, spdx, purl: npmUrl(name, version), hash: sha512Of(integrity) };
}

function npmUrl(name: string, version: string): string {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

/** @param integrity as package-lock.json has it, `sha512-BASE64` */
function sha512Of(integrity: string): NonNullable<Part["hash"]> {
  const [, base64] = /^sha512-(.*)$/.exec(integrity) ?? [];
  if (base64 === undefined) throw new Failure("package-lock.json", `an integrity that is no sha512: ${integrity}`);
  return { algorithm: "SHA-512", digits: Buffer.from(base64, "base64").toString("hex") };
}

async function smallParts(target: Exclude<Target, BunTarget>): Promise<Part[]> {
  const compiled = [
    { tarball: QUICKJS, name: "QuickJS", terms: "MIT" },
    { tarball: MUSL, name: "musl", terms: "MIT" },
    ...libraries,
  ];
  const parts = await Promise.all(compiled.map(sourcePart));
  const { libgcc, prefix } = toolchainOf(target);
  if (libgcc === undefined) return parts;
  const version = (await runTool([`${prefix}gcc`, "-dumpfullversion"])).trim();
  return [
    ...parts,
    {
      name: "libgcc",
      version,
      terms: "GPL-3 with the GCC Runtime Library Exception",
      spdx: "GPL-3.0-or-later WITH GCC-exception-3.1",
      purl: `pkg:generic/libgcc@${version}`,
    },
  ];
}

async function sourcePart({
  tarball,
  name,
  terms,
}: {
  readonly tarball: SourceTarball;
  readonly name: string;
  readonly terms: string;
}): Promise<Part> {
  const { name: source, sha256 } = tarball;
  const version = upstreamVersion(basename(await sourceTarball(tarball)));
  const purl = `pkg:generic/${source}@${version}?checksum=sha256:${sha256}`;
  return { name, version, terms, spdx: terms, purl, hash: { algorithm: "SHA-256", digits: sha256 } };
}

/** Of a tarball's name in Debian's archive: `1.3.1` of `zlib_1.3.dfsg+really1.3.1.orig.tar.gz`. */
function upstreamVersion(tarball: string): string {
  const [, version = ""] = /_(.*)\.orig\.tar\./.exec(tarball) ?? [];
  if (version === "") throw new Failure(tarball, "not the name of a source package's tarball");
  return version.replace(/^.*\+really/, "").replace(/[.+](dfsg|ds)[0-9.]*$/, "");
}

/** Terms of Debian's packages, by their names. base-files and gcc-12-base are fetched for the texts alone. */
const DEBIAN_TERMS: Readonly<Record<string, Pick<Part, "terms" | "spdx">>> = {
  libc6: { terms: "LGPL-2.1 or later, parts others" },
  "libgcc-s1": {
    terms: "GPL-3 with the GCC Runtime Library Exception",
    spdx: "GPL-3.0-or-later WITH GCC-exception-3.1",
  },
};

async function bunParts(target: BunTarget): Promise<Part[]> {
  const bun = await npmPart(bunExecutable(target).package, "MIT");
  const { terms } = await bunEngine(target);
  const packages = (await readFile(join(terms, "packages"), "utf8")).trimEnd().split("\n");
  return [
    { ...bun, name: "Bun", terms: "MIT and others", inside: insideBun(bun.version) },
    ...packages.flatMap((line) => debianPart(line)),
  ];
}

/** @param line `NAME VERSION ARCHITECTURE sha256 DIGITS` */
function debianPart(line: string): Part[] {
  const [name = "", version = "", architecture = "", , digits = ""] = line.split(" ");
  const known = DEBIAN_TERMS[name];
  if (known === undefined) return [];
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
  return [{ name, version, ...known, purl, hash: { algorithm: "SHA-256", digits } }];
}

/** What Bun's table of versions has that is no code of others: its own, what it is compatible with, and its compiler. */
const NO_PARTS = ["bun", "node", "openssl", "v8", "uv", "napi", "modules", "unicode", "typescript", "zig"];

/**
 * What Bun has linked, as it tells it by itself (process.versions): the one that runs here is of the same version, and the
 * same release, as those that go into executables.
 */
function insideBun(version: string): Part[] {
  if (Bun.version !== version) throw new Failure("Bun", `${Bun.version} runs here, ${version} is in package-lock.json`);
  return Object.entries(process.versions).flatMap(([name, version]) =>
    version === undefined || NO_PARTS.includes(name) ? [] : [{ name, version, terms: "see LICENSES" }],
  );
}
