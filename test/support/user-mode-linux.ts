// Debian's user-mode-linux: a kernel of x86-64 that was built without CONFIG_KEXEC, as there is no other in Debian, and with a
// file system. It runs as a program, in no emulator.

import { chmod, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inTemporaryFolder, makeOnce } from "../../scripts/cache.ts";
import { withArchive } from "../../scripts/debian.ts";
import { extract, fileBelow } from "../../scripts/kernels/deb.ts";
import { LiveGuest } from "../../scripts/live-guest.ts";
import { BOOKWORM } from "../../scripts/machines/machine.ts";
import type { TemporaryFolder } from "./folder.ts";

/** Raise it when something else is taken from the package. */
const RECIPE = "2";
const PACKAGE = "user-mode-linux";
const PROGRAM = "usr/bin/linux.uml";
/** Of the device mapper. */
const MODULE = "dm-mod.ko";

/** Whether it runs here: its system calls are the host's. */
export const runsHere = process.arch === "x64";

export interface UserModeLinux {
  /** The program. */
  readonly linux: string;
  /** Its device mapper, a module. */
  readonly mapper: string;
}

export async function userModeLinux(): Promise<UserModeLinux> {
  const made = await makeOnce(PACKAGE, [RECIPE, ...BOOKWORM], (folder) =>
    withArchive({ names: BOOKWORM, architecture: "amd64" }, async (archive) => {
      const { deb } = await archive.download(PACKAGE);
      await inTemporaryFolder(async (unpacked) => {
        await extract(deb, [`./${PROGRAM}`, `./usr/lib/uml/modules/*/kernel/drivers/md/${MODULE}`], unpacked);
        await rename(join(unpacked, PROGRAM), join(folder, "linux"));
        await rename(await fileBelow(unpacked, /^dm-mod[.]ko$/), join(folder, MODULE));
      });
    }),
  );
  return { linux: join(made, "linux"), mapper: join(made, MODULE) };
}

export interface UserModeGuest {
  /** An initramfs. */
  readonly initrd: string;
  /** What /dev/ubda is. */
  readonly disk: string;
}

/** @param folder for what it keeps of itself */
export async function startUserMode(
  { linux }: UserModeLinux,
  { initrd, disk }: UserModeGuest,
  folder: TemporaryFolder,
): Promise<LiveGuest> {
  const script = folder.in("user-mode");
  const files = [`initrd=${initrd}`, `ubd0=${disk}`, `uml_dir=${folder.path}`];
  const words = ["mem=192M", ...files, "con=null", "con0=fd:0,fd:1", "console=tty0", "quiet", "panic=-1"];
  // It runs code in its memory, which is a file: a container's /dev/shm may be small, and allow that to nobody. The emulator's
  // words, which follow, are nothing to it.
  await writeFile(script, `#!/bin/sh\nTMPDIR='${folder.path}' exec '${linux}' ${words.join(" ")}\n`);
  await chmod(script, 0o755);
  return LiveGuest.start({ script, cpu: "", smp: 1, memory: 0 }, { monitor: folder.in("monitor") });
}
