// What a run over a corpus has found, as text.

import type { Examined } from "./examine.ts";
import type { TreeFile } from "./trees.ts";

export interface Result {
  readonly tree: TreeFile;
  /** Why there is no blob of it. */
  readonly notCompiled?: string;
  readonly examined?: Examined;
}

export interface Wishes {
  /** Names of checks. */
  readonly show: ReadonlySet<string>;
  readonly slowest: number;
}

/** Lines. */
export function report(results: readonly Result[], { show, slowest }: Wishes): string {
  const examined = results.flatMap(({ tree, examined }) => (examined === undefined ? [] : [{ tree, ...examined }]));
  const notCompiled = results.flatMap(({ tree, notCompiled }) =>
    notCompiled === undefined ? [] : [`${tree.name}: ${notCompiled}`],
  );
  const faults = (kind: string): string[] =>
    examined.flatMap(({ tree, faults }) =>
      faults.filter((fault) => fault.kind === kind).map(({ what }) => `${tree.name}: ${what}`),
    );
  const shown = examined.flatMap(({ tree, findings }) =>
    findings.filter(({ check }) => show.has(check)).map(({ line }) => `${tree.name}: ${line}`),
  );
  const bySeconds = examined.toSorted((a, b) => b.seconds - a.seconds).slice(0, slowest);
  return [
    ...section(`${examined.length} trees`, counts(examined.map(({ tree }) => tree.group))),
    ...section(`${notCompiled.length} sources not compiled`, notCompiled),
    ...section(`${faults("crash").length} crashes`, faults("crash")),
    ...section(`${faults("round trip").length} wrong round trips`, faults("round trip")),
    ...section(`${examined.flatMap(({ refusals }) => refusals).length} refusals`, refusals(examined)),
    ...section(`${examined.flatMap(({ findings }) => findings).length} findings of dtcheck`, findings(examined)),
    ...section(
      "slowest, in seconds of a cpu for all commands",
      bySeconds.map(({ tree, seconds }) => `${seconds.toFixed(2)} ${tree.name}`),
    ),
    ...(shown.length === 0 ? [] : section("findings shown", shown)),
  ].join("");
}

function section(title: string, lines: readonly string[]): string[] {
  return [`${title}${lines.length > 0 ? ":" : ""}\n`, ...lines.map((line) => `  ${line}\n`)];
}

/** `12 linux`, the most frequent first. */
function counts(words: readonly string[]): string[] {
  const table = new Map<string, number>();
  for (const word of words) table.set(word, (table.get(word) ?? 0) + 1);
  return [...table].sort(([, a], [, b]) => b - a).map(([word, count]) => `${count} ${word}`);
}

interface One extends Examined {
  readonly tree: TreeFile;
}

/** Each reason once, with the first tree. */
function refusals(examined: readonly One[]): string[] {
  const first = new Map<string, string>();
  const all = examined.flatMap(({ tree, refusals }) => {
    for (const refusal of refusals) if (!first.has(refusal)) first.set(refusal, tree.name);
    return [...new Set(refusals)];
  });
  return counts(all).map((line) => `${line} (${first.get(line.replace(/^\d+ /, ""))})`);
}

/** `interrupts: 12 in 3 trees`, those in the most trees first. */
function findings(examined: readonly One[]): string[] {
  const table = new Map<string, { findings: number; trees: number; severity: string }>();
  for (const { findings } of examined) {
    const checks = new Set(findings.map(({ check }) => check));
    for (const check of checks) {
      const lines = findings.filter((finding) => finding.check === check).map(({ line }) => line);
      const severity = /: (error|warning): /.exec(lines[0] ?? "")?.[1] ?? "";
      const known = table.get(check) ?? { findings: 0, trees: 0, severity };
      table.set(check, { ...known, findings: known.findings + lines.length, trees: known.trees + 1 });
    }
  }
  return [...table]
    .sort(([, a], [, b]) => b.trees - a.trees)
    .map(([check, { findings, trees, severity }]) => `${check} (${severity}): ${findings} in ${trees} trees`);
}
