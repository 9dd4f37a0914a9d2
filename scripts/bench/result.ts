// The file that a run leaves in bench/: what was measured, on what, from which samples.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import type { GuestName } from "./guests.ts";
import type { Origin } from "./machine.ts";
import type { Row } from "./row.ts";
import type { Sample } from "./sample.ts";

const FOLDER = join(import.meta.dir, "../../bench");

export interface Result {
  /** On this machine, or in guests of that name. */
  readonly where: "host" | GuestName;
  readonly origin: Origin;
  readonly rounds: number;
  readonly rows: readonly Row[];
  readonly samples: Readonly<Record<string, readonly Sample[]>>;
}

/** Writes bench/WHERE-TIME.json, and an SVG document beside it where there is a chart; returns their paths. */
export async function keep(result: Result, chart: string | undefined): Promise<string[]> {
  await mkdir(FOLDER, { recursive: true });
  const time = result.origin.date.replace(/\..*/, "").replace(/[-:]/g, "").replace("T", "-");
  const path = join(FOLDER, `${result.where}-${time}`);
  await writeFile(`${path}.json`, `${JSON.stringify(result, null, 1)}\n`);
  if (chart === undefined) return [`${path}.json`];
  await writeFile(`${path}.svg`, chart);
  return [`${path}.json`, `${path}.svg`];
}

/** @throws Failure where `path` cannot be read or is no result */
export async function resultIn(path: string): Promise<Result> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Failure(path, `cannot be read: ${error.code}`);
  });
  const result = parseJson(text);
  if (!Array.isArray(result?.rows)) throw new Failure(path, "not what npm run bench wrote");
  return result;
}

function parseJson(text: string): Result | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
