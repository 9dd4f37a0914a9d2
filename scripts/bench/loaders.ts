// The ways to load a kernel that are compared in a guest, as lines of init's script.

import type { ScriptNeeds } from "../boot/scene.ts";
import { usualScript } from "../boot/scene.ts";

export interface Loader {
  /** A word. */
  readonly name: string;
  /** Programs and arguments; more than one command is a pipeline. */
  readonly load: (needs: ScriptNeeds) => readonly string[];
  readonly unload: string;
  readonly jump: string;
}

function kexec(name: string, how: string): Loader {
  return {
    name,
    load: ({ bootargs }) => [`kexec-tools ${how} /vmlinux --initrd=/initrd '--command-line=${bootargs}'`],
    unload: "kexec-tools -u",
    jump: "kexec-tools -e",
  };
}

export const KEXECBOX: Loader = {
  name: "kexecbox",
  // The pipeline of every boot, without what it says of itself on the console.
  load: (needs) => (usualScript(needs).split("\n")[0] ?? "").replaceAll(" -v ", " ").split(" | "),
  unload: "loadem -u",
  jump: "loadem -k",
};

export const WITH_CHECKS = kexec("kexec-l", "-c -l");
export const WITHOUT_CHECKS = kexec("kexec-l-no-checks", "-c --no-checks -l");
/** kexec_file_load(2): the kernel itself reads the files. */
export const BY_KERNEL = kexec("kexec-s", "-s -l");
