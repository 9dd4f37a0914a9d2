// npm run docs: writes the tables of options in the documentation anew, out of the tables in the program.
//
// A table stands between <!-- options: NAME --> and <!-- end -->. NAME is an applet, `edits` or `reading`, which are the
// options that several applets share. `dtedit without edits reading` leaves out what has a table of its own.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { applets } from "../src/applets/table.ts";
import type { Option } from "../src/cli/applet.ts";
import { formatSynopsis, formatTable } from "../src/cli/manual.ts";
import { Failure } from "../src/failure.ts";
import { editOptions } from "../src/options/edits.ts";
import { readOptions } from "../src/options/trees.ts";
import { replaceFile } from "./build.ts";
import { endWith } from "./command.ts";

const ROOT = join(import.meta.dir, "..");

/** The pages with tables, as paths from the root. */
export const pages: readonly string[] = ["README.md", "docs/device-tree.md"];

/** Options that several applets share. */
const shared: ReadonlyMap<string, readonly Option[]> = new Map([
  ["edits", editOptions],
  ["reading", readOptions],
]);

const TABLE = /<!-- options: (.*?) -->\n.*?<!-- end -->/gs;

/** What the tables of a page are of: `fs2dt`, `dtedit without edits`. */
export function findTables(text: string): string[] {
  return [...text.matchAll(TABLE)].flatMap(([, title]) => title ?? []);
}

/** The page with every table written anew. */
export function renewTables(text: string): string {
  return text.replaceAll(
    TABLE,
    (_, title: string) => `<!-- options: ${title} -->\n${formatBlock(title)}\n<!-- end -->`,
  );
}

/** What a table is of, and the options in it. */
export function findOptions(title: string): readonly Option[] {
  const [name = "", ...without] = title.split(/ without | /);
  const left = new Set(without.flatMap((set) => findSet(set)));
  return findSet(name).filter((option) => !left.has(option));
}

function findSet(name: string): readonly Option[] {
  const found = shared.get(name) ?? applets.find((applet) => applet.name === name)?.options;
  if (found === undefined) throw new Failure(name, "no such applet, and no set of options");
  return found;
}

function formatBlock(title: string): string {
  const applet = applets.find(({ name }) => name === title.split(" ")[0]);
  const options = findOptions(title);
  const text = options.length === 0 ? "" : `\n${formatTable(options)}`;
  if (applet === undefined) return text;
  const line = `**${applet.name}** ${formatSynopsis(applet) === "" ? "" : `\`${formatSynopsis(applet)}\` `}`.trim();
  return `${line}: ${applet.summary}.\n${text}`;
}

async function writeTables(): Promise<void> {
  for (const page of pages) {
    const path = join(ROOT, page);
    const text = await readFile(path, "utf8");
    const written = renewTables(text);
    if (written === text) continue;
    await replaceFile(path, async (temporary) => void (await Bun.write(temporary, written)));
    process.stdout.write(`${page}\n`);
  }
}

const HELP = `usage: npm run docs

Rewrite the tables of options in ${pages.join(" and ")} from the
program's own, and print the names of the pages that changed.
`;

if (import.meta.main) await endWith("docs", writeTables, HELP);
