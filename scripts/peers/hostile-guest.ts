// One guest in which every reader is given the twelve hostile inputs: what each said, how it ended, and what that took.

import type { AddedFile } from "../../initramfs/image.ts";
import { Failure } from "../../src/failure.ts";
import { debianPrograms } from "../debian-programs.ts";
import { kernel } from "../kernels.ts";
import { type Answer, answersIn, peerFiles, runShell, SHOWN, shortVersion } from "./guest.ts";
import { HOSTILE, READERS, type Reader } from "./hostile.ts";
import { PEERS, RELEASES } from "./releases.ts";

export interface Reading {
  readonly reader: Reader;
  /** As it was typed, with the name of the input. */
  readonly typed: string;
  readonly answer: Answer;
}

export interface HostileComparison {
  /** The running kernel's. */
  readonly kernel: string;
  readonly versions: Readonly<Record<"dtc" | "kexec-tools", string>>;
  /** In the order of HOSTILE. */
  readonly rows: readonly (readonly Reading[])[];
}

/** arm64 is the machine on which kexec-tools read a tree from a file, and the tree is handed on as it is. */
const MACHINE = "arm64";

/** Seconds, after which a program is killed. The guest is emulated. */
export const PATIENCE = 60;

/** @param readers those that are asked; all need Debian's packages, ours alone does not */
export async function readHostile(readers: readonly Reader[] = READERS): Promise<HostileComparison> {
  const peer = PEERS[MACHINE];
  const running = await kernel(peer.kernel);
  const [release] = RELEASES;
  const theirs = readers.some((reader) => reader !== "kexecbox");
  const programs = theirs ? await peerFiles(peer, release, "dtc", "fdtdump", "kexec", "vmcore-dmesg") : [];
  const versions: Readonly<Record<string, string>> = theirs
    ? (await debianPrograms(peer.architecture, release)).versions
    : {};
  const inputs = HOSTILE.flatMap(({ content }, row): AddedFile[] =>
    content === undefined ? [] : [{ path: inputOf(row).slice(1), content: content(), mode: 0o644 }],
  );
  const lines = linesFor(readers);
  const script = { path: "uses", content: Buffer.from(scriptFor(lines, release)), mode: 0o644 } as const;
  const printed = await runShell(MACHINE, peer, running.vmlinux, [...programs, ...inputs, script]);
  const answers = answersIn(printed);
  if (answers.length !== lines.length) {
    throw new Failure(MACHINE, `the guest did not get to the end; ${printed.slice(-3).join("; ")}`);
  }
  const readings = lines.map(({ reader, command }, index) => {
    return { reader, typed: command, answer: answers[index] as Answer };
  });
  return {
    kernel: running.version,
    versions: {
      dtc: shortVersion(versions["device-tree-compiler"] ?? ""),
      "kexec-tools": shortVersion(versions["kexec-tools"] ?? ""),
    },
    rows: HOSTILE.map((_, row) => readings.filter((_, index) => lines[index]?.row === row)),
  };
}

function inputOf(row: number): string {
  return `/in/${row + 1}`;
}

interface Line {
  readonly row: number;
  readonly reader: Reader;
  readonly command: string;
}

function linesFor(readers: readonly Reader[]): Line[] {
  return HOSTILE.flatMap(({ typed }, row) =>
    readers.flatMap((reader) =>
      (typed[reader] ?? []).map((command) => ({ row, reader, command: command.replaceAll("FILE", inputOf(row)) })),
    ),
  );
}

/** The shell's lines. Standard output is for nobody here; what counts is what a program says, and how it ends. */
function scriptFor(lines: readonly Line[], release: string): string {
  return [
    "export PATH=/bin",
    "busybox mkdir -p /in",
    ...HOSTILE.flatMap(({ before = [] }, row) => before.map((line) => line.replaceAll("FILE", inputOf(row)))),
    `answer() { busybox head -n ${SHOWN} /tmp/said; echo "@exit $(cat /tmp/code) $(busybox wc -l < /tmp/said) $(cat /sys/kernel/kexec_loaded) $(busybox tail -n 1 /tmp/cost)"; }`,
    ...lines.flatMap((line) => run(line, release)),
    "echo @done",
    "",
  ].join("\n");
}

function run({ command, row, reader }: Line, release: string): string[] {
  const program = reader === "kexecbox" ? command : command.replace(/^\S+/, (name) => `${name}-${release}`);
  const user = HOSTILE[row]?.asNobody === true ? "busybox su nobody -c" : "busybox sh -c";
  const limited = `busybox timeout -s KILL ${PATIENCE} ${program} > /dev/null 2> /tmp/said; echo $? > /tmp/code`;
  return [
    "echo @start",
    ": > /tmp/said; : > /tmp/code; busybox chmod 666 /tmp/said /tmp/code",
    `busybox time -o /tmp/cost -f '%M %e' ${user} '${limited}'`,
    "answer",
    "kexec -u 2> /dev/null",
  ];
}
