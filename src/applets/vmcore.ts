// vmcore: what a dump of a machine that has crashed holds.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { VMCORE } from "../dump/core.ts";
import { EXIT, usage } from "../failure.ts";
import { noticeOn } from "../options/trees.ts";
import { showDump } from "../recipes/show-dump.ts";

const vmcore: Applet = {
  name: "vmcore",
  summary: "Show what a dump of a crashed machine holds",
  operands: "[FILE]",
  options: [{ long: "json", help: "Write JSON in one line, for programs." }],
  notes: `
FILE is a dump in ELF, as vmcore-dmesg reads it; /proc/vmcore unless given. It
is shown with its kernel, why and when that crashed, each cpu's registers in the
order of their notes, and its memory.
`,
  run(system, args) {
    const { given, operands } = parse(vmcore.options, args);
    const [path = VMCORE, ...more] = operands;
    if (more.length > 0) throw usage("operands", `one dump is enough, ${operands.length} are given`);
    showDump(system, path, given.has("json"), noticeOn(system, "vmcore"));
    return EXIT.done;
  },
};

export default vmcore;
