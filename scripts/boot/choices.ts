// What a person chooses of a boot: the command line of `npm run boot`, checked.

import { parseArgs } from "node:util";
import { usage } from "../../src/failure.ts";
import type { GuestMachine } from "../machines/machine.ts";
import {
  defaultKernel,
  hasDisk,
  type KernelChoice,
  machineOf,
  machines,
  smallNames,
  type Target,
  targets,
} from "../machines/machines.ts";

/** By sysrq on the boot cpu or on the last one, by an NMI, by a lack of memory. */
export const CAUSES = ["sysrq", "smp", "nmi", "oom"] as const;

export type Cause = (typeof CAUSES)[number];

export interface Choices extends KernelChoice {
  readonly smp: number;
  readonly cpu: string;
  /** One of the emulator's machines that takes the place of the usual one. */
  readonly board: string | undefined;
  /** Further words of qemu's -M. */
  readonly machine: readonly string[];
  /** Whether the machine is started by UEFI firmware. */
  readonly uefi: boolean;
  /** MiB; undefined: what the kernels need. */
  readonly memory: number | undefined;
  /** Further words of qemu's -m. */
  readonly memoryOptions: readonly string[];
  /** NUMA nodes; undefined: none. */
  readonly nodes: number | undefined;
  /** A vmlinux file, or the name of one of our kernels; undefined: the target's. */
  readonly kernel: string | undefined;
  readonly nextKernel: string | undefined;
  readonly nextInitrd: string | undefined;
  /** Run by the first init in place of ours. */
  readonly script: string | undefined;
  /** Whether the next kernel is our test payload, which prints what it is handed. */
  readonly payload: boolean;
  /** Whether the next kernel is started with no kernel before it. */
  readonly direct: boolean;
  /** How the first kernel is to panic, with the second one as its crash kernel; undefined: it jumps. */
  readonly crash: Cause | undefined;
  /** The size that crashkernel= has. */
  readonly crashkernel: string;
  /** Whether qemu waits for gdb before it starts. */
  readonly gdb: boolean;
  /** Added to the next kernel's command line. */
  readonly append: string;
  readonly interactive: boolean;
  readonly runs: number;
  /** Seconds after which a guest counts as hung. */
  readonly timeout: number;
}

/** One line of help for each machine that has something to say. */
function byMachine(text: (guest: GuestMachine) => string | undefined): string {
  const lines = machines.flatMap(({ name, guest }) => {
    const said = text(guest);
    return said === undefined ? [] : [`${" ".repeat(22)}${name}: ${said}\n`];
  });
  return lines.join("");
}

/** Which others there are. */
function foreignHelp(): string {
  return machines
    .flatMap(({ name, foreign = {} }) => Object.keys(foreign).map((program) => `${name} also runs ${program}.`))
    .join(" ");
}

const withoutSmall = machines
  .filter(({ smallKernels }) => Object.keys(smallKernels).length === 0)
  .map(({ name }) => name);

export const HELP = `usage: npm run boot -- [OPTION]...

Boot a qemu machine, kexec from its kernel into another, and print the result.

  --target TARGET     Boot this executable (default: ppc64le):
                      ${targets.join(", ")}.
                      arm64 and x64 are Bun's.
  --program TARGET    Put this executable into both initramfs images (default:
                      the target's). ${foreignHelp()}
  --smp N             Give the machine N cpus (default: 4).
  --cpu MODEL         Emulate this cpu.
${byMachine(({ models }) => models)}\
  --machine OPTIONS   Add these to qemu's -M.
${byMachine(({ options }) => options)}\
  --uefi              Start by UEFI firmware. On x86_64 it takes the place of
                      a BIOS; on arm64 it brings ACPI tables in place of the
                      device tree.
  --memory MIB        Give the machine so much memory (default: 512 or 1024,
                      by target and kernel; 3072 for powernv). More of
                      qemu's -m may follow: 1024,maxmem=8G,slots=8.
  --nodes N           Split that memory into N NUMA nodes, of 256 MiB each at
                      least on ppc64.
  --small             Boot the small kernel, not the distribution's. ppc64
                      always does; ${withoutSmall.join(", ")} have none.
  --kernel FILE       Boot this kernel first: an ELF vmlinux, an Image, a
                      bzImage, or a name that npm run kernels prints.
  --next-kernel FILE  Kexec into this kernel, of either endianness (default:
                      the first one).
  --next-initrd FILE  Give the second kernel this initramfs (default: one
                      that prints how many cpus are online).
  --payload           In place of a second kernel enter a test payload, which
                      prints what it is handed.
  --direct            Start the second kernel with no kernel before it, of the
                      files that loadem --qemu makes.
  --crash CAUSE       Load the second kernel as a crash kernel and let the first
                      one panic: by sysrq (default, where no CAUSE follows), by
                      smp (sysrq on another cpu than the boot cpu), nmi or oom.
                      The crash kernel saves the dump on a disk, in which a
                      pattern of a process, the registers of all cpus and the
                      log have to be.
  --crashkernel SIZE  What --crash reserves (default: 256M).
  --gdb               Let qemu wait for gdb before it starts, and print what to
                      type. The second kernel gets nokaslr.
  --append WORDS      Add these to the second kernel's command line.
  --script FILE       Let the first init run this (default: fs2dt or zeropage
                      | loadem, then loadem -k).
  --interactive       Run no script. The guest's console is yours, in both
                      kernels.
  --runs N            Boot N times, and print one line for each.
  --timeout SECONDS   Count a guest that takes longer as failed (default:
                      120).

The exit code is 0 if the second kernel printed the nonce that was chosen for
this run and put on its command line.
`;

/** undefined where only help was asked for. */
export function parseChoices(args: readonly string[]): Choices | undefined {
  const values = parseWords(withCause(args));
  if (values.help) return undefined;
  const target = targets.find((known) => known === values.target);
  if (target === undefined) throw usage("--target", `'${values.target}' is none of ${targets.join(" ")}`);
  const program = programOf(values.program, target);
  if (values.interactive && values.runs !== "1") throw usage("--runs", "does not go with --interactive");
  if (values.uefi && !machineOf(target).guest.uefi) throw usage("--uefi", `not for ${target}`);
  if (values.payload && (values["next-kernel"] ?? values["next-initrd"]) !== undefined) {
    throw usage("--payload", "does not go with --next-kernel or --next-initrd: it takes their place");
  }
  if (values.crash !== undefined) refuseWithCrash(values);
  if (values.direct) refuseFirstOnly(values);
  if (values.gdb && values.runs !== "1") throw usage("--runs", "does not go with --gdb");
  const { boards = {}, cpu } = machineOf(target).guest;
  const [word = "", ...words] = values.machine?.split(",") ?? [];
  const board = word in boards ? word : undefined;
  const [memory, ...memoryOptions] = values.memory?.split(",") ?? [];
  const choices = {
    target,
    program,
    smp: count("--smp", values.smp),
    cpu: values.cpu ?? boards[board ?? ""]?.cpu ?? cpu,
    uefi: values.uefi,
    board,
    machine: values.machine === undefined ? [] : board === undefined ? [word, ...words] : words,
    memory: memory === undefined ? undefined : count("--memory", memory),
    memoryOptions,
    nodes: values.nodes === undefined ? undefined : count("--nodes", values.nodes),
    small: values.small,
    kernel: values.kernel,
    nextKernel: values["next-kernel"],
    nextInitrd: values["next-initrd"],
    script: values.script,
    payload: values.payload,
    direct: values.direct,
    crash: values.crash === undefined ? undefined : causeOf(values.crash, target),
    crashkernel: values.crashkernel,
    gdb: values.gdb,
    append: [values.append ?? "", values.gdb ? "nokaslr" : ""].join(" ").trim(),
    interactive: values.interactive,
    runs: count("--runs", values.runs),
    timeout: count("--timeout", values.timeout),
  };
  if (choices.crash !== undefined && !hasDisk(crashKernelOf(choices)))
    throw usage("--crash", `${crashKernelOf(choices)} sees no disk to save a dump on`);
  if (board !== undefined) refuseUsualOnly(choices, board);
  if (board !== undefined && choices.direct)
    throw usage("--direct", `not on ${board}: it does not start without its firmware`);
  return choices;
}

function programOf(text: string | undefined, target: Target): Target | undefined {
  if (text === undefined) return undefined;
  const known = [target, ...Object.keys(machineOf(target).foreign ?? {})];
  const program = targets.find((name) => name === text && known.includes(name));
  if (program === undefined) throw usage("--program", `'${text}' does not run on ${target}, but ${known.join(" ")}`);
  return program;
}

/** The name or the file of the kernel that is loaded to save the dump. */
export function crashKernelOf(choices: KernelChoice & Pick<Choices, "kernel" | "nextKernel">): string {
  return choices.nextKernel ?? choices.kernel ?? defaultKernel(choices);
}

/** --crash may stand alone. */
function withCause(args: readonly string[]): string[] {
  return args.flatMap((word, index) => {
    const next = args[index + 1];
    return word === "--crash" && (next === undefined || next.startsWith("-")) ? ["--crash", CAUSES[0]] : [word];
  });
}

function causeOf(text: string, target: Target): Cause {
  const cause = CAUSES.find((known) => known === text);
  if (cause === undefined) throw usage("--crash", `'${text}' is none of ${CAUSES.join(" ")}`);
  const { name, guest } = machineOf(target);
  if (cause === "nmi" && !guest.nmi) throw usage("--crash", `no nmi on ${name}: qemu gives none`);
  return cause;
}

/** What does not go with a panic of the first kernel. */
function refuseWithCrash(values: ReturnType<typeof parseWords>): void {
  const others = ["payload", "direct", "interactive", "gdb", "script", "next-initrd"] as const;
  for (const name of others) if (values[name]) throw usage(`--${name}`, "does not go with --crash");
}

/** What only the first kernel has a use for. */
function refuseFirstOnly({
  uefi,
  script,
  nodes,
}: Pick<ReturnType<typeof parseWords>, "uefi" | "script" | "nodes">): void {
  if (nodes !== undefined) throw usage("--nodes", "does not go with --direct: loadem --qemu makes none");
  if (uefi) throw usage("--uefi", "does not go with --direct: there is no firmware");
  if (script !== undefined) throw usage("--script", "does not go with --direct: there is no first init to run it");
}

/** The small kernels and the test payload are made for the usual machine alone. */
function refuseUsualOnly(choices: Choices, board: string): void {
  if (choices.payload) throw usage("--payload", `not on ${board}: it prints by a call of the usual machine's firmware`);
  for (const name of [choices.kernel ?? defaultKernel(choices), choices.nextKernel]) {
    if (smallNames.some((small) => small === name))
      throw usage("--machine", `${name} does not run on ${board}: it was made for the usual machine`);
  }
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        target: { type: "string", default: "ppc64le" },
        program: { type: "string" },
        smp: { type: "string", default: "4" },
        cpu: { type: "string" },
        machine: { type: "string" },
        uefi: { type: "boolean", default: false },
        memory: { type: "string" },
        nodes: { type: "string" },
        small: { type: "boolean", default: false },
        kernel: { type: "string" },
        "next-kernel": { type: "string" },
        "next-initrd": { type: "string" },
        script: { type: "string" },
        payload: { type: "boolean", default: false },
        direct: { type: "boolean", default: false },
        crash: { type: "string" },
        crashkernel: { type: "string", default: "256M" },
        gdb: { type: "boolean", default: false },
        append: { type: "string" },
        interactive: { type: "boolean", default: false },
        runs: { type: "string", default: "1" },
        timeout: { type: "string", default: "120" },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw usage("arguments", (error as Error).message.replace(/\. .*/s, ""));
  }
}

/** A number from 1 to 999,999, which as seconds is less than a timer bears. */
export function count(option: string, text: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw usage(option, `'${text}' is not a number above 0`);
  return Number(text);
}
