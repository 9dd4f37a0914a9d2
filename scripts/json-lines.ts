// A record of long work, by which it can be gone on with: one line of JSON for each piece that is done.

import { appendFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "../src/failure.ts";

/** What the record has; an empty one is begun unless it is to be gone on with. */
export async function openRecord<T>(path: string, resume: boolean): Promise<T[]> {
  await mkdir(dirname(path), { recursive: true });
  if (!resume) await writeFile(path, "");
  const text = await readFile(path, "utf8").catch(() => "");
  // A line that was not written whole is of a piece that did not end. The next one may not be joined to it.
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole !== text) await writeFile(path, whole);
  const lines = whole.split("\n").slice(0, -1);
  return lines.map((line, index) => {
    try {
      return JSON.parse(line);
    } catch {
      throw new Failure(`${path}:${index + 1}`, "is no JSON");
    }
  });
}

/** At once: it may be the last that is done. */
export function addRecord<T>(path: string, piece: T): void {
  appendFileSync(path, `${JSON.stringify(piece)}\n`);
}
