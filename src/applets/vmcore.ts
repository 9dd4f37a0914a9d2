// vmcore: what a dump of a machine that has crashed holds, or a copy of it.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { VMCORE } from "../dump/core.ts";
import { EXIT, usage } from "../failure.ts";
import { noticeOn } from "../options/trees.ts";
import { findAskedPlace, saveDump } from "../recipes/save-dump.ts";
import { showDump } from "../recipes/show-dump.ts";

const vmcore: Applet = {
  name: "vmcore",
  summary: "Show what a dump of a crashed machine holds, or copy it",
  operands: "[FILE]",
  options: [
    { long: "json", help: "Write JSON in one line, for programs." },
    { long: "copy", value: "TO", help: "Copy the dump to TO: a file, a disk, or - for standard output." },
    {
      long: "as-asked",
      help: "Copy it to the TO of kexecbox.dump=TO on the running kernel's command line, or not at all if that is not there.",
    },
    { short: "v", long: "verbose", help: "Say on standard error what was copied." },
  ],
  notes: `
FILE is a dump in ELF, as vmcore-dmesg reads it; /proc/vmcore unless given. It
is shown with its kernel, why and when that crashed, each cpu's registers in the
order of their notes, and its memory. Which cpu panicked is what the log says.
Where the kernel lies is what the program headers say; on ppc64 they have no end
of it.

A copy in a file is whole and has holes for zeros, or is not there. A disk gets
the dump from its first byte on, without zeros, and its ELF header last; "vmcore
--copy FILE DISK" takes it off again. To standard output the zeros are left out
too, so that it goes through a pipe to ssh or nc. --as-asked also knows TO
console: text on standard output, which uudecode reads. Memory that cannot be
read is zeros in the copy; it is named, and the exit code is 1. To compress,
and to leave out more than zeros, is makedumpfile's work, which reads
/proc/vmcore and every copy:

  vmcore --copy - | ssh host 'cat > dump'
  makedumpfile --non-mmap -l -d 31 dump smaller
`,
  run(system, args) {
    const { given, operands } = parse(vmcore.options, args);
    const [path = VMCORE, ...more] = operands;
    if (more.length > 0) throw usage("operands", `one dump is enough, ${operands.length} are given`);
    const copy = given.get("copy");
    if (copy !== undefined && given.has("as-asked")) throw usage("--as-asked", "does not go with --copy");
    if (copy === undefined && !given.has("as-asked")) {
      showDump(system, path, given.has("json"), noticeOn(system, "vmcore"));
      return EXIT.done;
    }
    const to = copy ?? findAskedPlace(system);
    return to === undefined ? EXIT.done : saveDump(system, { from: path, to, verbose: given.has("verbose") });
  },
};

export default vmcore;
