// The program itself: which applet was asked for, and how every failure ends.

import { applets } from "./applets/table.ts";
import answer from "./cli/answers.ts";
import type { Applet } from "./cli/applet.ts";
import { parseRequest } from "./cli/requests.ts";
import formatVersion from "./cli/version.ts";
import { EXIT, escapeText, failureFrom, failureOf, formatFailure, isOutOfMemory, usage } from "./failure.ts";
import type { ByteString } from "./sys/engine.ts";
import { SIGPIPE, type System } from "./sys/system.ts";

/** The exit code of a fault of ours (EX_SOFTWARE of sysexits.h). */
const INTERNAL_ERROR = 70;

/** Of these 1 is an answer, as of diff(1): all trouble is one other code, whatever it is. */
const ANSWERING: readonly string[] = ["dtdiff"];
const TROUBLE = 2;

/** The command that is asked for: by the name we were called by, or by the first word. */
function toolOf([path = "", first = ""]: readonly ByteString[]): string {
  return (findApplet(path.slice(path.lastIndexOf("/") + 1)) ?? findApplet(first))?.name ?? "kexecbox";
}

/** The exit code of a failure of `tool`. */
function codeOf(tool: string, code: number): number {
  return ANSWERING.includes(tool) ? Math.max(code, TROUBLE) : code;
}

function names(): string[] {
  return applets.map(({ name }) => name);
}

/** Runs what `args` (the name we were called by, then the arguments) ask for and returns the exit code. */
export function run(system: System, args: readonly ByteString[]): number {
  const [path = "", ...words] = args;
  const applet = findApplet(path.slice(path.lastIndexOf("/") + 1));
  try {
    // To write to a pipe without readers is then an error, which is reported, and not a silent death.
    system.ignore([SIGPIPE]);
    const code = applet === undefined ? runFirstWord(system, words) : runApplet(system, applet, words);
    system.refuseLoss();
    system.finishOutput();
    return code;
  } catch (error) {
    const failure = failureOf(() => system.refuseLoss()) ?? failureFrom(error);
    if (failure === undefined) throw error;
    const tool = toolOf(args);
    system.say(`${tool}: ${formatFailure(failure)}`);
    return codeOf(tool, failure.exitCode);
  }
}

/** As `run`, but also reports a fault of ours in one line. For main only: tests have to see what was thrown. */
export function runToTheEnd(system: System, args: readonly ByteString[]): number {
  try {
    return run(system, args);
  } catch (error) {
    // Memory was too short even to tell what went wrong.
    if (isOutOfMemory(error)) {
      system.say("kexecbox: memory: out of memory");
      return codeOf(toolOf(args), EXIT.input);
    }
    // The small engine's C code says `stack overflow` without this name, too.
    const text = String(error).replace(/^InternalError: /, "");
    system.say(`kexecbox: internal error: ${escapeText(text)}; ${formatVersion(system.engine)}`);
    // The source has line numbers that lead to the fault; an executable has none.
    if (typeof KEXECBOX_COMMIT === "undefined" && error instanceof Error) system.say(String(error.stack));
    return INTERNAL_ERROR;
  }
}

function findApplet(name: string): Applet | undefined {
  return applets.find((applet) => applet.name === name);
}

function runApplet(system: System, applet: Applet, args: readonly ByteString[]): number {
  // Process 1 must not end, whatever the kernel passes on to it from its command line.
  const asked = args.some((arg) => parseRequest(arg) !== undefined) && system.call("getpid") !== 1;
  const answered = asked ? answer(system, applets, applet, args) : undefined;
  return answered ?? applet.run(system, args, { names: names() });
}

function runFirstWord(system: System, words: readonly ByteString[]): number {
  const [first, ...rest] = words;
  if (first === undefined) throw usage("no applet given", `there are ${names().join(" ")}`);
  const applet = findApplet(first);
  if (applet !== undefined) return runApplet(system, applet, rest);
  if (first === "--list") {
    system.print(
      names()
        .map((name) => `${name}\n`)
        .join(""),
    );
    return EXIT.done;
  }
  return answer(system, applets, undefined, words) ?? EXIT.done;
}
