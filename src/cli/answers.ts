// What the program says of itself and of its applets, and --install. Loaded when first asked for.

import { EXIT, type Failure, usage } from "../failure.ts";
import { largestOf } from "../number.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";
import type { Applet } from "./applet.ts";
import { install } from "./install.ts";
import { formatHelp } from "./manual.ts";
import findNearest from "./nearest.ts";
import { split } from "./options.ts";
import { parseRequest, type Request } from "./requests.ts";
import formatVersion from "./version.ts";

/**
 * Answers a command line.
 * @param called the applet whose arguments these are; undefined where the first of them is no applet's name
 * @returns the exit code, undefined where it is for the applet to answer
 * @throws Failure where the first argument means nothing
 */
export default function answer(
  system: System,
  applets: readonly Applet[],
  called: Applet | undefined,
  args: readonly ByteString[],
): number | undefined {
  if (called !== undefined) return answerFor(system, called, args);
  const [first = "", ...rest] = args;
  const names = applets.map(({ name }) => name);
  if (first === "--install") return install(system, names, rest);
  const request = first === "help" ? "help" : parseRequest(first);
  if (request === undefined) throw noSuchApplet(first, names);
  const [name] = rest;
  const explained = applets.find((applet) => applet.name === name);
  if (request === "help" && name !== undefined && explained === undefined) throw noSuchApplet(name, names);
  return print(system, request, explained === undefined ? formatOverview(applets) : formatHelp(explained));
}

function answerFor(system: System, applet: Applet, args: readonly ByteString[]): number | undefined {
  const request = findRequest(applet, args);
  return request && print(system, request, formatHelp(applet));
}

function findRequest({ options, takesWords }: Applet, args: readonly ByteString[]): Request | undefined {
  // fs2dt and dtedit have a --version with a value: standing alone, it is a request there, too.
  if (args.length === 1 && args[0] === "--version") return "version";
  // Echo prints -h, and --version with words after it.
  if (takesWords) return args[0] === "--help" ? "help" : undefined;
  const unknown = split(options, args).words.filter(({ option }) => option === undefined);
  return unknown.map(({ name }) => parseRequest(name)).find((request) => request !== undefined);
}

function print(system: System, request: Request, help: string): number {
  system.print(request === "help" ? help : `${formatVersion(system.engine)}\n`);
  return EXIT.done;
}

function noSuchApplet(name: ByteString, names: readonly string[]): Failure {
  const meant = findNearest(name, names);
  return usage(
    name,
    `no such applet${meant === undefined ? `; there are ${names.join(" ")}` : `: did you mean ${meant}?`}`,
  );
}

function formatOverview(applets: readonly Applet[]): string {
  const width = largestOf(applets.map(({ name }) => name.length)) + 2;
  return [
    "usage: kexecbox APPLET [ARGUMENT]...   or a symbolic link named after the applet",
    "       kexecbox help [APPLET]          print its help, as APPLET --help does",
    "       kexecbox --list                 print the names of the applets",
    "       kexecbox --install DIR          make a link in DIR for each applet",
    "       kexecbox --version              print version, commit, engine and machine",
    "",
    ...applets.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    "",
    "Exit codes: 0 done, 1 input or I/O, 2 usage, 3 the kernel refused.",
    "",
  ].join("\n");
}
