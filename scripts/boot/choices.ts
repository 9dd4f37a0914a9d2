// What a person chooses of a boot: the command line of `npm run boot`, checked.

import { parseArgs } from "node:util";
import { usage } from "../../src/failure.ts";
import type { GuestMachine } from "../machines/machine.ts";
import { machineOf, machines, type Target, targets } from "../machines/machines.ts";

export interface Choices {
  readonly target: Target;
  readonly smp: number;
  readonly cpu: string;
  /** Further words of qemu's -M. */
  readonly machine: readonly string[];
  /** Whether the machine is started by UEFI firmware. */
  readonly uefi: boolean;
  /** MiB; undefined: what the kernels need. */
  readonly memory: number | undefined;
  /** Whether the small kernel is wanted in place of the distribution's. */
  readonly small: boolean;
  /** A vmlinux file, or the name of one of our kernels; undefined: the target's. */
  readonly kernel: string | undefined;
  readonly nextKernel: string | undefined;
  readonly nextInitrd: string | undefined;
  /** Run by the first init in place of ours. */
  readonly script: string | undefined;
  /** Whether the next kernel is our test payload, which prints what it is handed. */
  readonly payload: boolean;
  readonly interactive: boolean;
  readonly runs: number;
  /** Seconds after which a guest counts as hung. */
  readonly timeout: number;
}

/** One line of help for each machine that has something to say. */
function byMachine(text: (guest: GuestMachine) => string | undefined): string {
  const lines = machines.flatMap(({ name, guest }) => {
    const said = text(guest);
    return said === undefined ? [] : [`${" ".repeat(27)}${name}: ${said}\n`];
  });
  return lines.join("");
}

export const HELP = `usage: npm run boot -- [OPTION]...

Boots a qemu machine, kexecs from its kernel into another, and says what happened.

  --target TARGET          ${targets.join(", ")}
                           (default ppc64le; arm64 and x64 are Bun's executables)
  --smp N                  cpus (default 4)
  --cpu MODEL              of the emulated machine
${byMachine(({ models }) => models)}\
  --machine OPTIONS        more of qemu's -M
${byMachine(({ options }) => options)}\
  --uefi                   start by UEFI firmware; x86_64: in place of a BIOS; arm64:
                           with ACPI tables in place of the device tree
  --memory MIB             default: 512 or 1024, by target and kernel
  --small                  the small kernel in place of the distribution's, where there is one;
                           ppc64 always has it
  --kernel FILE            the first kernel: an ELF vmlinux, an arm64 Image, a bzImage; or a name out of npm run kernels
  --next-kernel FILE       the second kernel, of either endianness (default: the first)
  --next-initrd FILE       its initramfs (default: one that says how many cpus are online)
  --payload                no second kernel but a test payload, which prints what it is handed
  --script FILE            what the first init runs (default: fs2dt or zeropage | loadem, loadem -k)
  --interactive            no script: the guest's console is yours, in both kernels
  --runs N                 so many boots, one line each
  --timeout SECONDS        a guest that takes longer has failed (default 120)

Exit code 0: the second kernel printed the nonce that was chosen for this run and put on its command line.
`;

/** undefined where only help was asked for. */
export function parseChoices(args: readonly string[]): Choices | undefined {
  const values = parseWords(args);
  if (values.help) return undefined;
  const target = targets.find((known) => known === values.target);
  if (target === undefined) throw usage("--target", `'${values.target}' is none of ${targets.join(" ")}`);
  if (values.interactive && values.runs !== "1") throw usage("--runs", "does not go with --interactive");
  if (values.uefi && !machineOf(target).guest.uefi) throw usage("--uefi", `not for ${target}`);
  if (values.payload && (values["next-kernel"] ?? values["next-initrd"]) !== undefined) {
    throw usage("--payload", "does not go with --next-kernel or --next-initrd: it takes their place");
  }
  return {
    target,
    smp: count("--smp", values.smp),
    cpu: values.cpu ?? machineOf(target).guest.cpu,
    uefi: values.uefi,
    machine: values.machine === undefined ? [] : [values.machine],
    memory: values.memory === undefined ? undefined : count("--memory", values.memory),
    small: values.small,
    kernel: values.kernel,
    nextKernel: values["next-kernel"],
    nextInitrd: values["next-initrd"],
    script: values.script,
    payload: values.payload,
    interactive: values.interactive,
    runs: count("--runs", values.runs),
    timeout: count("--timeout", values.timeout),
  };
}

function parseWords(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        target: { type: "string", default: "ppc64le" },
        smp: { type: "string", default: "4" },
        cpu: { type: "string" },
        machine: { type: "string" },
        uefi: { type: "boolean", default: false },
        memory: { type: "string" },
        small: { type: "boolean", default: false },
        kernel: { type: "string" },
        "next-kernel": { type: "string" },
        "next-initrd": { type: "string" },
        script: { type: "string" },
        payload: { type: "boolean", default: false },
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

function count(option: string, text: string): number {
  if (!/^[1-9][0-9]{0,6}$/.test(text)) throw usage(option, `'${text}' is not a number above 0`);
  return Number(text);
}
