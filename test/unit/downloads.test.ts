// What is downloaded is known before: by a hash in this repository, or by the signatures that apt checks.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { configuration } from "../../scripts/apt.ts";
import { MUSL, QUICKJS } from "../../scripts/engine.ts";
import { libraries } from "../../scripts/libraries.ts";

const ROOT = join(import.meta.dir, "../..");

/** Files of programs that are run here, by their paths from the root. */
const programs = ["scripts", "initramfs", "src", "stub", "test", ".ci"]
  .flatMap((folder) => readdirSync(join(ROOT, folder), { recursive: true }).map((name) => `${folder}/${name}`))
  .filter((path) => /\.(ts|mjs|sh|py)$|^\.ci\/\w+$/.test(path) && !path.endsWith("downloads.test.ts"));

/** The files in whose text something of the kind is. */
function filesWith(kind: RegExp): string[] {
  return programs.filter((path) => kind.test(readFileSync(join(ROOT, path), "utf8"))).sort();
}

test("every npm package has one version, and the hash of its archive", () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const wanted = Object.entries({ ...dependencies, ...devDependencies });
  expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(`${version}`))).toEqual([]);
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  const locked = Object.entries<{ integrity?: string; resolved?: string; link?: boolean }>(packages);
  const others = locked.filter(([path]) => path !== "");
  expect(others.length).toBeGreaterThan(wanted.length);
  expect(others.filter(([, { integrity = "" }]) => !/^sha512-[\w+/]{86}==$/.test(integrity))).toEqual([]);
  // From the registry alone, never from a git or a file.
  expect(others.filter(([, { resolved, link }]) => link === true || resolved !== undefined)).toEqual([]);
});

test("every source that is compiled in has the hash of its archive", () => {
  const tarballs = [MUSL, QUICKJS, ...libraries.map(({ tarball }) => tarball)];
  expect(tarballs.filter(({ sha256 }) => !/^[0-9a-f]{64}$/.test(sha256))).toEqual([]);
  expect(new Set(tarballs.map(({ sha256 }) => sha256)).size).toBe(tarballs.length);
});

test("nothing is downloaded but by npm and by apt, each of which a few files alone call", () => {
  expect(filesWith(/\bfetch\(|\b(curl|wget|npx|bunx)\b|git clone|\b(bun|npm) (install|add)\b/)).toEqual([]);
  expect(filesWith(/["[ ]npm"/)).toEqual(["scripts/bun.ts", "scripts/release.ts", "scripts/run.mjs"]);
  expect(filesWith(/"apt-get", "-q", "?(download|source|update|-y)/)).toEqual([
    "scripts/apt.ts",
    "scripts/debian.ts",
    "scripts/setup.ts",
  ]);
});

test("npm runs no script of a package that it brings", () => {
  expect(readFileSync(join(ROOT, "scripts/run.mjs"), "utf8")).toContain('["ci", "--ignore-scripts",');
});

test("a machine that takes unsigned packages does not have them taken here", () => {
  const machine = [
    'Acquire::AllowInsecureRepositories "true";',
    'Acquire::AllowWeakRepositories "true";',
    'Acquire::AllowDowngradeToInsecureRepositories "true";',
    'APT::Get::AllowUnauthenticated "true";',
    'Acquire::http::Proxy "http://proxy.example:3128";',
  ].join("\n");
  const text = configuration("/folder", machine, "/trusted", { names: ["trixie"], architecture: "arm64" });
  expect(text).toContain("proxy.example");
  expect(text).not.toMatch(/Insecure|Weak|Unauthenticated/i);
  expect(filesWith(/Insecure|Unauthenticated|allow-\w+|trusted=/)).toEqual([]);
});
