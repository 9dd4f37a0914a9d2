// ls: the names in a directory, for looking around at the prompt.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { EXIT, escapeText, type Failure, failureOf, formatFailure, usage } from "../failure.ts";
import { largestOf } from "../number.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

const ls: Applet = {
  name: "ls",
  summary: "List the names in a directory, sorted, one a line",
  operands: "[DIR]",
  options: [{ short: "l", long: "long", help: "Print kind, size in bytes, and where a link leads." }],
  notes: "Without DIR it lists the working directory. Bytes that are not printable ASCII\nappear as \\xNN.",
  run(system, args) {
    const { given, operands } = parse(ls.options, args);
    const [directory = ".", second] = operands;
    if (second !== undefined) throw usage(second, "only one directory at a time");
    const descriptor = system.mustOpenDirectory(directory);
    const entries = system.must(system.list(descriptor), directory);
    const names = entries.map(({ name }) => name).sort();
    const problems: Failure[] = [];
    const lines = given.has("long") ? longLines(system, descriptor, names, problems) : names.map(escapeText);
    system.close(descriptor);
    system.print(lines.map((line) => `${line}\n`).join(""));
    for (const problem of problems) system.say(`ls: ${formatFailure(problem)}`);
    return problems.length === 0 ? EXIT.done : EXIT.input;
  },
};

/** @param problems gets what could not be asked of a name, which is listed all the same */
function longLines(system: System, descriptor: number, names: readonly ByteString[], problems: Failure[]): string[] {
  const rows = names.map((name) => {
    const ask = <T extends object | string>(answer: T | number): T | undefined => {
      const problem = failureOf(() => void system.must(answer, name));
      if (problem !== undefined) problems.push(problem);
      return problem === undefined ? (answer as T) : undefined;
    };
    const { kind, size } = ask(system.statusOf(descriptor, name)) ?? { kind: "unknown", size: "?" };
    const target = kind === "symlink" ? ask(system.readLink(descriptor, name)) : undefined;
    const link = target === undefined ? "" : ` -> ${escapeText(target)}`;
    return { kind, size: `${size}`, text: escapeText(name) + link };
  });
  const width = largestOf(rows.map(({ size }) => size.length));
  return rows.map(({ kind, size, text }) => `${kind.padEnd(9)}  ${size.padStart(width)}  ${text}`);
}

export default ls;
