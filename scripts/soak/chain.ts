// A chain: one guest that goes from kernel to kernel by itself, and what the init of each runs.

import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AddedFile } from "../../initramfs/image.ts";
import { quoteWord } from "../../src/script/quote.ts";
import { present } from "../bench/present.ts";
import { addressesFor, archOf } from "../boot/addresses.ts";
import { type Choices, parseChoices } from "../boot/choices.ts";
import { memoryOf, ONLINE, PRESENT, type ScriptNeeds, TREE, usualScript } from "../boot/scene.ts";
import { type Kernels, kernelsFor } from "../boot.ts";
import { build } from "../build.ts";
import { MIB } from "../machines/machine.ts";
import { machineOf, type Target } from "../machines/machines.ts";
import { type Order, Parts } from "./archive.ts";

/** `kexec -l`; fs2dt or zeropage with loadem; `kexec -s`. */
export const WAYS = ["kexec", "pipeline", "file"] as const;

export type Way = (typeof WAYS)[number];

export interface Course {
  /** Of each kernel in turn, from the first on; all of one machine. */
  readonly targets: readonly Target[];
  /** To each kernel in turn. */
  readonly ways: readonly Way[];
  readonly smp: number;
  /** Whether the kernels are the small ones. */
  readonly small: boolean;
  /** How many kernels come after the first. */
  readonly boots: number;
}

export interface Chain {
  /** Of the first kernel. */
  readonly choices: Choices;
  /** Of the different kernels, for people. */
  readonly titles: readonly string[];
  /** For qemu. */
  readonly kernel: string;
  readonly initrd: Uint8Array;
  readonly append: string;
  /** MiB. */
  readonly memory: number;
  /** One for each kernel: what only a kernel prints that got its command line. */
  readonly nonces: readonly string[];
  /** SHA-256 of what the last init would hand on, all of which went through every kernel. */
  readonly digest: string;
}

/** Printed by the init of kernel N; its script's announcement of that has a plus sign before it. */
export const MARK = "soak: kernel ";
export const BOOT_ID = "/proc/sys/kernel/random/boot_id";
/** Ends what each init tells of its kernel. */
export const SEEN = "soak: seen";

const INITRD = "/initrd";

/** Bytes of random content, about: no two chains have the same memory. */
const NOISE = 0x300000;
/** So far apart are the places of one boot and the next. */
const SHIFT = 8n * MIB;
const SHIFTS = 4;

/** Of a target: what is loaded of its kernel, and the program that is its init. */
interface Stage {
  readonly choices: Choices;
  readonly kernels: Kernels;
  readonly kernel: AddedFile;
  readonly executable: AddedFile;
}

/** What all scripts of a chain have in common. */
interface Route {
  readonly course: Course;
  /** One for each kernel, and one more: what the last init would hand on to. */
  readonly stages: readonly Stage[];
  readonly nonces: readonly string[];
  /** MiB of the guest. */
  readonly memory: number;
  readonly order: Order;
  readonly initrdSize: number;
}

export async function chainOf(course: Course): Promise<Chain> {
  const { boots, targets } = course;
  const different = [...new Set(targets)];
  const made = await Promise.all(different.map((target, index) => stageOf(course, target, index)));
  const stages = Array.from({ length: boots + 2 }, (_, number) =>
    present(made[different.indexOf(inTurn(targets, number))], "stage"),
  );
  const noise: AddedFile = { path: "noise", content: randomBytes(NOISE - randomBytes(2).readUInt16BE()), mode: 0o644 };
  const large = [...made.flatMap(({ kernel, executable }) => [kernel, executable]), noise];
  const nonces = stages.map(() => randomBytes(8).toString("hex"));
  const memory = Math.max(...made.map(({ choices }) => memoryOf(choices)));
  const partsFor = (initrdSize: number) =>
    new Parts(large, (order) =>
      Array.from({ length: boots + 1 }, (_, number) =>
        scriptOf({ course, stages, nonces, memory, order, initrdSize }, number),
      ),
    );
  const initOf = (number: number) => present(stages[number], "kernel").executable.path;
  // The scripts tell the size of what they are in. It stays as it is where the number has as many digits.
  let size = 0;
  for (;;) {
    const parts = partsFor(size);
    const initrd = parts.join(initOf(0), 0);
    if (initrd.length === size) {
      const digest = createHash("sha256")
        .update(parts.join(initOf(boots + 1), boots + 1))
        .digest("hex");
      const { choices, kernels } = present(stages[0], "kernel");
      const append = commandLine(choices, 0, present(nonces[0], "nonce"));
      const titles = made.map(({ kernels }) => kernels.first.title);
      return { choices, titles, kernel: kernels.first.vmlinux, initrd, append, memory, nonces, digest };
    }
    size = initrd.length;
  }
}

async function stageOf({ smp, small }: Course, target: Target, index: number): Promise<Stage> {
  const choices = present(
    parseChoices(["--target", target, "--smp", `${smp}`, ...(small ? ["--small"] : [])]),
    "choices: this is no --help",
  );
  const kernels = await kernelsFor(choices);
  const isCut = archOf(machineOf(target)).argument === "zero page";
  return {
    choices,
    kernels,
    // Where the usual pipeline has it.
    kernel: {
      path: isCut ? "bzImage" : `kernel/${index}`,
      content: await readFile(kernels.first.vmlinux),
      mode: 0o644,
    },
    // All as long: an initramfs is of one size then, whose init ever it has.
    executable: { path: `exe/${index}`, content: await readFile(await build(target)), mode: 0o755 },
  };
}

function pathOf(number: number): string {
  return `hop/${number}`;
}

/** The words after -- are init's: which of the scripts it runs. */
function commandLine({ target }: Choices, number: number, nonce: string): string {
  const { console, append } = machineOf(target).guest;
  const own = append === undefined ? "" : ` ${append}`;
  return `console=${console} quiet panic=-1${own} kexecbox.nonce=${nonce} -- /${pathOf(number)}`;
}

function scriptOf(route: Route, number: number): AddedFile {
  const { course, stages, order } = route;
  const next = present(stages[number + 1], "kernel");
  const lines = [
    `echo "${MARK}${number}"`,
    ...["/proc/cmdline", ONLINE, PRESENT, BOOT_ID].map((file) => `cat ${file}`),
    `echo "${SEEN}"`,
    `cat ${order(next.executable.path, number + 1)
      .map((path) => `/${path}`)
      .join(" ")} > ${INITRD}`,
    ...(number === course.boots ? ending(next) : jump(route, number, next)),
    "",
  ];
  return { path: pathOf(number), content: Buffer.from(lines.join("\n")), mode: 0o644 };
}

/** Tells the digest of what came through. */
function ending({ kernel }: Stage): string[] {
  return [`kexec --plan --json /${kernel.path} --initrd=${INITRD} --append=soak`, "poweroff"];
}

function jump(route: Route, number: number, next: Stage): string[] {
  const kernel = `/${next.kernel.path}`;
  const told = commandLine(next.choices, number + 1, present(route.nonces[number + 1], "nonce"));
  const way = inTurn(route.course.ways, number);
  if (way === "pipeline") {
    const needs = needsFor(route, number, next, told);
    const extract = needs.argument === "zero page" ? [] : [`kexec --extract ${kernel} > /vmlinux.kexec`];
    return [...extract, usualScript(needs).trimEnd()];
  }
  const load = way === "file" ? "kexec -s -l" : "kexec -l";
  return [`${load} ${kernel} --initrd=${INITRD} --append=${quoteWord(told)}`, "kexec -e"];
}

/** At other addresses than the boot before. */
function needsFor({ stages, memory, initrdSize }: Route, number: number, next: Stage, bootargs: string): ScriptNeeds {
  const { choices, kernels } = present(stages[number], "kernel");
  const machine = machineOf(choices.target);
  const load = { memory: BigInt(memory) * MIB, first: BigInt(kernels.first.memory), carried: BigInt(initrdSize) };
  const room = machine.findRoom({ uefi: false, ...load });
  const { start } = present(room.memory[0], "memory");
  const shift = { start, end: start + load.first + BigInt(number % SHIFTS) * SHIFT, name: "the boot before" };
  const { image, memory: kernelMemory, shape } = next.kernels.next;
  const { argument, stub } = archOf(machine);
  return {
    addresses: addressesFor(choices.target, { ...room, taken: [...room.taken, shift] }, shape, BigInt(initrdSize)),
    chain: stub?.chain,
    argument,
    bootargs,
    source: TREE,
    initrdSize,
    bss: kernelMemory - image.length,
  };
}

function inTurn<T>(list: readonly T[], number: number): T {
  return present(list[number % list.length], "element");
}
