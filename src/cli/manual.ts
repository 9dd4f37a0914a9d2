// What --help prints, out of an applet's own table of options.

import type { Applet } from "./applet.ts";

/** What a serial console has. */
const CONSOLE_COLUMNS = 80;
/** Columns for options and their values. */
const WIDEST_OPTION = 30;

function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** No line is wider than a console, as long as no operand or note is. */
export function help(applet: Applet): string {
  const left = applet.options.map(
    ({ short, long, value }) =>
      `  ${short === undefined ? "   " : `-${short},`} --${long}${value === undefined ? "" : ` ${value}`}`,
  );
  const width = Math.min(Math.max(...left.map((text) => text.length)) + 2, WIDEST_OPTION);
  const lines = applet.options.flatMap((option, row) => {
    const helped = wrapped(option.help, CONSOLE_COLUMNS - width).map((line) => " ".repeat(width) + line);
    // What is too wide to have its help beside it has it below.
    const own = left[row]!;
    return own.length > width - 2 ? [own, ...helped] : [own + helped[0]!.slice(own.length), ...helped.slice(1)];
  });
  return [
    `usage: ${applet.name}${applet.options.length === 0 ? "" : " [OPTION]..."} ${applet.operands}`.trimEnd(),
    "",
    applet.summary,
    ...(lines.length === 0 ? [] : ["", ...lines]),
    ...(applet.notes === undefined ? [] : ["", applet.notes.trim()]),
    "",
  ].join("\n");
}
