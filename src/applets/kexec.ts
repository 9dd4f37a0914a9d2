// kexec: this kernel, this initrd, this command line: finds the places, shows every byte, loads and jumps.

import type { Applet, Option } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { numberOf } from "../cli/values.ts";
import formatVersion from "../cli/version.ts";
import { EXIT, Failure, usage } from "../failure.ts";
import { type Kernel, openKernel } from "../kernels/kernel.ts";
import { type HeldPiece, openPiece } from "../kexec/piece.ts";
import { describeStatus } from "../kexec/status.ts";
import { tellOtherCall, unload, unloadByEither, unloadFiles } from "../kexec/unload.ts";
import { EDIT_NOTES, editOptions, parseEdits } from "../options/edits.ts";
import { foreignAnswers, foreignOptions } from "../options/kexec-tools.ts";
import { chooseViews, viewOptions } from "../options/plan-views.ts";
import { noticeOn, parseReadRules } from "../options/trees.ts";
import { reuseCommandLine } from "../recipes/command-line.ts";
import { writePieces } from "../recipes/extract-kernel.ts";
import { jumpIntoLoaded } from "../recipes/jump.ts";
import { loadPlan } from "../recipes/load.ts";
import { findFileWay, loadFile } from "../recipes/load-file.ts";
import { type NextKernelRequest, planNextKernel } from "../recipes/next-kernel.ts";
import { formatRawLines, saveSegments } from "../recipes/raw-lines.ts";
import type { PlanViews } from "../recipes/show-plan.ts";
import type { ByteString } from "../sys/engine.ts";
import { STDOUT, type System } from "../sys/system.ts";

/** What is done. Without any of them KERNEL is loaded and entered. */
const modes: readonly Option[] = [
  { short: "l", long: "load", help: "Load KERNEL, and do no more." },
  {
    short: "p",
    long: "load-panic",
    help: "Load KERNEL as the crash kernel, which is entered when the running kernel panics. With -u: unload it.",
  },
  { short: "e", long: "exec", help: "Jump into the loaded kernel. With KERNEL: load that one first." },
  { short: "u", long: "unload", help: "Unload the loaded kernel." },
  { short: "S", long: "status", help: "Print what is loaded and what may be loaded, one fact a line." },
  {
    long: "diagnose",
    help: "Find the segment that the kernel refuses: load the first, the first two, and so on. Nothing stays loaded, not even what was loaded before.",
  },
  {
    long: "extract",
    help: "Write what of KERNEL is loaded to standard output: as objcopy -O binary does of an ELF file, as zeropage --kernel does of a bzImage.",
  },
  { long: "extract-initrd", help: "Write the initrd that a unified kernel image has to standard output." },
  { long: "extract-dtb", help: "Write the device tree blob that a unified kernel image has to standard output." },
  { short: "n", long: "plan", help: "Print what would be loaded, and the commands that load the same. Load nothing." },
  {
    long: "save",
    value: "DIR",
    help: "Load nothing: write the segments into DIR, and those commands as a script that loads them from there.",
  },
];

/** Which of the two system calls is made: kexec_load, unless one of these asks for another. The last one counts. */
const calls: readonly Option[] = [
  {
    short: "s",
    long: "kexec-file-syscall",
    help: "Let the running kernel read KERNEL and FILE, and find the places (kexec_file_load). Under lockdown it wants KERNEL signed.",
  },
  {
    short: "a",
    long: "kexec-syscall-auto",
    help: "Do as -s does where the running kernel lacks kexec_load, or lockdown alone forbids it, and say so.",
  },
];

/** They steer what is made here: with -s the running kernel does that. */
const NOT_FOR_FILES = ["dtb", "rsdp", "mem-min", "mem-max", "save", "diagnose", "json", "svg"];

/** What the next kernel gets. */
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
  { long: "rsdp", value: "ADDR", help: "Set the ACPI root pointer (x86-64; default: the running kernel's)." },
  { long: "mem-min", value: "ADDR", help: "Load nothing below ADDR." },
  { long: "mem-max", value: "ADDR", help: "Load nothing at ADDR and above." },
];

const others: readonly Option[] = [
  { short: "i", long: "no-checks", help: "Skip our own checks. The kernel's remain." },
  { short: "d", long: "debug", help: "Print the segments on standard error, then go on." },
];

/** fs2dt's edits, of which the command line and the initrd have options of their own here. */
const OWN = ["bootargs", "initrd", "no-initrd"];
const edits = editOptions.filter(({ long }) => !OWN.includes(long)).map(({ short: _, ...option }) => option);

const kexec: Applet = {
  name: "kexec",
  summary: "Load a kernel, its initrd and its command line, and jump there",
  operands: "[KERNEL]",
  options: [...modes, ...calls, ...wishes, ...edits, ...others, ...viewOptions],
  notes: `
The addresses are found: free memory, as far as the running kernel tells it,
minus what must not be touched, and what KERNEL needs. --plan shows them, and
ends with the fs2dt, zeropage and loadem commands that load the same bytes: a
line to be edited where you want it otherwise.

${EDIT_NOTES}

  kexec -l vmlinux --initrd=initrd --append='console=hvc0'
  kexec -e
`,
  run(system, args) {
    const given = parse([...kexec.options, ...foreignOptions], args);
    const has = (long: string) => given.given.has(long);
    answerForeign(system, given);
    if (has("version")) {
      system.print(`${formatVersion(system.engine)}\n`);
      return EXIT.done;
    }
    if (has("unload")) {
      refuseOperands(given, "-u");
      unloadBy(chooseCall(given), system, has("load-panic"));
      return EXIT.done;
    }
    if (has("status")) {
      refuseOperands(given, "-S");
      system.print(describeStatus(system));
      return EXIT.done;
    }
    const part = PARTS.find(has);
    if (part !== undefined) return extract(system, given, part);
    if (given.operands.length === 0 && (has("exec") || has("force"))) return jump(system, given);
    const code = chooseCall(given) === "file" ? loadByFile(system, given) : load(system, given);
    return code === EXIT.done && jumpsAfter(given) ? jump(system, given) : code;
  },
};

/** kexec-syscall is among the options of kexec-tools. */
function chooseCall({ given }: Arguments): "segments" | "file" | "either" {
  const asked = [...given.keys()].filter((long) => /^kexec-(file-)?syscall/.test(long)).at(-1);
  return asked === "kexec-file-syscall" ? "file" : asked === "kexec-syscall-auto" ? "either" : "segments";
}

function unloadBy(call: ReturnType<typeof chooseCall>, system: System, crash: boolean): void {
  if (call === "either") unloadByEither(system, crash, say(system));
  else if (call === "file") unloadFiles(system, crash);
  else unload(system, crash);
}

function say(system: System): (line: string) => void {
  return (line) => system.say(`kexec: ${line}`);
}

function jump(system: System, { given }: Arguments): number {
  return jumpIntoLoaded(system, {
    option: "-e",
    skipChecks: given.has("no-checks"),
    say: given.has("debug") ? say(system) : () => {},
  });
}

/** The options that write a part of KERNEL. */
const PARTS = ["extract", "extract-initrd", "extract-dtb"] as const;

function extract(system: System, args: Arguments, part: (typeof PARTS)[number]): number {
  const kernel = openKernel(system, kernelOf(args));
  const { initrd, tree } = kernel.brought;
  const absent = (what: string): Failure => new Failure(kernel.file, `there is no ${what} in it`);
  if (part === "extract-initrd" && initrd === undefined) throw absent("initrd");
  if (part === "extract-dtb" && tree === undefined) throw absent("device tree blob");
  system.refuseTerminal();
  if (part === "extract-dtb" && tree !== undefined) system.writeAll(STDOUT, tree, "standard output");
  else
    writePieces(
      system,
      part === "extract" || initrd === undefined ? kernel.pieces : [initrd],
      STDOUT,
      "standard output",
    );
  return EXIT.done;
}

function kernelOf({ operands }: Arguments): ByteString {
  const [file, ...more] = operands;
  if (file !== undefined && more.length === 0) return file;
  throw usage("operands", `one kernel is needed, ${operands.length} are given`);
}

function load(system: System, given: Arguments): number {
  const has = (long: string) => given.given.has(long);
  const request = parseRequest(system, given);
  const next = planNextKernel(system, request);
  const tell = say(system);
  const folder = given.given.get("save");
  const { whole } = request.kernel;
  const isForFiles = findNotForFiles(given) === undefined;
  return loadPlan(system, {
    plan: next.plan,
    facts: next.facts,
    secondaries: undefined,
    action: has("plan") ? "check" : has("diagnose") ? "diagnose" : "load",
    skipChecks: has("no-checks"),
    ...views(system, given, () => `\n${formatRawLines(system, request, next)}`),
    keep: folder === undefined ? undefined : (image) => saveSegments(system, folder, request, next, image),
    say: tell,
    ...(isForFiles ? { asFile: () => findFileWay(system, whole) } : {}),
    ...(isForFiles && chooseCall(given) === "either"
      ? {
          otherCall(why: string) {
            tell(tellOtherCall(why));
            return loadByFile(system, given);
          },
        }
      : {}),
  });
}

/** @param ending what follows on standard output */
function views(system: System, { given }: Arguments, ending?: () => string): PlanViews {
  return chooseViews(system, {
    json: given.has("json"),
    svg: given.get("svg"),
    prints: given.has("plan"),
    tells: given.has("debug"),
    say: say(system),
    ...(ending === undefined ? {} : { ending }),
  });
}

/** The option that asks for what kexec_file_load(2) does not leave to us, if one does. */
function findNotForFiles({ given, inTurn }: Arguments): string | undefined {
  const edit = inTurn.find(({ long }) => long !== "initrd");
  return edit?.long ?? NOT_FOR_FILES.find((long) => given.has(long));
}

function loadByFile(system: System, given: Arguments): number {
  const has = (long: string) => given.given.has(long);
  const other = findNotForFiles(given);
  if (other !== undefined) throw usage(`--${other}`, "does not go with -s: the running kernel finds the places itself");
  const file = kernelOf(given);
  // Without checks the running kernel judges whatever it is given.
  const kernel: Pick<Kernel, "whole" | "brought"> = has("no-checks")
    ? { whole: openPiece(system, "", file), brought: {} }
    : openKernel(system, file);
  const crash = has("load-panic");
  return loadFile(system, {
    kernel: kernel.whole,
    initrds: openInitrds(system, given, kernel.brought.initrd),
    commandLine: chooseCommandLine(system, given.given, crash, kernel.brought.commandLine),
    crash,
    skipChecks: has("no-checks"),
    action: has("plan") ? "check" : "load",
    show: views(system, given).show,
  });
}

/** The kernel's own initrd only where no other is given. */
function openInitrds(system: System, { inTurn }: Arguments, brought: HeldPiece | undefined): readonly HeldPiece[] {
  const given = inTurn.filter(({ long }) => long === "initrd").map(({ value }) => openPiece(system, "--initrd", value));
  return given.length === 0 && brought !== undefined ? [brought] : given;
}

/** As with kexec-tools the last of -l and -f counts; -e, with a kernel, means to jump into that one. */
function jumpsAfter({ given }: Arguments): boolean {
  if (["plan", "save", "diagnose", "load-panic"].some((long) => given.has(long))) return false;
  if (given.has("exec")) return true;
  const last = [...given.keys()].filter((long) => long === "load" || long === "force").at(-1);
  return last !== "load";
}

function parseRequest(system: System, args: Arguments): NextKernelRequest {
  const { given, inTurn } = args;
  const file = kernelOf(args);
  const crash = given.has("load-panic");
  const changes = inTurn.filter(({ long }) => long !== "initrd");
  const address = (long: string) => {
    const text = given.get(long);
    return text === undefined ? undefined : numberOf(`--${long}`, text);
  };
  if (changes.length > 0 || given.has("dtb")) refuseWithoutTree(system, changes[0]?.place ?? "--dtb");
  const edits = parseEdits(system, changes);
  const kernel = openKernel(system, file);
  const { brought } = kernel;
  const initrds = inTurn.filter(({ long }) => long === "initrd").map(({ value }) => value);
  const none = given.has("no-initrd");
  if (none && initrds.length > 0) throw usage("--no-initrd", "does not go with --initrd");
  const dtb = given.get("dtb");
  const told = given.has("append") || given.has("reuse-cmdline");
  const ownTree = dtb === undefined && wantsTree(system) ? brought.tree : undefined;
  const tell = (what: string, isUsed: boolean, option: string) => {
    if (isUsed) system.say(`kexec: ${file}: the ${what} in it is used: ${option} gives another`);
  };
  tell("initrd", brought.initrd !== undefined && initrds.length === 0 && !none, "--initrd");
  tell("command line", brought.commandLine !== undefined && !told, "--append");
  tell("device tree", ownTree !== undefined, "--dtb");
  return {
    kernel,
    crash,
    initrds: none ? [] : initrds.length > 0 ? initrds : undefined,
    commandLine: chooseCommandLine(system, given, crash, brought.commandLine),
    within: { start: address("mem-min"), end: address("mem-max") },
    rsdp: address("rsdp"),
    tree: {
      source: ownTree === undefined ? dtb : file,
      bytes: ownTree,
      rules: parseReadRules(given, noticeOn(system, "kexec")),
      edits,
      words: changes.flatMap(({ long, value }) => (value === "" ? [`--${long}`] : [`--${long}`, value])),
    },
  };
}

function wantsTree({ machine }: System): boolean {
  return machine !== "x86_64";
}

function refuseWithoutTree(system: System, place: string): void {
  if (!wantsTree(system)) throw usage(place, `no kernel for ${system.machine} is handed a device tree`);
}

function chooseCommandLine(
  system: System,
  given: Arguments["given"],
  crash: boolean,
  brought: ByteString | undefined,
): ByteString {
  const append = given.get("append");
  const reuses = given.has("reuse-cmdline");
  if (append !== undefined && !reuses) return append;
  if (!reuses && brought !== undefined) return brought;
  const reused = reuseCommandLine(system, crash);
  return append === undefined ? reused : [reused, append].filter((text) => text !== "").join(" ");
}

/** Says what becomes of another tool's options. */
function answerForeign(system: System, { given }: Arguments): void {
  for (const long of given.keys()) {
    const { answer, isRefused } = foreignAnswers.get(long) ?? {};
    if (answer === undefined) continue;
    if (isRefused) throw usage(`--${long}`, answer);
    system.say(`kexec: --${long}: ${answer}`);
  }
}

function refuseOperands({ operands }: Arguments, option: string): void {
  if (operands[0] !== undefined) throw usage(`'${operands[0]}'`, `${option} takes no kernel`);
}

export default kexec;
