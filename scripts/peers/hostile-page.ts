// docs/reliability.md: what each reader made of the twelve hostile inputs.

import { HOSTILE, READERS } from "./hostile.ts";
import { type HostileComparison, PATIENCE, type Reading } from "./hostile-guest.ts";
import { escapeCell, putBetweenMarks } from "./page.ts";

export const PAGE = "reliability.md";

/** What a cell shows of what a program says. */
const LINES = 2;
/** Longer lines are cut off. */
const WIDTH = 160;

/** MB, from which on memory is told. Time is told only of who was not done: it is the emulator's. */
const MUCH_MEMORY = 100;

const SIGKILL = 9;

/** The signals that programs die of by themselves (signal.h), and the one that a guest short of memory sends. */
const SIGNALS: Readonly<Record<number, string>> = {
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  [SIGKILL]: "SIGKILL",
  11: "SIGSEGV",
};

export function putHostileIntoPage(comparison: HostileComparison): Promise<string> {
  return putBetweenMarks(PAGE, "hostile", formatHostile(comparison));
}

export function formatHostile({ kernel, versions, rows }: HostileComparison): string {
  const headings = {
    kexecbox: "kexecbox",
    dtc: `dtc ${versions.dtc}`,
    fdtdump: `fdtdump ${versions.dtc}`,
    "kexec-tools": `kexec-tools ${versions["kexec-tools"]}`,
  };
  return [
    `In a guest of 1 GiB with Linux ${kernel}.`,
    "",
    `| input | ${READERS.map((reader) => headings[reader]).join(" | ")} |`,
    `| --- |${" --- |".repeat(READERS.length)}`,
    ...HOSTILE.map(({ what }, row) => {
      const cells = READERS.map((reader) => formatCell((rows[row] ?? []).filter((each) => each.reader === reader)));
      return `| ${what} | ${cells.join(" | ")} |`;
    }),
  ].join("\n");
}

function formatCell(readings: readonly Reading[]): string {
  return readings.length === 0 ? "reads none" : readings.map(formatReading).join("<br>");
}

function formatReading({ typed, answer }: Reading): string {
  const { code, lines, count, loaded, cost } = answer;
  const shown = lines.filter((line) => line.trim() !== "").slice(0, LINES);
  const rest = count - shown.length;
  const said = shown.map((line) => `\`${escapeCell(shorten(line.trim()))}\``);
  const [program = ""] = typed.split(" ");
  const late = (cost?.seconds ?? 0) >= PATIENCE && code === 128 + SIGKILL ? `: not done after ${PATIENCE} s` : "";
  const ends = [
    ...(rest > 0 ? [`and ${rest} more line${rest === 1 ? "" : "s"}`] : []),
    ...(loaded ? ["it is loaded"] : []),
    `${program}: **${formatCode(code)}**${late}`,
  ];
  const memory = Math.round((cost?.kilobytes ?? 0) / 1000);
  return [...said, ...ends, ...(memory >= MUCH_MEMORY ? [`${memory} MB`] : [])].join("<br>");
}

/** A shell's exit code of a program that a signal ended is 128 and its number. */
function formatCode(code: number): string {
  return SIGNALS[code - 128] ?? `exit ${code}`;
}

function shorten(line: string): string {
  return line.length > WIDTH ? `${line.slice(0, WIDTH)}...` : line;
}
