// A boot, set up: the addresses of everything, the two initramfs images, the scripts in them, and the guest that runs it all.

import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type AddedFile, image } from "../../initramfs/image.ts";
import { applets } from "../../src/applets/table.ts";
import { Failure, hex } from "../../src/failure.ts";
import type { ArgumentKind } from "../../src/kexec/stub.ts";
import { build } from "../build.ts";
import type { Guest } from "../guest.ts";
import { bootDefaults, machineOf, type Target } from "../machines/machines.ts";
import { type Addresses, addressesFor, archOf, handOverWords, PAGE } from "./addresses.ts";
import type { Choices } from "./choices.ts";
import { directStart } from "./direct.ts";
import { gdbSocket, gdbWords } from "./gdb.ts";
import type { FirstKernel, NextKernel } from "./kernels.ts";

const MIB = 0x100000;

/** MiB that a guest has at least which is to crash. */
const CRASH_MEMORY = 1024;

/** Printed by the second init alone; the first one's console never shows the text of that script. */
export const SECOND_INIT = "kexecbox: the second kernel's init";

export const TREE = "/proc/device-tree";
export const ONLINE = "/sys/devices/system/cpu/online";
export const PRESENT = "/sys/devices/system/cpu/present";

export interface Scene {
  readonly guest: Guest;
  /** What only a kernel that was given the new command line can print. */
  readonly nonce: string;
  /** The lines that the first init runs; "" where there is none. */
  readonly script: string;
  readonly addresses: Addresses;
}

/** What differs from the usual: for tests, and for those who bring their own files. */
export interface Special {
  /** The first init's script in place of ours. */
  readonly script?: (scene: ScriptNeeds) => string;
  /** Added to the first initramfs. */
  readonly files?: readonly AddedFile[];
  /** The second initramfs in place of ours. */
  readonly initrd?: Uint8Array;
  /** Added to the first kernel's command line. */
  readonly append?: string;
  /** Added to qemu's arguments. */
  readonly devices?: readonly string[];
  /** Gets the disk with the dump of a guest that crashed, and passed. */
  readonly onDump?: (disk: string) => Promise<void>;
}

/** What a script of the first init has to know. */
export interface ScriptNeeds {
  readonly addresses: Addresses;
  /** Where the stub has the kernel's address, as -c takes it; undefined where none is needed. */
  readonly chain: number | undefined;
  /** What the kernel is handed: on x86-64 a zero page, and the kernel is still in /bzImage. */
  readonly argument: ArgumentKind;
  readonly bootargs: string;
  /** What fs2dt makes its blob of. */
  readonly source: string;
  /** Bytes of /initrd; 0 where there is none. */
  readonly initrdSize: number;
  /** Bytes of the next kernel's bss, which follows the bytes of /vmlinux.kexec. */
  readonly bss: number;
  /** What loadem has to be told of the machine; undefined where it knows. */
  readonly type?: number | undefined;
}

/** Writes the first initramfs into `folder`. */
export async function sceneFor(
  choices: Choices,
  first: FirstKernel,
  next: NextKernel,
  folder: string,
  special: Special = {},
): Promise<Scene> {
  const nonce = randomBytes(8).toString("hex");
  const machine = machineOf(choices.target);
  const { guest } = machine;
  const { program = choices.target } = choices;
  const initrd = choices.payload ? undefined : (special.initrd ?? (await secondInitrd(choices, next.program)));
  const executable = await readFile(await build(program));
  const firstArgs = `console=${guest.console} quiet panic=-1 kexecbox.nonce=${nonce} ${guest.append ?? ""}`.trim();
  const bootargs = `${firstArgs} ${choices.append}`.trim();
  const { argument, stub } = archOf(machine);
  const chain = stub?.chain;
  const bss = next.memory - next.image.length;
  // With ACPI, which UEFI firmware brings, arm64 has no directory.
  const source = choices.uefi ? "/sys/firmware/fdt" : TREE;
  const initrdSize = initrd?.length ?? 0;
  const files: AddedFile[] = [
    { path: argument === "zero page" ? "bzImage" : "vmlinux.kexec", content: next.image, mode: 0o644 },
    ...(initrd === undefined ? [] : [{ path: "initrd", content: initrd, mode: 0o644 } as const]),
    ...(special.files ?? []),
  ];
  const carried = [executable, ...files.map(({ content }) => content)].reduce((sum, { length }) => sum + length, 0);
  const board = choices.board === undefined ? undefined : guest.boards?.[choices.board];
  const memory = memoryOf(choices);
  const load = {
    uefi: choices.uefi,
    memory: BigInt(memory * MIB),
    first: BigInt(first.memory),
    carried: BigInt(carried),
  };
  const room = (board ?? machine).findRoom(load);
  const addresses = inMemory(memory, () => addressesFor(choices.target, room, next.shape, BigInt(initrdSize)));
  const extra = [...(special.devices ?? []), ...(choices.gdb ? gdbWords(gdbSocket(folder)) : [])];
  if (choices.direct) {
    const start = await directStart(
      machine,
      choices,
      { addresses, bootargs, chain, bss, memory, next, initrd },
      folder,
    );
    const own = { machine: machine.name, cpu: choices.cpu, smp: choices.smp, memory };
    return { nonce, script: "", addresses, guest: { ...own, script: start.script, extra: [...start.words, ...extra] } };
  }
  const type = machineOf(program).elfMachine === machine.elfMachine ? undefined : machine.elfMachine;
  const needs = { addresses, source, argument, chain, bootargs, initrdSize, bss, type };
  const script = (special.script ?? usualScript)(needs);
  const run = choices.interactive && choices.script === undefined ? {} : { script: Buffer.from(script, "latin1") };
  const path = join(folder, "initrd");
  // As one array: given several, Bun 1.4.5 leaves zeros at the file's end.
  await writeFile(path, Buffer.concat(image({ executable, applets: names(), ...run, files })));
  return {
    nonce,
    script,
    addresses,
    guest: {
      machine: machine.name,
      ...(choices.uefi && guest.firmware !== undefined ? { bios: guest.firmware.file } : {}),
      ...(choices.board === undefined ? {} : { board: choices.board }),
      machineOptions: choices.machine,
      cpu: choices.cpu,
      smp: choices.smp,
      memory,
      memoryOptions: choices.memoryOptions,
      ...(choices.nodes === undefined ? {} : { nodes: choices.nodes }),
      kernel: first.vmlinux,
      initrd: path,
      append: [firstArgs, guest.appendFirst, special.append].filter((words) => words !== undefined).join(" "),
      extra,
    },
  };
}

/** MiB of the guest. */
export function memoryOf({ target, board: name, memory, small, crash }: Choices): number {
  const board = name === undefined ? undefined : machineOf(target).guest.boards?.[name];
  const defaults = bootDefaults(target);
  const usual = small ? defaults.smallMemory : defaults.memory;
  // Two kernels' worth: what is crashkernel= the first one does not have.
  return memory ?? board?.memory ?? (crash === undefined ? usual : Math.max(usual, CRASH_MEMORY));
}

function names(): string[] {
  return applets.map(({ name }) => name);
}

/** @throws Failure of `choose`, with the number that a person can change */
function inMemory<T>(memory: number, choose: () => T): T {
  try {
    return choose();
  } catch (error) {
    if (error instanceof Failure) throw new Failure("--memory", `${memory} MiB: ${error.message}`);
    throw error;
  }
}

/** The next kernel's own: it says what it sees, and turns the machine off. */
async function secondInitrd(choices: Choices, program: Target): Promise<Uint8Array> {
  const { nextInitrd } = choices;
  if (nextInitrd !== undefined) {
    return readFile(nextInitrd).catch((error: NodeJS.ErrnoException) => {
      throw new Failure(nextInitrd, `cannot be read: ${error.code}`);
    });
  }
  const executable = await readFile(await build(program));
  if (choices.interactive) return Buffer.concat(image({ executable, applets: names() }));
  return Buffer.concat(image({ executable, applets: names(), script: Buffer.from(secondScript([])) }));
}

/** What the second init runs: its mark, the command line it was given, its cpus, then `more`. */
export function secondScript(more: readonly string[]): string {
  return [
    `echo "${SECOND_INIT}"`,
    "cat /proc/cmdline",
    `cat ${ONLINE}`,
    `cat ${PRESENT}`,
    ...more,
    "poweroff",
    "",
  ].join("\n");
}

/** The README's pipeline, with a command line and an initrd for the next kernel. */
export function usualScript(needs: ScriptNeeds): string {
  const { addresses, source, argument, chain, bootargs, initrdSize, bss, type } = needs;
  const { tree, initrd } = addresses;
  // The directory tells of the first kernel's, whose memory is not what it was.
  const none = argument === "zero page" || source !== TREE ? "" : " --no-initrd";
  const range = initrdSize === 0 ? none : ` -i ${hex(initrd)},${hex(initrd + initrdSize)}`;
  const told = `-v -b ${hex(tree)} -B '${bootargs}'${range}`;
  const [cut, generator] =
    argument === "zero page"
      ? ["zeropage --kernel /bzImage > /vmlinux.kexec\n", `zeropage ${told} /bzImage`]
      : ["", `fs2dt ${told} ${source}`];
  const handOver = handOverWords(addresses, chain);
  const kind = type === undefined ? "" : ` -t ${type}`;
  const image = `${handOver.kernel.join(" ")} -f /vmlinux.kexec${bss === 0 ? "" : ` -z ${hex(bss)}`}`;
  const ramdisk = initrdSize === 0 ? "" : ` -a ${hex(initrd)} -f /initrd`;
  const segments = `${handOver.argument.join(" ")} ${image}${ramdisk}`;
  return `${cut}${generator} | loadem -v${kind} -r ${hex(PAGE)} ${segments}\nloadem -k\n`;
}
