// LICENSES of what is delivered: what is inside the executables, and on what terms.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bunEngine } from "./bun.ts";
import { sourceTarball } from "./debian.ts";
import { MUSL, QUICKJS } from "./engine.ts";
import { libraries } from "./libraries.ts";
import { bunTargets } from "./machines/machines.ts";
import type { Delivered } from "./sbom.ts";
import { runTool } from "./tool.ts";

const ROOT = join(import.meta.dir, "..");

/** What is inside of other people's, each with the executables that have it. */
function overview(delivered: readonly Delivered[]): string {
  const holders = new Map<string, string[]>();
  for (const { name: executable, parts } of delivered) {
    for (const { name, version, terms } of parts) {
      const text = `${name} ${version} (${terms})`;
      holders.set(text, [...(holders.get(text) ?? []), executable]);
    }
  }
  const rows = [...holders].map(([text, having]) => {
    return `  ${text}\n      ${having.length === delivered.length ? "all" : having.join(", ")}\n`;
  });
  return `What is inside the executables of kexecbox, and on what terms

  kexecbox (MIT)
      all
${rows.join("")}
The sources of glibc (libc6) and libgcc are Debian's source packages glibc and gcc-12, in the versions of the packages
that they were taken from:
`;
}

function fileIn(tarball: string, name: string): Promise<string> {
  return runTool(["tar", "-xOf", tarball, "--wildcards", `*/${name}`]);
}

/** A file of a tarball's outermost folder. */
async function rootFileIn(tarball: string, name: string): Promise<string> {
  const [first = ""] = (await runTool(["tar", "-tf", tarball])).split("/");
  return runTool(["tar", "-xOf", tarball, `${first}/${name}`]);
}

/** The licences of Debian's common-licenses that one of these texts refers to, in alphabetical order. */
export function commonLicensesIn(texts: readonly string[]): string[] {
  const reference = /\/usr\/share\/common-licenses\/([A-Za-z]+(?:-[0-9.]*[0-9])?)/g;
  const found = texts.flatMap((text) => [...text.matchAll(reference)]);
  return [...new Set(found.flatMap(([, name]) => name ?? []))].sort();
}

/** Writes it to `output`, fetching what has not been built yet. The texts are those of all targets. */
export async function writeLicenses(output: string, delivered: readonly Delivered[]): Promise<void> {
  const read = (path: string): Promise<string> => readFile(path, "utf8");
  const engines = await Promise.all(bunTargets.map(bunEngine));
  const [{ terms } = { terms: "" }] = engines;
  const packages = await Promise.all(engines.map(({ terms }) => read(join(terms, "packages"))));
  const debian = {
    glibc: await read(join(terms, "libc6.copyright")),
    libgcc: await read(join(terms, "libgcc-s1.copyright")),
  };
  // LGPL-2 is JavaScriptCore's.
  const common = [...new Set([...commonLicensesIn(Object.values(debian)), "LGPL-2"])].sort();
  const sections = {
    kexecbox: await read(join(ROOT, "LICENSE")),
    minimist: await read(join(ROOT, "node_modules/minimist/LICENSE")),
    QuickJS: await fileIn(await sourceTarball(QUICKJS), "LICENSE"),
    musl: await fileIn(await sourceTarball(MUSL), "COPYRIGHT"),
    ...Object.fromEntries(
      await Promise.all(
        libraries.map(async ({ name, tarball, license }) => {
          return [name, await rootFileIn(await sourceTarball(tarball), license)] as const;
        }),
      ),
    ),
    Bun: await read(join(import.meta.dir, "licenses/bun.txt")),
    ...debian,
    ...Object.fromEntries(
      await Promise.all(common.map(async (name) => [name, await read(join(terms, "common-licenses", name))] as const)),
    ),
  };
  const listed = packages.join("").replace(/^/gm, "  ").trimEnd();
  const texts = Object.entries(sections).map(([name, text]) => `\n${"=".repeat(100)}\n${name}\n\n${text.trimEnd()}\n`);
  await writeFile(output, `${overview(delivered)}\n${listed}\n${texts.join("")}`);
}
