// The manual of an applet, out of its own table of options: as --help prints it, and as the documentation has it.

import { largestOf } from "../number.ts";
import type { Applet, Option } from "./applet.ts";

/** What a serial console has. */
const CONSOLE_COLUMNS = 80;
/** Columns for options and their values. */
const WIDEST_OPTION = 30;

/** An option as every form of the manual shows it: `-b`, `--address ADDR`, and what it does. */
export interface ManualRow {
  readonly short: string | undefined;
  readonly long: string;
  readonly help: string;
}

export function listOptions(options: readonly Option[]): ManualRow[] {
  return options.map(({ short, long, value, help }) => ({
    short: short === undefined ? undefined : `-${short}`,
    long: value === undefined ? `--${long}` : `--${long} ${value}`,
    help,
  }));
}

/** What follows the applet's name on a command line. */
export function formatSynopsis({ options, operands }: Applet): string {
  return `${options.length === 0 ? "" : "[OPTION]... "}${operands}`.trim();
}

/** What --help prints. No line is wider than a console, as long as no operand or note is. */
export function formatHelp(applet: Applet): string {
  const rows = listOptions(applet.options).map(({ short, long, help }) => ({
    left: `  ${short === undefined ? "   " : `${short},`} ${long}`,
    help,
  }));
  const width = Math.min(largestOf(rows.map(({ left }) => left.length)) + 2, WIDEST_OPTION);
  const lines = rows.flatMap(({ left, help }) => {
    const [first = "", ...more] = wrap(help, CONSOLE_COLUMNS - width);
    const indented = more.map((line) => " ".repeat(width) + line);
    // What is too wide to have its help beside it has it below.
    if (left.length > width - 2) return [left, " ".repeat(width) + first, ...indented];
    return [left.padEnd(width) + first, ...indented];
  });
  return [
    `usage: ${applet.name} ${formatSynopsis(applet)}`.trimEnd(),
    "",
    applet.summary,
    ...(lines.length === 0 ? [] : ["", ...lines]),
    ...(applet.notes === undefined ? [] : ["", applet.notes.trim()]),
    "",
  ].join("\n");
}

function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** The options as a table in Markdown. */
export function formatTable(options: readonly Option[]): string {
  const rows = listOptions(options).map(({ short, long, help }) => {
    const names = [short, long].flatMap((name) => (name === undefined ? [] : [`\`${name.replaceAll("|", "\\|")}\``]));
    return `| ${names.join(", ")} | ${help.replaceAll(/[|*_<>`]/g, "\\$&")} |`;
  });
  return ["| option | meaning |", "| --- | --- |", ...rows, ""].join("\n");
}
