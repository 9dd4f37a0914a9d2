// npm run dist: what is given to others, in one folder: executables, their hashes, their terms, and what is inside.

import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { usage } from "../src/failure.ts";
import { build } from "./build.ts";
import { fromRoot } from "./bundle.ts";
import { endWith } from "./command.ts";
import { readCommit } from "./commit.ts";
import { partsOf } from "./inside.ts";
import { writeLicenses } from "./licenses.ts";
import { isBunTarget, type Target, targets, toolchainOf } from "./machines/machines.ts";
import { billOfMaterials, type Delivered } from "./sbom.ts";
import { runTool } from "./tool.ts";

const ROOT = join(import.meta.dir, "..");

const HELP = `usage: npm run dist [-- TARGET...]

Make dist/kexecbox-VERSION, a folder of all that is given to others: the
executables (default: all targets), and of these

  SHA256SUMS          hashes of all other files, for sha256sum -c
  LICENSES            what is inside of other people's, and on what terms
  kexecbox.cdx.json   the same with versions and hashes, for programs (CycloneDX)

The same commit and the same Debian packages give the same bytes of each.

Targets: ${targets.join(" ")}
`;

async function sha256Of(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}

/** The compilers and linkers that made these executables. */
async function toolsOf(chosen: readonly Target[]): Promise<{ name: string; version: string }[]> {
  const small = chosen.flatMap((target) => (isBunTarget(target) ? [] : [toolchainOf(target).prefix]));
  const programs = [...new Set(small)].flatMap((prefix) => [`${prefix}gcc`, `${prefix}ld`]);
  const made = await Promise.all(
    programs.map(async (name) => {
      const [line = ""] = (await runTool([name, "--version"])).split("\n");
      return { name, version: line.replace(/^.*\(GNU Binutils[^)]*\) |^\S+ /, "") };
    }),
  );
  return [...made, { name: "bun", version: Bun.version }];
}

/** Puts all of it into `folder`, which is empty. */
async function fill(folder: string, chosen: readonly Target[], version: string, terms: string): Promise<void> {
  const delivered: Delivered[] = [];
  for (const target of chosen) {
    const path = await build(target);
    const copy = join(folder, basename(path));
    await copyFile(path, copy);
    delivered.push({ name: basename(path), sha256: await sha256Of(copy), parts: await partsOf(target) });
  }
  const product = { name: "kexecbox", version, commit: readCommit(), terms };
  await writeFile(join(folder, "kexecbox.cdx.json"), billOfMaterials(product, delivered, await toolsOf(chosen)));
  await writeLicenses(join(folder, "LICENSES"), delivered);
  const files = (await readdir(folder)).sort();
  const lines = await Promise.all(files.map(async (name) => `${await sha256Of(join(folder, name))}  ${name}\n`));
  await writeFile(join(folder, "SHA256SUMS"), lines.join(""));
}

/**
 * Makes the folder of what is delivered anew, and returns its path.
 * @param chosen all targets, or some
 */
export async function deliver(chosen: readonly Target[] = targets): Promise<string> {
  const { version, license } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const folder = join(ROOT, `dist/kexecbox-${version}`);
  const made = `${folder}.${process.pid}`;
  await mkdir(made, { recursive: true });
  try {
    await fill(made, chosen, version, license);
    await rm(folder, { recursive: true, force: true });
    await rename(made, folder);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return folder;
}

async function main(words: readonly string[]): Promise<void> {
  const chosen = targets.filter((target) => words.length === 0 || words.includes(target));
  const unknown = words.find((word) => !targets.some((target) => target === word));
  if (unknown !== undefined) throw usage(unknown, `no such target; there are: ${targets.join(" ")}`);
  process.stdout.write(`${fromRoot(await deliver(chosen))}\n`);
}

if (import.meta.main) await endWith("dist", () => main(process.argv.slice(2)), HELP);
