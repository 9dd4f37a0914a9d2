// The ways to load a kernel that are compared in a guest, as lines of init's script.

import { hex } from "../../src/failure.ts";
import { type ScriptNeeds, usualScript } from "../boot/scene.ts";
import { RELEASES, type ReleasePrograms } from "../peers/releases.ts";
import { GUESTS, type GuestName } from "./guests.ts";

export interface Loader {
  /** A word. */
  readonly name: string;
  /** Programs and arguments; more than one command is a pipeline. */
  readonly load: (needs: ScriptNeeds) => readonly string[];
  readonly unload: string;
  readonly jump: string;
  /** Whether every byte of what is loaded goes through a hash: a thousand million instructions. */
  readonly isSlow?: true;
}

type Source = Pick<ReleasePrograms, "command">;

/** Of Debian's releases. */
export type Sources = Readonly<Record<(typeof RELEASES)[number], Source>>;

const OUR_KEXEC = { command: (program: string) => program };

/** @param how its mode, after which the kernel comes */
function kexec(name: string, source: Source, how: string): Loader {
  const program = source.command("kexec");
  return {
    name,
    load: ({ bootargs }) => [`${program} ${how} /vmlinux --initrd=/initrd '--command-line=${bootargs}'`],
    unload: `${program} -u`,
    jump: `${program} -e`,
  };
}

export const KEXECBOX = kexec("kexecbox-l", OUR_KEXEC, "-l");

export const PIPELINE: Loader = {
  name: "kexecbox-pipeline",
  load: (needs) => pipelineOf(needs).commands,
  unload: "loadem -u",
  jump: "loadem -k",
};

/** The call alone, with as many bytes. */
export const LIMIT: Loader = {
  name: "limit",
  load: ({ addresses, bss }) => [
    [
      "limit-load",
      ...[hex(addresses.stub), "/argument", "0"],
      ...[hex(addresses.kernel), "/vmlinux.kexec", `${bss}`],
      ...[hex(addresses.initrd), "/initrd", "0"],
    ].join(" "),
  ],
  unload: "loadem -u",
  jump: "loadem -k",
};

export function withChecks(release: keyof Sources, sources: Sources): Loader {
  return { ...kexec(`${release}-l`, sources[release], "-c -l"), isSlow: true };
}

export function withoutChecks(release: keyof Sources, sources: Sources): Loader {
  return kexec(`${release}-l-no-checks`, sources[release], "-c --no-checks -l");
}

/** kexec_file_load(2): the kernel itself reads the files. */
function asFiles(name: string, source: Source): Loader {
  return { ...kexec(name, source, "-s -l"), isSlow: true };
}

/** All that a guest's kernel has the call for. */
export function loadersOf(guest: GuestName, sources: Sources): readonly Loader[] {
  const { loadsFiles } = GUESTS[guest];
  const byKernel = (loader: Loader) => (loadsFiles ? [loader] : []);
  const others = RELEASES.flatMap((release) => [
    withChecks(release, sources),
    withoutChecks(release, sources),
    ...byKernel(asFiles(`${release}-s`, sources[release])),
  ]);
  return [LIMIT, KEXECBOX, PIPELINE, ...byKernel(asFiles("kexecbox-s", OUR_KEXEC)), ...others];
}

/** Lines of which nothing is measured: a bzImage is taken apart, and the limit program gets its files. */
export function preparation(needs: ScriptNeeds): readonly string[] {
  const { before, commands } = pipelineOf(needs);
  return [...before, `${commands[0]} > /argument`];
}

/** The pipeline of every boot, without what it says of itself on the console. */
function pipelineOf(needs: ScriptNeeds): { before: readonly string[]; commands: readonly string[] } {
  const lines = usualScript(needs).replaceAll(" -v ", " ").trimEnd().split("\n");
  return { before: lines.slice(0, -2), commands: (lines.at(-2) ?? "").split(" | ") };
}
