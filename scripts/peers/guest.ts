// One guest in which our kexec and Debian's are given the same lines: what each prints, and its exit code.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { applets } from "../../src/applets/table.ts";
import { Failure } from "../../src/failure.ts";
import { build } from "../build.ts";
import { inTemporaryFolder } from "../cache.ts";
import { debianPrograms, type Release } from "../debian-programs.ts";
import { runGuest } from "../guest.ts";
import { kernel } from "../kernels.ts";
import { machineNamed } from "../machines/machines.ts";
import { PEERS, type Peer, type PeerName, programsOf, RELEASES } from "./releases.ts";
import { FOREIGN, PREPARATION, USES, type Use } from "./uses.ts";

/** What a program did with a line. */
export interface Answer {
  readonly code: number;
  /** The first of what it printed, standard output and error. */
  readonly lines: readonly string[];
  /** How many lines that were in all. */
  readonly count: number;
  /** Whether a kernel was loaded then. */
  readonly loaded: boolean;
  /** Where it was measured: resident memory at most, and time by the guest's clock. */
  readonly cost?: { readonly kilobytes: number; readonly seconds: number };
}

/** One program in the guest. */
export interface Program {
  readonly name: string;
  /** In the order of the uses. */
  readonly answers: readonly Answer[];
}

export interface Comparison {
  readonly machine: PeerName;
  /** The running kernel's. */
  readonly kernel: string;
  readonly programs: readonly Program[];
}

/** Enough of what a program says before its help. */
export const SHOWN = 12;
const PATIENCE = 600;

/** All uses by our kexec and by those of these releases. */
export async function compareIn(machine: PeerName, releases: readonly Release[] = RELEASES): Promise<Comparison> {
  const peer = PEERS[machine];
  const running = await kernel(peer.kernel);
  const sources = await Promise.all(releases.map((release) => debianPrograms(peer.architecture, release)));
  const theirs = sources.map(({ versions }) => `kexec-tools ${shortVersion(versions["kexec-tools"] ?? "")}`);
  const files = (await Promise.all(releases.map((release) => peerFiles(peer, release, "kexec")))).flat();
  const script = { path: "uses", content: Buffer.from(scriptFor(releases)), mode: 0o644 } as const;
  const lines = await runShell(machine, peer, running.vmlinux, [...files, script]);
  const answers = answersIn(lines);
  const names = ["kexecbox", ...theirs];
  const programs = names.map((name, index) => ({
    name,
    answers: USES.map((_, row) => {
      const answer = answers[row * names.length + index];
      if (answer === undefined)
        throw new Failure(machine, `the guest did not get to the end; ${lines.slice(-3).join("; ")}`);
      return answer;
    }),
  }));
  return { machine, kernel: running.version, programs };
}

/** "1:2.0.29-2+b1" is 2.0.29 to people. */
export function shortVersion(version: string): string {
  return version.replace(/^\d+:/, "").replace(/-.*/, "");
}

/** A release's programs, and for each a script that is named as its command, with the release. */
export async function peerFiles({ architecture }: Peer, release: Release, ...programs: string[]): Promise<AddedFile[]> {
  const { files, command } = await programsOf(architecture, release, ...programs);
  const scripts = programs.map((program) => {
    const script = Buffer.from(`#!/bin/sh\nexec ${command(program)} "$@"\n`);
    return { path: `bin/${program}-${release}`, content: script, mode: 0o755 } as const;
  });
  return [...files, ...scripts];
}

/** What the guest printed whose init has the shell run /uses, which is among the files. */
export async function runShell(
  name: PeerName,
  { target, architecture, memory }: Peer,
  vmlinux: string,
  more: readonly AddedFile[],
): Promise<string[]> {
  const machine = machineNamed(name);
  const { console, append = "", cpu } = machine.guest;
  const [busybox] = await (await debianPrograms(architecture)).withLibraries("busybox");
  if (busybox === undefined) throw new Failure("busybox", "not among Debian's programs");
  const initrd = Buffer.concat(image({ executable: Buffer.alloc(0x10000), applets: [] }));
  const plain = (path: string, content: Uint8Array): AddedFile => ({ path, content, mode: 0o644 });
  const files: AddedFile[] = [
    busybox,
    { ...busybox, path: "bin/sh" },
    plain("etc/passwd", Buffer.from("root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")),
    plain("vmlinuz", await readFile(vmlinux)),
    plain("foreign", await readFile((await kernel(FOREIGN[name])).vmlinux)),
    plain("initrd", initrd),
    ...more,
  ];
  const contents = {
    executable: await readFile(await build(target)),
    applets: applets.map((applet) => applet.name),
    script: Buffer.from("busybox sh /uses\n"),
    files,
  };
  return inTemporaryFolder(async (folder) => {
    const path = join(folder, "initrd");
    await writeFile(path, Buffer.concat(image(contents)));
    const guest = { machine: name, cpu, smp: 1, memory, kernel: vmlinux, initrd: path };
    const run = await runGuest(
      { ...guest, append: `console=${console} quiet panic=-1 ${append}`.trim() },
      { timeout: PATIENCE },
    );
    return run.lines.map(({ text }) => text);
  });
}

/** The lines of a shell. The answers are told apart by what no program prints. */
function scriptFor(releases: readonly Release[]): string {
  const programs = ["kexec", ...releases.map((release) => `kexec-${release}`)];
  return [
    "export PATH=/bin",
    ...PREPARATION,
    `answer() { code=$?; busybox head -n ${SHOWN} /tmp/said; echo "@exit $code $(busybox wc -l < /tmp/said) $(cat /sys/kernel/kexec_loaded)"; }`,
    ...USES.flatMap((use) => [...(use.before ?? []), ...programs.flatMap((program) => lineFor(program, use))]),
    "echo @done",
    "",
  ].join("\n");
}

function lineFor(program: string, { args, asNobody }: Use): string[] {
  const line = `${program} ${args} > /tmp/said 2>&1`;
  // What was loaded is in nobody's way.
  return [
    "echo @start",
    asNobody ? `: > /tmp/said; busybox chmod 666 /tmp/said; busybox su nobody -c '${line}'` : line,
    "answer",
    "kexec -u 2> /dev/null",
  ];
}

/** What the programs did, by lines `@start` and `@exit CODE LINES LOADED [KILOBYTES SECONDS]` of the shell around what each said. */
export function answersIn(lines: readonly string[]): Answer[] {
  const answers: Answer[] = [];
  let said: string[] | undefined;
  for (const line of lines) {
    const [, code, count, loaded, kilobytes, seconds] =
      /^@exit (\d+) (\d+) ([01])(?: (\d+) ([\d.]+))?$/.exec(line) ?? [];
    // The kernel speaks on the same console.
    if (/^\[ *\d+\.\d+\] /.test(line)) continue;
    if (line === "@start") said = [];
    else if (said !== undefined && code !== undefined) {
      const cost = seconds === undefined ? {} : { cost: { kilobytes: Number(kilobytes), seconds: Number(seconds) } };
      answers.push({ code: Number(code), lines: said, count: Number(count), loaded: loaded === "1", ...cost });
      said = undefined;
    } else said?.push(line);
  }
  return answers;
}
