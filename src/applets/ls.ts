// ls: the names in a directory, for looking around at the prompt.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { EXIT, escapeText, usage } from "../failure.ts";
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
    const lines = given.has("long") ? longLines(system, descriptor, names) : names.map(escapeText);
    system.close(descriptor);
    system.print(lines.map((line) => `${line}\n`).join(""));
    return EXIT.done;
  },
};

function longLines(system: System, descriptor: number, names: readonly ByteString[]): string[] {
  const rows = names.map((name) => {
    const status = system.statusOf(descriptor, name);
    const target = system.readLink(descriptor, name);
    const link = typeof target === "number" ? "" : ` -> ${escapeText(target)}`;
    const { kind, size } = typeof status === "number" ? { kind: "unknown", size: "?" } : status;
    return { kind, size: `${size}`, text: escapeText(name) + link };
  });
  const width = largestOf(rows.map(({ size }) => size.length));
  return rows.map(({ kind, size, text }) => `${kind.padEnd(9)}  ${size.padStart(width)}  ${text}`);
}

export default ls;
