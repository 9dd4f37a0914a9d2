// docs/performance.md: what a run found, in place of what stood there of the run before.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import { headline, report } from "./report.ts";
import type { Result } from "./result.ts";

const DOCS = join(import.meta.dir, "../../docs");

/** Puts the table between the page's two marks for where it was measured, and the chart beside it; returns their paths. */
export async function putIntoPage(result: Result, chart: string | undefined): Promise<string[]> {
  const [page, picture] = [join(DOCS, "performance.md"), join(DOCS, `performance-${result.where}.svg`)];
  await writeFile(page, withResult(await readFile(page, "utf8"), result));
  if (chart === undefined) return [page];
  await writeFile(picture, chart);
  return [page, picture];
}

/** @throws Failure where the page has no place for it */
export function withResult(page: string, result: Result): string {
  const { where, rows } = result;
  const [begin, end] = [`<!-- ${where} -->\n`, `<!-- /${where} -->\n`];
  const [before, rest] = split(page, begin);
  const [, after] = split(rest, end);
  return `${before}${begin}${headline(result)}\n${report(rows)}${end}${after}`;
}

function split(text: string, mark: string): [string, string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Failure("docs/performance.md", `has no line ${mark.trimEnd()}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
