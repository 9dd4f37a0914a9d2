// npm run bench: how close each command is to what the machine can do, and to what a person would use instead.

import { relative } from "node:path";
import { EXIT } from "../src/failure.ts";
import { drawChart, hasSpreads } from "./bench/chart.ts";
import { type Choices, HELP, parseChoices } from "./bench/choices.ts";
import { comparison, differences } from "./bench/compare.ts";
import { peersInGuest } from "./bench/guest.ts";
import { guestChart } from "./bench/guest-jump.ts";
import { origin, peersHere } from "./bench/machine.ts";
import { putIntoPage } from "./bench/page.ts";
import { guestFindings, hostFindings } from "./bench/parts.ts";
import { headline, report } from "./bench/report.ts";
import { keep, type Result, resultIn } from "./bench/result.ts";
import { treesChart } from "./bench/trees.ts";
import { endWith } from "./command.ts";
import { withProgress } from "./progress.ts";

async function measure({ where, parts, rounds }: Choices): Promise<Result> {
  const found = await withProgress("measuring", (tell) =>
    where === "host" ? hostFindings(parts, rounds, tell) : guestFindings(where, parts, rounds, tell),
  );
  return {
    where,
    origin: await origin(where === "host" ? await peersHere() : await peersInGuest(where)),
    rounds,
    rows: found.flatMap(({ rows }) => rows),
    samples: Object.fromEntries(found.flatMap(({ samples }) => [...samples])),
  };
}

function chartOf({ where, rows }: Result): string | undefined {
  const chart = where === "host" ? treesChart(rows) : guestChart(where, rows);
  return hasSpreads(chart) ? drawChart(chart) : undefined;
}

function say(text: string): void {
  process.stdout.write(text);
}

async function main(args: readonly string[]): Promise<number> {
  const choices = parseChoices(args);
  if (choices === undefined) {
    say(HELP);
    return EXIT.done;
  }
  if (choices.page !== undefined) {
    const result = await resultIn(choices.page);
    for (const path of await putIntoPage(result, chartOf(result))) say(`${relative(".", path)}\n`);
    return EXIT.done;
  }
  // A file that cannot be read is reported before anything is measured.
  const before = choices.compare === undefined ? undefined : await resultIn(choices.compare);
  const after = choices.with === undefined ? await measure(choices) : await resultIn(choices.with);
  if (choices.with === undefined) {
    say(`${headline(after)}\n${report(after.rows)}`);
    for (const path of await keep(after, chartOf(after))) say(`${relative(".", path)}\n`);
  }
  if (before !== undefined) say(`\n${comparison(differences(before.rows, after.rows))}`);
  return EXIT.done;
}

if (import.meta.main) await endWith("bench", () => main(process.argv.slice(2)));
