// The glibc that goes into Bun's executables, out of Debian's packages: renewed when Debian renews it.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../src/failure.ts";
import { cacheEntry, inTemporaryFolder, makeOnce } from "./cache.ts";
import { withArchive, withBinaryPackages } from "./debian.ts";
import { type BunTarget, bunExecutable } from "./machines/machines.ts";
import { runTool } from "./tool.ts";

/** What Bun needs, and libgcc_s, which glibc loads by itself when a thread is cancelled. */
export const LIBRARIES = ["libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "libgcc_s.so.1"];

/**
 * The packages they are in, and those with the terms: libgcc-s1 refers to gcc-12-base for them, all of them
 * to base-files for the GPL's text. Not pinned, because Debian replaces them with each security update.
 */
const PACKAGES = ["libc6", "libgcc-s1", "gcc-12-base", "base-files"];
const SUITES = ["bookworm", "bookworm-security"];

/** Raise it when something else is taken from the packages. */
const RECIPE = "1";

/** For how many days without Debian's archive the last answer holds. */
const MOST_DAYS = 60;
const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * The folder of ld.so and the libraries for `target`, with what their packages say of their terms, and `packages`, which
 * names the packages' versions and hashes.
 */
export async function glibc(target: BunTarget): Promise<string> {
  const { architecture, triplet, loader } = bunExecutable(target);
  const newest = await askOnceADay(architecture, () => askArchive(architecture));
  return makeOnce("glibc", [RECIPE, architecture, ...LIBRARIES, newest], (made) =>
    withBinaryPackages(PACKAGES, { names: SUITES, architecture }, (found) =>
      inTemporaryFolder(async (folder) => {
        for (const { deb } of found) await runTool(["dpkg-deb", "-x", deb, folder]);
        const files = [loader, ...LIBRARIES].map((name) => join(folder, "lib", triplet, name));
        await runTool(["cp", "-L", ...files, made]);
        const doc = join(folder, "usr/share/doc");
        await runTool(["cp", join(doc, "libc6/copyright"), join(made, "libc6.copyright")]);
        await runTool(["cp", join(doc, "gcc-12-base/copyright"), join(made, "libgcc-s1.copyright")]);
        await runTool(["cp", "-rL", join(folder, "usr/share/common-licenses"), made]);
        await Bun.write(join(made, "packages"), listPackages(found, architecture));
      }),
    ),
  );
}

function listPackages(
  found: readonly { readonly name: string; readonly version: string; readonly sha256: string }[],
  architecture: string,
): string {
  return found.map(({ name, version, sha256 }) => `${name} ${version} ${architecture} sha256 ${sha256}\n`).join("");
}

function askArchive(architecture: string): Promise<string> {
  return withArchive({ names: SUITES, architecture }, async ({ newestOf }) => {
    const found = [];
    for (const name of PACKAGES) found.push(await newestOf(name));
    return listPackages(found, architecture);
  });
}

/**
 * What Debian has of the packages, as `ask` finds out: once a day. Where that fails, what it was the last time.
 * @param today days since 1970
 * @throws Failure where it was never found out
 */
export async function askOnceADay(
  architecture: string,
  ask: () => Promise<string>,
  today = Math.floor(Date.now() / DAY_MS),
): Promise<string> {
  const inputs = (day: number) => [architecture, ...PACKAGES, ...SUITES, `${day}`];
  const remember = async (made: string) => void (await Bun.write(join(made, "packages"), await ask()));
  const entry = await makeOnce("glibc-versions", inputs(today), remember).catch((error: unknown) => {
    for (let day = today - 1; day >= today - MOST_DAYS && error instanceof Failure; day--) {
      const earlier = cacheEntry("glibc-versions", inputs(day));
      if (existsSync(earlier)) return earlier;
    }
    throw error;
  });
  return readFile(join(entry, "packages"), "utf8");
}
