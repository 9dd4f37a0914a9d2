// What is kept of a kernel beside its vmlinux: its version and what its configuration says.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BinaryPackage } from "../debian.ts";

export interface Facts {
  /** Of Linux, as Debian counts: "6.1.192-2". */
  version: string;
  pageSize: 4096 | 65536;
  endian: "big" | "little";
  /** For people: the package it is or was built from. */
  origin: string;
}

/** The package that a kernel comes from. */
export type Origin = Pick<BinaryPackage, "name" | "version" | "sha256">;

function pageSizeIn(config: string): 4096 | 65536 {
  return /^CONFIG_\w+_64K_PAGES=y$/m.test(config) ? 65536 : 4096;
}

function endianIn(config: string): "big" | "little" {
  return /^CONFIG_CPU_BIG_ENDIAN=y$/m.test(config) ? "big" : "little";
}

/**
 * Writes a kernel's facts into its folder.
 * @param config its configuration, the text of a .config
 */
export async function writeFacts(folder: string, config: string, found: Origin): Promise<void> {
  const facts: Facts = {
    version: found.version,
    pageSize: pageSizeIn(config),
    endian: endianIn(config),
    origin: `${found.name} ${found.version}, .deb sha256 ${found.sha256}`,
  };
  await writeFile(join(folder, "facts.json"), `${JSON.stringify(facts, null, 2)}\n`);
}

export async function readFacts(folder: string): Promise<Facts> {
  return JSON.parse(await readFile(join(folder, "facts.json"), "utf8"));
}
