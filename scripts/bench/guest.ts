// The benchmark inside a guest: kexecbox beside Debian's kexec and dtc, with a kernel of 5 MB and an initrd of 105 MB.

import { readFile } from "node:fs/promises";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { Failure } from "../../src/failure.ts";
import { type Choices, parseChoices } from "../boot/choices.ts";
import { type FirstKernel, firstKernel, type NextKernel, nextKernel } from "../boot/kernels.ts";
import { type ScriptNeeds, sceneFor } from "../boot/scene.ts";
import { build } from "../build.ts";
import { inTemporaryFolder } from "../cache.ts";
import { debianPrograms } from "../debian-programs.ts";
import { runGuest } from "../guest.ts";
import { type Peers, versionOf } from "./machine.ts";
import { present } from "./present.ts";
import { type GuestPrograms, withGuestPrograms } from "./programs.ts";

/** Bytes of a file that makes the second kernel's initramfs as large as those of distributions. */
const FILLER = 105_000_000;

/** Seconds after which a guest counts as hung. */
const PATIENCE = 900;

/** All that the guests have in common. */
export interface GuestBench {
  readonly rounds: number;
  readonly first: FirstKernel;
  readonly next: NextKernel;
  /** For the first initramfs: the programs that measure, those that are measured, the kernel as an ELF file. */
  readonly files: readonly AddedFile[];
  /** The second initramfs. */
  readonly initrd: Uint8Array;
  readonly tell: (detail: string) => void;
}

/** One instruction takes one nanosecond of the guest's time, whatever the host does meanwhile. For one cpu. */
export const COUNTING = ["-icount", "shift=0,sleep=off"];

export interface GuestWords {
  readonly smp: number;
  /** Further qemu arguments. */
  readonly extra?: readonly string[];
}

function choicesOf(smp: number): Choices {
  const words = ["--target", "ppc64le", "--small", "--memory", "1024", "--smp", `${smp}`, "--timeout", `${PATIENCE}`];
  return present(parseChoices(words), "choices: this is no --help");
}

/** The emulator, the kernel, and Debian's packages. */
export async function peersInGuest(): Promise<Peers> {
  const { versions } = await debianPrograms();
  const { title } = await firstKernel(choicesOf(1));
  return {
    qemu: await versionOf("qemu-system-ppc64"),
    kernel: title,
    "kexec-tools": present(versions["kexec-tools"], "version of kexec-tools"),
    dtc: present(versions["device-tree-compiler"], "version of device-tree-compiler"),
  };
}

/** Lends `work` the kernels, the programs and the initramfs images. */
export async function withGuestBench<T>(
  rounds: number,
  tell: (detail: string) => void,
  work: (bench: GuestBench) => Promise<T>,
): Promise<T> {
  return withGuestPrograms(async (programs) => {
    const first = await firstKernel(choicesOf(1));
    const debian = await debianPrograms();
    const files = [
      ...(await ownFiles(programs)),
      // Under another name than our applet of that one.
      ...(await debian.withLibraries("kexec", "dtc")).map((file) =>
        file.path === "bin/kexec" ? { ...file, path: "bin/kexec-tools" } : file,
      ),
      { path: "vmlinux", content: await readFile(first.vmlinux), mode: 0o644 } as const,
    ];
    const initrd = await secondInitrd(programs);
    return work({ rounds, first, next: await nextKernel(choicesOf(1), first), files, initrd, tell });
  });
}

async function ownFiles(programs: GuestPrograms): Promise<AddedFile[]> {
  return Promise.all(
    Object.entries(programs).map(
      async ([name, path]): Promise<AddedFile> => ({ path: `bin/${name}`, content: await readFile(path), mode: 0o755 }),
    ),
  );
}

/** The second init says what the timebase shows, and turns the machine off. */
async function secondInitrd({ timebase }: GuestPrograms): Promise<Uint8Array> {
  return Buffer.concat(
    image({
      executable: await readFile(await build("ppc64le")),
      applets: ["poweroff"],
      script: Buffer.from("timebase\npoweroff\n"),
      files: [
        { path: "bin/timebase", content: await readFile(timebase), mode: 0o755 },
        { path: "filler", content: new Uint8Array(FILLER), mode: 0o644 },
      ],
    }),
  );
}

/**
 * What a guest prints in which the first init runs `script`.
 * @throws Failure with the console's last lines where the guest does not turn itself off
 */
export async function runScript(
  { first, next, files, initrd }: GuestBench,
  { smp, extra = [] }: GuestWords,
  script: (needs: ScriptNeeds) => string,
): Promise<string[]> {
  return inTemporaryFolder(async (folder) => {
    const { guest } = await sceneFor(choicesOf(smp), first, next, folder, { script, files, initrd });
    const run = await runGuest({ ...guest, extra }, { timeout: PATIENCE });
    const lines = run.lines.map(({ text }) => text);
    const failure = lines.find((text) => text.startsWith("init: "));
    if (run.end !== "off" || failure !== undefined) {
      throw new Failure("guest", failure ?? `did not end in time; ${lines.slice(-3).join("; ")}`);
    }
    return lines;
  });
}
