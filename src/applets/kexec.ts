// kexec: this kernel, this initrd, this command line: finds the places, shows every byte, loads and jumps.

import type { Applet, Option } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import formatVersion from "../cli/version.ts";
import { EXIT, Failure, usage } from "../failure.ts";
import { openKernel } from "../kernels/kernel.ts";
import { unlessNotBuilt, whyFilesAlone } from "../kexec/not-built.ts";
import { refuseIncapable } from "../kexec/permission.ts";
import type { OtherWays } from "../kexec/refusal.ts";
import { describeStatus } from "../kexec/status.ts";
import { tellOtherCall, unload, unloadByEither, unloadFiles } from "../kexec/unload.ts";
import { EDIT_NOTES } from "../options/edits.ts";
import { answerOf, listForeign } from "../options/kexec-tools.ts";
import { diagnose, forQemu } from "../options/load-modes.ts";
import {
  findNotForFiles,
  kernelOf,
  nextKernelOptions,
  openNextFiles,
  parseNextFiles,
  parseNextKernel,
} from "../options/next-kernel.ts";
import { type AskedViews, chooseViews, viewOptions } from "../options/plan-views.ts";
import { writePieces } from "../recipes/extract-kernel.ts";
import { jumpIntoLoaded } from "../recipes/jump.ts";
import { loadPlan } from "../recipes/load.ts";
import { findFileWay, loadFile } from "../recipes/load-file.ts";
import { type NextKernelRequest, planNextKernel } from "../recipes/next-kernel.ts";
import { listRawLines, saveSegments } from "../recipes/raw-lines.ts";
import type { PlanViews } from "../recipes/show-plan.ts";
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
  diagnose,
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
  forQemu("KERNEL says which machine that is, --dtb has its tree; --append is needed."),
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

/** The kernel is asked for nothing with these. */
const LOADS_NOTHING = ["plan", "save", "qemu"];

/** They say what is done with KERNEL in place of loading it: nothing else is done beside them. */
const ABOUT_A_KERNEL = [...LOADS_NOTHING, "diagnose"];

/** They look at what is made here, as -s makes nothing. */
const ONLY_OURS = ["save", "qemu", "diagnose", "json", "svg"];

const others: readonly Option[] = [
  { short: "i", long: "no-checks", help: "Skip our own checks. The kernel's remain." },
  { short: "d", long: "debug", help: "Print the segments on standard error, then go on." },
];

const kexec: Applet = {
  name: "kexec",
  summary: "Load a kernel, its initrd and its command line, and jump there",
  operands: "[KERNEL]",
  options: [...modes, ...calls, ...nextKernelOptions, ...others, ...viewOptions],
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
    const given = parse(kexec.options, args, listForeign);
    const has = (long: string) => given.given.has(long);
    answerForeign(system, given);
    if (has("version")) {
      system.print(`${formatVersion(system.engine)}\n`);
      return EXIT.done;
    }
    const needing = [...ABOUT_A_KERNEL, "json", "svg"].find(has);
    if (needing !== undefined && given.operands.length === 0) throw usage(`--${needing}`, "needs a kernel");
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

function jump(system: System, args: Arguments): number {
  const { given, operands } = args;
  return jumpIntoLoaded(system, {
    option: "-e",
    unload: operands.length === 0 ? undefined : () => unloadBy(chooseCall(args), system, false),
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

function load(system: System, given: Arguments): number {
  const has = (long: string) => given.given.has(long);
  const request = parseNextKernel(system, given);
  const loads = LOADS_NOTHING.every((long) => !has(long));
  if (loads) refuseIncapable(system, "kexec_load");
  const tell = say(system);
  const ways = otherWays(system, given, request, tell);
  if (loads && ways.otherCall !== undefined) {
    const why = whyFilesAlone(system);
    if (why !== undefined) return ways.otherCall(why);
  }
  const plan = () => planNextKernel(system, request);
  const next = loads ? unlessNotBuilt(system, ways, plan) : plan();
  const folder = given.given.get("save");
  if (folder !== undefined && has("plan")) throw usage("--save", "does not go with --plan: it writes files");
  return loadPlan(system, {
    plan: next.plan,
    facts: next.facts,
    secondaries: undefined,
    action: has("plan") ? "check" : has("diagnose") ? "diagnose" : "load",
    skipChecks: has("no-checks"),
    qemu: request.qemu,
    ...views(system, given, () => listRawLines(system, request, next)),
    keep: folder === undefined ? undefined : (image) => saveSegments(system, folder, request, next, image),
    say: tell,
    goesOn: jumpsAfter(given),
    ...ways,
  });
}

/** None where the running kernel could not be given what is asked for as files. */
function otherWays(
  system: System,
  given: Arguments,
  request: NextKernelRequest,
  tell: (line: string) => void,
): OtherWays {
  if (findOnlyOurs(given) !== undefined) return {};
  const asFile = () => findFileWay(system, request.kernel.whole);
  if (chooseCall(given) !== "either") return { asFile };
  return {
    asFile,
    otherCall(why) {
      tell(tellOtherCall(why));
      return loadByFile(system, given, request);
    },
  };
}

/** @param commands what loads the same, as lines of shell */
function views(system: System, { given }: Arguments, commands?: AskedViews["commands"]): PlanViews {
  return chooseViews(system, {
    json: given.has("json"),
    svg: given.get("svg"),
    prints: given.has("plan"),
    tells: given.has("debug"),
    say: say(system),
    commands,
  });
}

function findOnlyOurs(args: Arguments): string | undefined {
  return findNotForFiles(args) ?? ONLY_OURS.find((long) => args.given.has(long));
}

/** @param parsed what was to be loaded by the other call */
function loadByFile(system: System, args: Arguments, parsed?: NextKernelRequest): number {
  const other = findOnlyOurs(args);
  if (other !== undefined) throw usage(`--${other}`, "does not go with -s: the running kernel finds the places itself");
  const skipChecks = args.given.has("no-checks");
  const files = parsed === undefined ? parseNextFiles(system, args, skipChecks) : openNextFiles(system, parsed);
  if (!args.given.has("plan")) refuseIncapable(system, "kexec_file_load");
  return loadFile(system, {
    ...files,
    skipChecks,
    action: args.given.has("plan") ? "check" : "load",
    show: views(system, args).show,
    goesOn: jumpsAfter(args),
  });
}

/** As with kexec-tools the last of -l and -f counts; -e, with a kernel, means to jump into that one. */
function jumpsAfter({ given }: Arguments): boolean {
  if ([...ABOUT_A_KERNEL, "load-panic"].some((long) => given.has(long))) return false;
  if (given.has("exec")) return true;
  const last = [...given.keys()].filter((long) => long === "load" || long === "force").at(-1);
  return last !== "load";
}

/** Says what becomes of another tool's options. */
function answerForeign(system: System, { given }: Arguments): void {
  for (const long of given.keys()) {
    if (kexec.options.some((option) => option.long === long)) continue;
    const { answer, isRefused } = answerOf(long);
    if (answer === undefined) continue;
    if (isRefused) throw usage(`--${long}`, answer);
    system.say(`kexec: --${long}: ${answer}`);
  }
}

function refuseOperands({ operands }: Arguments, option: string): void {
  if (operands[0] !== undefined) throw usage(`'${operands[0]}'`, `${option} takes no kernel`);
}

export default kexec;
