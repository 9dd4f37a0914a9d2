// docs/kexec-tools.md: what each program said to each line, in place of what stood there of the comparison before.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure } from "../../src/failure.ts";
import type { MachineName } from "../machines/machines.ts";
import type { Answer, Comparison, Program } from "./guest.ts";
import { USES } from "./uses.ts";

const DOCS = join(import.meta.dir, "../../docs");

/** Where the machines' tables are. */
const PAGE = "kexec-tools.md";

/** What a cell shows of an answer. */
const LINES = 3;

/** Puts a machine's table between the page's two marks for it, and returns the page's path. */
export async function putIntoPage(comparison: Comparison): Promise<string> {
  return putBetweenMarks(PAGE, comparison.machine, formatTable(comparison));
}

/** Puts a table between the marks `<!-- NAME -->` and `<!-- /NAME -->` of a page of docs, and returns the page's path. */
export async function putBetweenMarks(page: string, name: string, table: string): Promise<string> {
  const [before, , after] = await partsOfPage(page, name);
  const path = join(DOCS, page);
  await writeFile(path, `${before}\n${table}\n${after}`);
  return path;
}

/** The cells of a machine's table as they stand in the page, row by row. */
export async function cellsInPage(name: MachineName | "hostile", page = PAGE): Promise<string[][]> {
  const [, table] = await partsOfPage(page, name);
  return cellsOf(table);
}

/** Without the headings. */
export function cellsOf(table: string): string[][] {
  const rows = table.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(2).map((row) => row.slice(2, -2).split(" | "));
}

async function partsOfPage(page: string, name: string): Promise<[before: string, table: string, after: string]> {
  const text = await readFile(join(DOCS, page), "utf8");
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- /${name} -->\n`];
  const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  if (from < begin.length || to < from) {
    throw new Failure(`docs/${page}`, `has no lines ${begin.trim()} and ${end.trim()}`);
  }
  return [text.slice(0, from), text.slice(from, to), text.slice(to)];
}

/** A row a use. Releases that say the same share a column's cell. */
export function formatTable({ kernel, programs }: Comparison): string {
  const [own, ...others] = programs;
  if (own === undefined) throw new Failure("comparison", "of no program");
  const names = others.map(({ name }) => name.replace(/^kexec-tools /, ""));
  return [
    `In a guest with Linux ${kernel}.`,
    "",
    `| what | typed | ${own.name} | ${others.length === 0 ? "" : `kexec-tools ${names.join(" and ")}`} |`,
    "| --- | --- | --- | --- |",
    ...USES.map(({ what, args, asNobody }, row) => {
      const typed = `\`kexec ${escapeCell(args)}\`${asNobody ? " by nobody" : ""}`;
      return `| ${what} | ${typed} | ${formatAnswer(own, row)} | ${formatOthers(others, row)} |`;
    }),
  ].join("\n");
}

function formatOthers(others: readonly Program[], row: number): string {
  const cells = others.map((program) => formatAnswer(program, row));
  if (new Set(cells).size === 1) return cells[0] ?? "";
  return cells.map((cell, index) => `${others[index]?.name.replace(/^kexec-tools /, "")}: ${cell}`).join("<br>");
}

function formatAnswer({ answers }: Program, row: number): string {
  const answer = answers[row];
  if (answer === undefined) throw new Failure(`use ${row}`, "has no answer");
  const shown = linesOf(answer);
  const rest = answer.count - shown.length;
  const more = rest <= 0 ? [] : [`and ${rest} more line${rest === 1 ? "" : "s"}`];
  const said = shown.map((line) => `\`${escapeCell(line)}\``);
  return [...said, ...more, ...(answer.loaded ? ["it is loaded"] : []), `exit ${answer.code}`].join("<br>");
}

/** Without the rest of a help text, and without what no two runs have in common. */
function linesOf({ lines }: Answer): string[] {
  const help = lines.findIndex((line) => line.startsWith("kexec-tools "));
  const own = lines
    .slice(0, help < 0 ? LINES : Math.min(help, LINES))
    .map((line) => line.trim().replace(/^\/(stable|testing)\/kexec: /, "kexec: "));
  return own.filter((line) => line !== "" && !/^(entry|nr_segments|segment\[)/.test(line));
}

export function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("`", "'");
}
