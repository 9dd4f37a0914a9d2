// echo: prints its arguments as one line.

import type { Applet } from "../cli/applet.ts";
import { EXIT } from "../failure.ts";

const echo: Applet = {
  name: "echo",
  summary: "Print the arguments as one line",
  operands: "[WORD]...",
  options: [{ short: "n", long: "no-newline", help: "Do not end the line." }],
  takesWords: true,
  notes: "Only the first argument can be an option. All others are printed as they are.",
  run(system, args) {
    const open = args[0] === "-n" || args[0] === "--no-newline";
    system.print(open ? args.slice(1).join(" ") : `${args.join(" ")}\n`);
    return EXIT.done;
  },
};

export default echo;
