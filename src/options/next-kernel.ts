// What the next kernel gets, as options of kexec: its initrd, its command line, its tree, and where it may lie.

import type { Option } from "../cli/applet.ts";
import type { Arguments } from "../cli/options.ts";
import { numberOf } from "../cli/values.ts";
import { escapeText, usage } from "../failure.ts";
import { type Kernel, openKernel } from "../kernels/kernel.ts";
import { type HeldPiece, openPiece } from "../kexec/piece.ts";
import { reuseCommandLine } from "../recipes/command-line.ts";
import type { FileRequest } from "../recipes/load-file.ts";
import type { NextKernelRequest } from "../recipes/next-kernel.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import { editOptions, parseEdits } from "./edits.ts";
import { qemuMemoryOf } from "./qemu-memory.ts";
import { noticeOn, parseReadRules } from "./trees.ts";

const wishes: readonly Option[] = [
  {
    long: "initrd",
    also: ["ramdisk"],
    value: "FILE",
    inTurn: true,
    help: "Give it this initrd. Several are joined, each padded to a multiple of 4.",
  },
  { long: "no-initrd", help: "Give it none, though KERNEL is a unified kernel image that has one." },
  {
    long: "append",
    also: ["command-line"],
    value: "TEXT",
    help: "Set its command line (default: the running kernel's, as --reuse-cmdline has it).",
  },
  {
    long: "reuse-cmdline",
    help: "Give it the running kernel's command line without BOOT_IMAGE= (with -p: without crashkernel= too), and what --append adds.",
  },
  {
    long: "dtb",
    also: ["devicetreeblob"],
    value: "FILE",
    help: "Give it this device tree, a blob or a directory (default: the running machine's).",
  },
  { long: "secrets", help: "Hand on firmware's passwords, security-* in the tree (default: leave them empty)." },
  { long: "rsdp", value: "ADDR", help: "Set the ACPI root pointer (x86-64; default: the running kernel's)." },
  {
    long: "qemu-memory",
    value: "MIB",
    help: "With --qemu, for x86-64: set the machine's memory (default: 1024, and three times what is loaded if that is more). Elsewhere the tree says it.",
  },
  {
    long: "hotplug",
    help: "With -p: let the running kernel mend the crash kernel's ELF core header when memory or cpus come and go (x86-64: Linux 6.6, ppc64: 6.11).",
  },
  { long: "mem-min", value: "ADDR", help: "Load nothing below ADDR." },
  { long: "mem-max", value: "ADDR", help: "Load nothing at ADDR and above." },
];

/** fs2dt's edits, of which the command line and the initrd have options of their own here. */
const OWN = ["bootargs", "initrd", "no-initrd"];
const edits = editOptions.filter(({ long }) => !OWN.includes(long)).map(({ short: _, ...option }) => option);

/** Edits without a value. */
const SWITCHES = new Set(edits.filter(({ value }) => value === undefined).map(({ long }) => long));

/** All of them. */
export const nextKernelOptions: readonly Option[] = [...wishes, ...edits];

/** They steer what is made here. With kexec_file_load(2) the running kernel does that. */
const NOT_FOR_FILES = ["dtb", "secrets", "rsdp", "mem-min", "mem-max", "qemu-memory", "hotplug"];

/** The option that asks for what kexec_file_load(2) does not leave to us, if one does. */
export function findNotForFiles({ given, inTurn }: Arguments): string | undefined {
  return inTurn.find(isEdit)?.long ?? NOT_FOR_FILES.find((long) => given.has(long));
}

function isEdit({ long }: { readonly long: string }): boolean {
  return long !== "initrd";
}

/** The one operand. Throws Failure, a usage error. */
export function kernelOf({ operands }: Arguments): ByteString {
  const [file, ...more] = operands;
  if (file !== undefined && more.length === 0) return file;
  throw usage("operands", `one kernel is needed, ${operands.length} are given`);
}

/**
 * Opens the kernel, and asks for the sizes of nothing else. What of the kernel's own file is used is said.
 * @throws Failure
 */
export function parseNextKernel(system: System, args: Arguments): NextKernelRequest {
  const { given, inTurn } = args;
  const file = kernelOf(args);
  const crash = given.has("load-panic");
  const changes = inTurn.filter(isEdit);
  const address = (long: string) => {
    const text = given.get(long);
    return text === undefined ? undefined : numberOf(`--${long}`, text);
  };
  const qemu = given.get("qemu");
  if (qemu !== undefined) refuseRunningOnly(args);
  else if (given.has("qemu-memory")) throw usage("--qemu-memory", "goes with --qemu alone");
  const wish = changes[0]?.place ?? ["dtb", "secrets"].filter((long) => given.has(long)).map((long) => `--${long}`)[0];
  if (qemu === undefined && wish !== undefined) refuseWithoutTree(system, wish);
  const edits = parseEdits(system, changes);
  const kernel = openKernel(system, file);
  const { brought } = kernel;
  for (const part of brought.notUsed ?? []) system.say(`kexec: ${escapeText(file)}: ${part} in it is not used`);
  const dtb = given.get("dtb");
  const wants = qemu === undefined ? wantsTree(system) : kernel.setup === undefined;
  if (qemu !== undefined && wish !== undefined && !wants) {
    throw usage(wish, "no kernel for x86_64 is handed a device tree");
  }
  if (qemu !== undefined && !given.has("append") && brought.commandLine === undefined) {
    throw usage("--append", "needed with --qemu: the running kernel's command line is another machine's");
  }
  const memory = given.get("qemu-memory");
  if (memory !== undefined && wants) throw usage("--qemu-memory", "the tree says how much memory there is");
  const ownTree = dtb === undefined && wants ? brought.tree : undefined;
  if (ownTree !== undefined) tellOwn(system, file, "device tree", "--dtb");
  const hotplug = given.has("hotplug");
  if (hotplug && !crash) throw usage("--hotplug", "is for a crash kernel: -p");
  return {
    kernel,
    crash,
    hotplug,
    skipChecks: given.has("no-checks"),
    initrds: parseInitrds(system, args, kernel),
    commandLine: chooseCommandLine(system, given, crash, kernel),
    within: { start: address("mem-min"), end: address("mem-max") },
    rsdp: address("rsdp"),
    qemu,
    qemuMemory: memory === undefined ? undefined : qemuMemoryOf("--qemu-memory", memory),
    tree: {
      source: ownTree === undefined ? dtb : file,
      bytes: ownTree,
      rules: parseReadRules(given, noticeOn(system, "kexec")),
      edits,
      words: [
        ...(given.has("secrets") ? ["--secrets"] : []),
        ...changes.flatMap(({ long, value }) => (SWITCHES.has(long) ? [`--${long}`] : [`--${long}`, value])),
      ],
    },
  };
}

/** What asks the running machine for something, of which that in qemu knows nothing. */
function refuseRunningOnly({ given }: Arguments): void {
  const other = ["reuse-cmdline", "load-panic", "save", "diagnose"].find((long) => given.has(long));
  if (other !== undefined) throw usage(`--${other}`, "does not go with --qemu: it is of the running machine");
}

function wantsTree({ machine }: System): boolean {
  return machine !== "x86_64";
}

function refuseWithoutTree(system: System, place: string): void {
  if (!wantsTree(system)) throw usage(place, `no kernel for ${system.machine} is handed a device tree`);
}

/** The files; undefined for the initrd of the kernel's own file, if it has one. */
function parseInitrds(
  system: System,
  { given, inTurn }: Arguments,
  { file, brought }: Pick<Kernel, "file" | "brought">,
): readonly ByteString[] | undefined {
  const files = inTurn.filter(({ long }) => long === "initrd").map(({ value }) => value);
  const none = given.has("no-initrd");
  if (none && files.length > 0) throw usage("--no-initrd", "does not go with --initrd");
  if (none || files.length > 0) return files;
  if (brought.initrd !== undefined) tellOwn(system, file, "initrd", "--initrd");
  return undefined;
}

function chooseCommandLine(
  system: System,
  given: Arguments["given"],
  crash: boolean,
  { file, brought }: Pick<Kernel, "file" | "brought">,
): ByteString {
  const append = given.get("append");
  const reuses = given.has("reuse-cmdline");
  if (append !== undefined && !reuses) return append;
  if (!reuses && brought.commandLine !== undefined) {
    tellOwn(system, file, "command line", "--append");
    return brought.commandLine;
  }
  const reused = reuseCommandLine(system, crash);
  return append === undefined ? reused : [reused, append].filter((text) => text !== "").join(" ");
}

function tellOwn(system: System, file: ByteString, what: string, option: string): void {
  system.say(`kexec: ${escapeText(file)}: the ${what} in it is used: ${option} gives another`);
}

type NextFiles = Pick<FileRequest, "kernel" | "initrds" | "commandLine" | "crash">;

/**
 * The same for kexec_file_load(2). Without checks the running kernel judges whatever it is given.
 * @throws Failure
 */
export function parseNextFiles(system: System, args: Arguments, skipChecks: boolean): NextFiles {
  const file = kernelOf(args);
  const kernel: Pick<Kernel, "file" | "whole" | "brought"> = skipChecks
    ? { file, whole: openPiece(system, "", file), brought: {} }
    : openKernel(system, file);
  const crash = args.given.has("load-panic");
  const initrds = parseInitrds(system, args, kernel);
  return openNextFiles(system, {
    kernel,
    initrds,
    commandLine: chooseCommandLine(system, args.given, crash, kernel),
    crash,
  });
}

/** What was parsed for the one call, as the other one takes it. Nothing is said again. */
export function openNextFiles(
  system: System,
  {
    kernel,
    initrds,
    commandLine,
    crash,
  }: Pick<NextKernelRequest, "initrds" | "commandLine" | "crash"> & {
    readonly kernel: Pick<Kernel, "whole" | "brought">;
  },
): NextFiles {
  const { initrd } = kernel.brought;
  const own: readonly HeldPiece[] = initrd === undefined ? [] : [initrd];
  const files = initrds?.map((name) => openPiece(system, "--initrd", name));
  return { kernel: kernel.whole, initrds: files ?? own, commandLine, crash };
}
