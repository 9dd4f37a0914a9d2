// vmcore-dmesg: the log of a kernel that crashed, out of its memory.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { type CoreFile, VMCORE, withCore } from "../dump/core.ts";
import { readLog } from "../dump/log.ts";
import { EXIT, type Notice, usage } from "../failure.ts";
import { formatSize } from "../number.ts";
import { noticeOn } from "../options/trees.ts";

const vmcoreDmesg: Applet = {
  name: "vmcore-dmesg",
  summary: "Print the log of a kernel that crashed",
  operands: "[FILE]",
  options: [],
  notes: `
FILE is a dump in ELF: /proc/vmcore unless given, a copy of it, what qemu's
dump-guest-memory or makedumpfile -E wrote, or /proc/kcore. It may be of any
machine of 64 bits, in either byte order, and of any Linux from 2.6.24 on.

Lines are as dmesg prints them; bytes that are not ASCII become \\xNN. What of a
damaged log can be read is printed, what cannot is told on standard error, and
the exit code is then 1.

  vmcore-dmesg /var/crash/vmcore | tail
`,
  run(system, args) {
    const { operands } = parse(vmcoreDmesg.options, args);
    const [path = VMCORE, ...more] = operands;
    if (more.length > 0) throw usage("operands", `one dump is enough, ${operands.length} are given`);
    const notice = noticeOn(system, "vmcore-dmesg");
    return withCore(system, path, (core) => printLog(core, notice)) ? EXIT.done : EXIT.input;
  },
};

/** Prints the log as it is read. @returns whether all of it could be */
function printLog(core: CoreFile, notice: Notice): boolean {
  let isWhole = true;
  let lines = "";
  const print = () => {
    core.system.print(lines);
    lines = "";
  };
  if (core.missing > 0n) notice(core.path, `is cut off: ${formatSize(core.missing)} are missing`);
  for (const part of readLog(core)) {
    if ("lines" in part) lines += part.lines;
    else {
      print();
      notice(core.path, "wrong" in part ? part.wrong : part.note);
      if ("wrong" in part) isWhole = false;
    }
    if (lines.length > 0x10000) print();
  }
  print();
  return isWhole;
}

export default vmcoreDmesg;
