// The trees below a folder: blobs, and sources, which dtc compiles.

import { open, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { Failure } from "../../src/failure.ts";
import { runTool } from "../tool.ts";

/** A file that holds a tree. */
export interface TreeFile {
  readonly path: string;
  /** The folder that was asked for, and what lies between it and the file. */
  readonly group: string;
  readonly name: string;
  readonly isSource: boolean;
}

const MAGIC = 0xd00dfeed;

/**
 * In the order of their names. Symbolic links are not followed.
 * @throws Failure naming a folder that cannot be read
 */
export async function treesIn(folder: string): Promise<TreeFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error) => {
    throw new Failure(folder, `cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const found: TreeFile[] = [];
  for (const path of paths.sort()) {
    const isSource = /\.dtso?$/.test(path);
    if (!isSource && !(await isBlob(path))) continue;
    const name = relative(folder, path);
    const group = join(basename(folder), dirname(name).split("/")[0] ?? "");
    found.push({ path, group, name: join(basename(folder), name), isSource });
  }
  return found;
}

async function isBlob(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(4);
    await file.read(start, 0, 4, 0);
    return start.readUInt32BE() === MAGIC;
  } finally {
    await file.close();
  }
}

/** The file's blob: itself, or made in `folder`. A source that cannot be compiled is a Failure. */
export async function blobOf(
  { path, isSource }: TreeFile,
  includes: readonly string[],
  folder: string,
): Promise<string> {
  if (!isSource) return path;
  const text = await readFile(path, "latin1");
  const where = [dirname(path), ...includes];
  const source = join(folder, "source.dts");
  const blob = join(folder, "source.dtb");
  if (/^[ \t]*#[ \t]*include\b/m.test(text)) {
    const flags = ["-nostdinc", "-undef", "-D__DTS__", "-x", "assembler-with-cpp", "-P"];
    await runTool(["cpp", ...flags, ...where.flatMap((each) => ["-I", each]), path, source], { reason: firstLine });
  } else await writeFile(source, text, "latin1");
  const includesOfDtc = where.flatMap((each) => ["-i", each]);
  await runTool(["dtc", "-q", "-I", "dts", "-O", "dtb", ...includesOfDtc, "-o", blob, source], { reason: firstLine });
  return blob;
}

/** What dtc and cpp say after the first error only follows from it. */
function firstLine(output: string): string {
  return output.split("\n", 1)[0]?.replace(/^.*?(?=\b(?:fatal|Error|FATAL))/, "") ?? "";
}
