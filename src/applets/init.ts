// init: process 1 of an initramfs that may hold nothing else: mounts, runs a script, turns the machine off.

import type { Applet } from "../cli/applet.ts";
import formatVersion from "../cli/version.ts";
import { EXIT, escapeText, Failure, failureFrom, formatFailure } from "../failure.ts";
import { describe } from "../script/pipeline.ts";
import { runPrompt } from "../script/prompt.ts";
import { runScript, type Shell } from "../script/run.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import errnoText from "../sys/strerror.ts";
import {
  CWD,
  O_RDWR,
  REBOOT_POWER_OFF,
  SIGCHLD,
  STDERR,
  STDIN,
  type System,
  TIOCSCTTY,
  WNOHANG,
} from "../sys/system.ts";

const DEFAULT_SCRIPT = "/init.script";
/** Bytes of a script. Each line is a command, of which a MiB has more than anybody waits for. */
const SCRIPT_LIMIT = 128 * 1024;

/** Where programs are looked for that are no applets. */
const FOLDERS = ["/bin", "/sbin", "/usr/bin", "/usr/sbin"];

const MOUNTS = [
  ["proc", "/proc"],
  ["sysfs", "/sys"],
  ["devtmpfs", "/dev"],
] as const;

/** Tells of lockdown and of security modules. Its directory is there only in a kernel that has it. */
const SECURITYFS = ["securityfs", "/sys/kernel/security"] as const;

const options = [{ long: "prompt", help: "Go to the prompt after the script, also if it fails." }];

const notes = `
It mounts /proc, /sys, /dev and securityfs, runs SCRIPT (default:
${DEFAULT_SCRIPT}) up to the first line that fails, and turns the machine off. If
there is no script, it goes to a prompt on the console; end of input (^D) there
turns the machine off.
The kernel passes on the words after -- on its command line, and words that it
does not know. Init names and ignores those that are neither an option nor a
file.

A script has 128 KiB at most, and a pipeline on each line as a rule:
  [-] PROGRAM [ARGUMENT]... [< FILE] [| PROGRAM ...]... [> FILE | >> FILE]
  A && B     runs B if A did not fail, A || B if it did
  A ; B      is two lines
  'text'     stands for itself
  "text"     the same, but \\" is a double quote and \\\\ a backslash
  \\          takes the next character as it is; at the end of a line it joins
             the next line
  # ...      is a comment
* ? $ ( ) \` and a single & are refused where nothing quotes them. A pipeline
fails if any of its programs fails, a line if the last of its pipelines that
was run does. One with - and a blank before it may fail: that is told, and the
script goes on. PROGRAM is a path if it contains a slash, else an applet, else
a file in ${FOLDERS.join(", ")}.
`;

const init: Applet = {
  name: "init",
  summary: "Be process 1 of an initramfs: mount, run a script, power off",
  operands: "[SCRIPT]",
  options,
  notes,
  run(system, args, { names }) {
    const pid = system.call("getpid");
    if (pid !== 1) throw new Failure(`process id ${pid}`, "only process 1 may be init", EXIT.usage);
    // From here on nothing may return or throw: the kernel panics when process 1 ends.
    attempt(system, () => boot(system, names, args));
    system.call("sync");
    system.say(`init: power off: ${errnoText(system.reboot(REBOOT_POWER_OFF))}`);
    system.ignore([SIGCHLD]);
    for (;;) system.call("ppoll", null, 0, null, null, 0);
  },
};

/** Runs `step`, and says so if it fails. */
function attempt(system: System, step: () => void): void {
  try {
    step();
  } catch (error) {
    const failure = failureFrom(error);
    system.say(
      failure === undefined
        ? `init: internal error: ${escapeText(String(error))}; ${formatVersion(system.engine)}`
        : `init: ${formatFailure(failure)}`,
    );
  }
}

function boot(system: System, names: readonly string[], args: readonly ByteString[]): void {
  for (const [type, directory] of MOUNTS) attempt(system, () => mount(system, type, directory));
  const [type, directory] = SECURITYFS;
  if (typeof system.statusOf(CWD, directory) !== "number") attempt(system, () => mount(system, type, directory));
  openConsole(system);
  const shell: Shell = {
    system,
    find: (word) => findProgram(system, names, word),
    wait: (pids) => waitForAll(system, pids),
    rest: (work) => leavingOrphans(system, work),
    goOn: (failure) => system.say(`init: ${escapeText(failure.place)}: ${escapeText(failure.fact)}; going on`),
  };
  const script = chooseScript(system, args);
  if (script !== undefined) attempt(system, () => runFile(shell, script));
  if (script !== undefined && !args.includes("--prompt")) return;
  system.say("init: the prompt; poweroff or end of input (^D) turns the machine off");
  runPrompt(shell, "init");
}

/** It is no error if something is mounted there already. */
function mount(system: System, type: string, directory: string): void {
  system.call("mkdirat", CWD, directory, 0o755);
  const result = system.call("mount", type, directory, type, 0, null);
  if (result !== -errno.EBUSY) system.must(result, `${directory}: ${type}`);
}

/** Standard input, output and error for us and our children, and a terminal whose ^C reaches what runs. */
function openConsole(system: System): void {
  // The kernel has opened /dev/console for us, unless the initramfs lacks it. Each open takes the lowest
  // number that is free.
  for (let descriptor = STDIN; descriptor <= STDERR; descriptor++) {
    if (typeof system.status(descriptor) !== "number") continue;
    if (system.open(CWD, "/dev/console", O_RDWR) < 0) system.open(CWD, "/dev/null", O_RDWR);
  }
  // Process 1 is immune to ^C itself: without a handler no signal of the terminal reaches it.
  system.call("setsid");
  system.call("ioctl", STDIN, TIOCSCTTY, 0);
}

/** The first operand that is a file, otherwise the default if it is there. */
function chooseScript(system: System, args: readonly ByteString[]): ByteString | undefined {
  let chosen: ByteString | undefined;
  for (const word of args) {
    if (word === "--prompt") continue;
    if (word.startsWith("-")) system.say(`init: ${escapeText(word)}: no such option; ignored`);
    else if (chosen !== undefined) system.say(`init: ${escapeText(word)}: one script is enough; ignored`);
    else if (!isThere(system, word)) system.say(`init: ${escapeText(word)}: no such file; ignored`);
    else chosen = word;
  }
  return chosen ?? (isThere(system, DEFAULT_SCRIPT) ? DEFAULT_SCRIPT : undefined);
}

function isThere(system: System, path: ByteString): boolean {
  const status = system.statusOf(CWD, path);
  return typeof status !== "number" && status.kind !== "directory";
}

function runFile(shell: Shell, path: ByteString): void {
  const { system } = shell;
  const text = system.text(system.mustReadFile(path, SCRIPT_LIMIT));
  // The console's log shows what happened.
  runScript(shell, path, text, (pipeline) => system.say(`+ ${describe(pipeline)}`));
}

function findProgram(system: System, names: readonly string[], word: ByteString): ByteString | undefined {
  if (word.includes("/")) return word;
  if (word === "kexecbox" || names.includes(word)) return "/proc/self/exe";
  return FOLDERS.map((folder) => `${folder}/${word}`).find((path) => isThere(system, path));
}

/** Also for whoever else ends meanwhile: a child whose own parent has ended is process 1's. */
function waitForAll(system: System, pids: readonly number[]): readonly number[] {
  const statuses = new Map<number, number>();
  while (pids.some((pid) => !statuses.has(pid))) {
    const ended = system.waitForEnd(-1, 0);
    if (typeof ended === "number") break;
    // The number of one that has ended may be another's by now.
    if (!statuses.has(ended.pid)) statuses.set(ended.pid, ended.status);
  }
  return pids.map((pid) => statuses.get(pid) ?? -errno.ECHILD);
}

/** While SIGCHLD is ignored, the kernel itself forgets whoever ends. */
function leavingOrphans<T>(system: System, work: () => T): T {
  system.ignore([SIGCHLD]);
  // Those that ended before.
  while (typeof system.waitForEnd(-1, WNOHANG) !== "number");
  try {
    return work();
  } finally {
    system.restore([SIGCHLD]);
  }
}

export default init;
