// Debian's user-mode-linux: a kernel of x86-64 that was built without CONFIG_KEXEC, as there is no other in Debian. It runs as
// a program, in no emulator.

import { chmod, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inTemporaryFolder, makeOnce } from "../../scripts/cache.ts";
import { withArchive } from "../../scripts/debian.ts";
import { extract } from "../../scripts/kernels/deb.ts";
import { LiveGuest } from "../../scripts/live-guest.ts";
import { BOOKWORM } from "../../scripts/machines/machine.ts";
import type { TemporaryFolder } from "./folder.ts";

/** Raise it when something else is taken from the package. */
const RECIPE = "1";
const PACKAGE = "user-mode-linux";
const PROGRAM = "usr/bin/linux.uml";

/** Whether it runs here: its system calls are the host's. */
export const runsHere = process.arch === "x64";

async function userModeLinux(): Promise<string> {
  const made = await makeOnce(PACKAGE, [RECIPE, ...BOOKWORM], (folder) =>
    withArchive({ names: BOOKWORM, architecture: "amd64" }, async (archive) => {
      const { deb } = await archive.download(PACKAGE);
      await inTemporaryFolder(async (unpacked) => {
        await extract(deb, [`./${PROGRAM}`], unpacked);
        await rename(join(unpacked, PROGRAM), join(folder, "linux"));
      });
    }),
  );
  return join(made, "linux");
}

/** With an initramfs that is this file. @param folder for what it keeps of itself */
export async function startUserMode(initrd: string, folder: TemporaryFolder): Promise<LiveGuest> {
  const script = folder.in("user-mode");
  const words = [
    "mem=192M",
    `initrd=${initrd}`,
    `uml_dir=${folder.path}`,
    "con=null",
    "con0=fd:0,fd:1",
    "console=tty0",
  ];
  // The emulator's words, which follow, are nothing to it.
  await writeFile(script, `#!/bin/sh\nexec '${await userModeLinux()}' ${words.join(" ")} quiet panic=-1\n`);
  await chmod(script, 0o755);
  return LiveGuest.start({ script, cpu: "", smp: 1, memory: 0 }, { monitor: folder.in("monitor") });
}
