// cat: copies files, or standard input, to standard output.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { EXIT, escapeText, Failure } from "../failure.ts";
import { largestOf } from "../number.ts";
import type { ByteString } from "../sys/engine.ts";
import { CWD, STDIN, STDOUT, type System } from "../sys/system.ts";

const cat: Applet = {
  name: "cat",
  summary: "Copy files one after the other to standard output",
  operands: "[FILE]...",
  options: [],
  notes: "Without FILE, and for -, it reads standard input. A file that cannot be read is\nnamed and skipped.",
  run(system, args) {
    const { operands } = parse(cat.options, args);
    const buffer = new Uint8Array(64 * 1024);
    return largestOf((operands.length === 0 ? ["-"] : operands).map((file) => copy(system, file, buffer)));
  },
};

function copy(system: System, file: ByteString, buffer: Uint8Array): number {
  const place = file === "-" ? "standard input" : file;
  const input = file === "-" ? STDIN : system.open(CWD, file, 0);
  try {
    system.must(input, place);
    for (;;) {
      const length = system.must(system.read(input, buffer, 0, buffer.length), place);
      if (length === 0) return EXIT.done;
      system.writeAll(STDOUT, buffer.subarray(0, length), "standard output");
    }
  } catch (error) {
    // A write that fails ends the program; a read that fails ends this file only.
    if (!(error instanceof Failure) || error.place !== place) throw error;
    system.say(`cat: ${escapeText(place)}: ${error.fact}`);
    return error.exitCode;
  } finally {
    if (input > STDIN) system.close(input);
  }
}

export default cat;
