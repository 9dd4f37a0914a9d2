// Files out of Debian packages.

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { runTool } from "../tool.ts";

/** Takes files out of a .deb without unpacking the rest (a kernel package holds 300 MB of modules). */
export async function extract(deb: string, patterns: readonly string[], into: string): Promise<void> {
  const pipeline = 'deb=$1 into=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" | tar -xf - -C "$into" --wildcards "$@"';
  await runTool(["sh", "-c", pipeline, "sh", deb, into, ...patterns]);
}

/** The file of such a name in a folder or below. */
export async function fileBelow(folder: string, pattern: RegExp): Promise<string> {
  const found = (await readdir(folder, { recursive: true })).find((path) => pattern.test(basename(path)));
  if (found === undefined) throw new Failure(folder, `holds no file like ${pattern}`);
  return join(folder, found);
}
