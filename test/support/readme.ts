// The command lines of the README and of docs/device-tree.md, so that tests run what people read.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { present } from "./present.ts";

export const documents = ["README.md", "docs/device-tree.md"]
  .map((name) => readFileSync(join(import.meta.dir, "../..", name), "utf8"))
  .join("\n");

/** Every command of their indented blocks, continued lines joined, one blank between words. */
export const commands: readonly string[] = documents
  .replaceAll(/ *\\\n */g, " ")
  .split("\n")
  .flatMap((line) => /^ {4}(\S.*)$/.exec(line)?.[1] ?? []);

/** The one command that begins so, with some of its words replaced. */
export function example(beginning: string, replaced: Readonly<Record<string, string>> = {}): string {
  const found = commands.filter((command) => command.startsWith(beginning));
  if (found.length !== 1) throw new Error(`${found.length} commands of the documents begin with ${beginning}`);
  return Object.entries(replaced).reduce((text, [word, by]) => {
    if (!text.includes(word)) throw new Error(`no ${word} in ${text}`);
    return text.replace(word, () => by);
  }, present(found[0]));
}

/** The rows of their tables: what stands in the first column, code marks removed. */
export const firstColumns: readonly string[] = documents
  .split("\n")
  .flatMap((line) => /^\| (`.*?`) \| /.exec(line)?.[1]?.replaceAll(/`|\\(?=\|)/g, "") ?? []);
