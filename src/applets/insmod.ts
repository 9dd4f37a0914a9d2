// insmod: gives the running kernel a module, such as the driver of the disk that a dump goes to.

import type { Applet } from "../cli/applet.ts";
import { parse } from "../cli/options.ts";
import { EXIT, Failure, usage } from "../failure.ts";
import formOf from "../forms.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import { lastOfLog } from "../sys/kernel-log.ts";
import errnoText from "../sys/strerror.ts";
import type { System } from "../sys/system.ts";

const insmod: Applet = {
  name: "insmod",
  summary: "Load one module into the running kernel",
  operands: "FILE [PARAMETER]...",
  options: [],
  notes: `
It looks for nothing else: the modules that FILE needs have to be loaded before
(npm run initramfs -- --module finds them, unpacks them and puts them in
order). A PARAMETER is NAME=VALUE. A module that is there already is no error.
`,
  run(system, args) {
    const [file, ...parameters] = parse(insmod.options, args).operands;
    if (file === undefined) throw usage("FILE", "missing");
    const { descriptor } = system.mustOpenFile(file);
    const result = system.call("finit_module", descriptor, parameters.join(" "), 0);
    system.close(descriptor);
    if (result === -errno.EEXIST || result === 0) return EXIT.done;
    throw new Failure(file, `${errnoText(result)}${why(system, file, result)}`, EXIT.refused);
  },
};

/** What the file is that the kernel takes for no module, or the kernel's own last word about it. */
function why(system: System, file: ByteString, result: number): string {
  const form = formOf(system.readStartIfThere(file, 512) ?? new Uint8Array(0));
  if (result === -errno.ENOEXEC && form?.kind === "packed") return `; ${form.tell("module")}`;
  const name = file.replace(/.*\//, "").replace(/\.ko$/, "").replaceAll("-", "_");
  const last = lastOfLog(system);
  return last.startsWith(`${name}: `) || /\bmodule\b/i.test(last) ? `; the kernel's log ends with "${last}"` : "";
}

export default insmod;
