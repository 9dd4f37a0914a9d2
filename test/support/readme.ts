// The command lines of the README, so that tests run what people read.

import { readFileSync } from "node:fs";
import { join } from "node:path";

const README = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");

/** Every command of the README's indented blocks, continued lines joined, one blank between words. */
export const commands: readonly string[] = README
  .replaceAll(/ *\\\n */g, " ")
  .split("\n")
  .flatMap((line) => /^ {4}(\S.*)$/.exec(line)?.[1] ?? []);

/** The one command that begins so, with some of its words replaced. */
export function example(beginning: string, replaced: Readonly<Record<string, string>> = {}): string {
  const found = commands.filter((command) => command.startsWith(beginning));
  if (found.length !== 1) throw new Error(`${found.length} commands of the README begin with ${beginning}`);
  return Object.entries(replaced).reduce((text, [word, by]) => {
    if (!text.includes(word)) throw new Error(`no ${word} in ${text}`);
    return text.replace(word, () => by);
  }, found[0]!);
}

/** The rows of the README's tables: what stands in the first column, code marks removed. */
export const firstColumns: readonly string[] = README
  .split("\n")
  .flatMap((line) => /^\| (`.*?`) \| /.exec(line)?.[1]?.replaceAll(/`|\\(?=\|)/g, "") ?? []);
