// npm run matrix: boots every machine of the table of machines in every way, and says which cells passed.

import { writeFile } from "node:fs/promises";
import { EXIT } from "../src/failure.ts";
import { endWith } from "./command.ts";
import { addRecord, openRecord } from "./json-lines.ts";
import { nameOf, rows } from "./matrix/cells.ts";
import { HELP, type MatrixChoices, parseMatrix } from "./matrix/choices.ts";
import { drawMatrix } from "./matrix/picture.ts";
import { junit, ktapHead, ktapLine } from "./matrix/report.ts";
import { type Result, runCell } from "./matrix/run.ts";

function line({ name, passed, reason, seconds, log }: Result): string {
  const head = `${passed ? "pass" : "FAIL"} ${seconds.toFixed(1).padStart(6)} s  ${name}`;
  return passed ? `${head}\n` : `${head}\n  ${reason}${log === null ? "" : `; ${log}`}\n`;
}

async function runMatrix(choices: MatrixChoices): Promise<number> {
  const { chosen, ktap, record, resume, timeout } = choices;
  const before = await openRecord<Result>(record, resume);
  const hasPassed = new Set(before.filter(({ passed }) => passed).map(({ name }) => name));
  const known = new Set(chosen.map(nameOf).filter((name) => hasPassed.has(name)));
  const left = chosen.filter((cell) => !hasPassed.has(nameOf(cell)));
  if (ktap) process.stdout.write(ktapHead(left.length));
  const results: Result[] = [];
  for (const cell of left) {
    const result = await runCell(cell, timeout);
    results.push(result);
    addRecord(record, result);
    process.stdout.write(ktap ? ktapLine(result, results.length) : line(result));
  }
  const all = [...before.filter(({ name }) => known.has(name)), ...results];
  if (choices.junit !== undefined) await writeFile(choices.junit, junit(all));
  if (choices.svg !== undefined) await writeFile(choices.svg, drawMatrix(rows, [...before, ...results]));
  const failed = results.filter(({ passed }) => !passed).length;
  const earlier = known.size === 0 ? "" : `, ${known.size} passed before`;
  if (!ktap) process.stdout.write(`${results.length} cells, ${failed} failed${earlier}\n`);
  return failed === 0 ? EXIT.done : EXIT.input;
}

async function main(args: readonly string[]): Promise<number> {
  const choices = parseMatrix(args);
  if (choices === undefined) {
    process.stdout.write(HELP);
    return EXIT.done;
  }
  if (!choices.list) return runMatrix(choices);
  process.stdout.write(choices.chosen.map((cell) => `${nameOf(cell)}\n`).join(""));
  return EXIT.done;
}

if (import.meta.main) await endWith("matrix", () => main(process.argv.slice(2)));
