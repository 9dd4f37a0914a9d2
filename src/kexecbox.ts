// The program itself: which applet was asked for, its help, and how every failure ends.

import cat from "./applets/cat.ts";
import dtcheck from "./applets/dtcheck.ts";
import dtdiff from "./applets/dtdiff.ts";
import dtdump from "./applets/dtdump.ts";
import dtedit from "./applets/dtedit.ts";
import echo from "./applets/echo.ts";
import fs2dt from "./applets/fs2dt.ts";
import init from "./applets/init.ts";
import loadem from "./applets/loadem.ts";
import ls from "./applets/ls.ts";
import poweroff from "./applets/poweroff.ts";
import v2wrap from "./applets/v2wrap.ts";
import zeropage from "./applets/zeropage.ts";
import { type Applet } from "./cli/applet.ts";
import { install } from "./cli/install.ts";
import { help } from "./cli/manual.ts";
import { EXIT, escapeText, Failure, usage } from "./failure.ts";
import type { ByteString } from "./sys/engine.ts";
import { SIGPIPE, type System } from "./sys/system.ts";

export const applets: readonly Applet[] = [
  fs2dt,
  zeropage,
  loadem,
  v2wrap,
  dtdump,
  dtedit,
  dtdiff,
  dtcheck,
  init,
  cat,
  echo,
  ls,
  poweroff,
];

function names(): string[] {
  return applets.map(({ name }) => name);
}

/** Runs what `args` (the name we were called by, then the arguments) ask for and returns the exit code. */
export function run(system: System, args: readonly ByteString[]): number {
  // A write to a pipe that nobody reads shall be an error that is reported, not a silent death.
  system.ignore([SIGPIPE]);
  const called = (args[0] ?? "").split("/").at(-1)!;
  const applet = appletNamed(called);
  try {
    if (applet !== undefined) return runApplet(system, applet, args.slice(1));
    return runFirstArgument(system, args.slice(1));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const tool = applet?.name ?? appletNamed(args[1] ?? "")?.name ?? "kexecbox";
    system.say(`${tool}: ${escapeText(error.place)}: ${escapeText(error.fact)}`);
    return error.exitCode;
  }
}

function appletNamed(name: string): Applet | undefined {
  return applets.find((applet) => applet.name === name);
}

function runApplet(system: System, applet: Applet, args: readonly ByteString[]): number {
  // Process 1 must not end, whatever stands behind -- on the kernel's command line.
  if (args[0] === "--help" && system.call("getpid") !== 1) {
    system.print(help(applet));
    return EXIT.done;
  }
  return applet.run(system, args, { names: names() });
}

function runFirstArgument(system: System, [first, ...rest]: readonly ByteString[]): number {
  if (first === undefined) throw usage("no applet named", list());
  const applet = appletNamed(first);
  if (applet !== undefined) return runApplet(system, applet, rest);
  switch (first) {
    case "--help":
      system.print(overview());
      return EXIT.done;
    case "--list":
      system.print(
        names()
          .map((name) => `${name}\n`)
          .join(""),
      );
      return EXIT.done;
    case "--install":
      return install(system, names(), rest);
    default:
      throw usage(first, `no such applet; ${list()}`);
  }
}

function list(): string {
  return `there are ${names().join(" ")}`;
}

function overview(): string {
  const width = Math.max(...applets.map(({ name }) => name.length)) + 2;
  return [
    "usage: kexecbox APPLET [ARGUMENT]...   or a symbolic link named as the applet",
    "       kexecbox --list                 the applets' names",
    "       kexecbox --install DIR          makes the links in DIR",
    "",
    ...applets.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    "",
    "APPLET --help tells more. Exit codes:",
    "0 done, 1 input or I/O, 2 usage, 3 the kernel refused.",
    "",
  ].join("\n");
}
