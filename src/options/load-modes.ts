// What is done with an image in place of loading it, by options that loadem and kexec have alike.

import type { Option } from "../cli/applet.ts";

export const diagnose: Option = {
  long: "diagnose",
  help: "Find the segment that the kernel refuses: load the first, the first two, and so on. Nothing stays loaded, not even what was loaded before.",
};

/** @param more how the command knows the machine */
export function forQemu(more: string): Option {
  const help =
    "Load nothing: write the segments into DIR, and a script that boots them in qemu without a first kernel.";
  return { long: "qemu", value: "DIR", help: `${help} ${more}` };
}
