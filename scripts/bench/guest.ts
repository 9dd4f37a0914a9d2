// The benchmark inside a guest: kexecbox beside kexec-tools of Debian's releases, with an initrd of 105 MB.

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
import { machineNamed, toolchainOf } from "../machines/machines.ts";
import { programsOf, RELEASES } from "../peers/releases.ts";
import { cpuOf, GUESTS, type GuestName, peerOf } from "./guests.ts";
import type { Sources } from "./loaders.ts";
import { type Peers, versionOf } from "./machine.ts";
import { present } from "./present.ts";
import { type GuestPrograms, withGuestPrograms } from "./programs.ts";

/** Bytes of a file that makes the second kernel's initramfs as large as those of distributions. */
const FILLER = 105_000_000;

/** Seconds after which a guest counts as hung. */
const PATIENCE = 1800;

/** All that the guests have in common. */
export interface GuestBench {
  readonly guest: GuestName;
  readonly rounds: number;
  readonly first: FirstKernel;
  readonly next: NextKernel;
  /** Of the programs that are compared with. */
  readonly sources: Sources;
  /** For the first initramfs: the programs that measure, those that are measured, the kernel as it is distributed. */
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

function choicesOf(guest: GuestName, smp: number): Choices {
  const { target, memory } = peerOf(guest);
  const own = ["--target", target, "--small", "--memory", `${memory}`, "--cpu", cpuOf(guest)];
  return present(parseChoices([...own, "--smp", `${smp}`, "--timeout", `${PATIENCE}`]), "choices: this is no --help");
}

/** The emulator, the kernel, and Debian's packages. */
export async function peersInGuest(guest: GuestName): Promise<Peers> {
  const { architecture } = peerOf(guest);
  const { title } = await firstKernel(choicesOf(guest, 1));
  const found = await Promise.all(RELEASES.map((release) => debianPrograms(architecture, release)));
  const versions = (name: string) => found.map((each) => present(each.versions[name], `version of ${name}`));
  return {
    qemu: await versionOf(machineNamed(GUESTS[guest].machine).guest.emulator.program),
    kernel: title,
    "kexec-tools": versions("kexec-tools").join(" and "),
    dtc: present(versions("device-tree-compiler")[0], "version of dtc"),
  };
}

/** Lends `work` the kernels, the programs and the initramfs images. */
export async function withGuestBench<T>(
  guest: GuestName,
  rounds: number,
  tell: (detail: string) => void,
  work: (bench: GuestBench) => Promise<T>,
): Promise<T> {
  const { target, architecture } = peerOf(guest);
  return withGuestPrograms(toolchainOf(target), async (programs) => {
    const choices = choicesOf(guest, 1);
    const first = await firstKernel(choices);
    const [stable, testing] = [
      await programsOf(architecture, "stable", "kexec", "dtc"),
      await programsOf(architecture, "testing", "kexec"),
    ];
    const files: AddedFile[] = [
      ...(await ownFiles(programs)),
      ...stable.files,
      ...testing.files,
      { path: "vmlinux", content: await readFile(first.vmlinux), mode: 0o644 },
    ];
    const initrd = await secondInitrd(guest, programs);
    const next = await nextKernel(choices, first);
    return work({ guest, rounds, first, next, sources: { stable, testing }, files, initrd, tell });
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
async function secondInitrd(guest: GuestName, { timebase }: GuestPrograms): Promise<Uint8Array> {
  return Buffer.concat(
    image({
      executable: await readFile(await build(peerOf(guest).target)),
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
  { guest: name, first, next, files, initrd }: GuestBench,
  { smp, extra = [] }: GuestWords,
  script: (needs: ScriptNeeds) => string,
): Promise<string[]> {
  return inTemporaryFolder(async (folder) => {
    const { guest } = await sceneFor(choicesOf(name, smp), first, next, folder, { script, files, initrd });
    const run = await runGuest({ ...guest, extra }, { timeout: PATIENCE });
    const lines = run.lines.map(({ text }) => text);
    const failed = lines.findIndex((text) => text.startsWith("init: "));
    if (failed >= 0) throw new Failure("guest", lines.slice(Math.max(0, failed - 2), failed + 1).join("; "));
    if (run.end !== "off") throw new Failure("guest", `did not end in time; ${lines.slice(-3).join("; ")}`);
    return lines;
  });
}
