// The initramfs of a crash kernel: a script that saves what is left of the kernel that crashed, and drivers for that.

import type { AddedFile } from "./image.ts";

/** Where the modules are. */
const FOLDER = "modules";

/** @param modules names, in the order in which they are loaded */
export function crashScript(modules: readonly string[]): string {
  const drivers =
    modules.length === 0
      ? []
      : [
          "",
          "# Drivers of the disk that the dump goes to.",
          ...modules.map((name) => `- insmod /${FOLDER}/${name}.ko`),
        ];
  return [
    "# What a crash kernel does: it saves what is left of the kernel that crashed, and restarts the machine.",
    "# A line that begins with - may fail: what follows is done all the same.",
    "",
    "# The last words of the kernel that crashed.",
    "- vmcore-dmesg",
    ...drivers,
    "",
    "# Its memory, where kexecbox.dump= of this kernel's command line names a disk, or console for text.",
    "- vmcore --as-asked -v",
    "",
    "poweroff --reboot",
    "",
  ].join("\n");
}

export function moduleFiles(modules: readonly { readonly name: string; readonly content: Uint8Array }[]): AddedFile[] {
  return modules.map(({ name, content }) => ({ path: `${FOLDER}/${name}.ko`, content, mode: 0o644 }));
}
