// kexecbox --install: the symbolic links by which the applets are called.

import { EXIT, escapeText, usage } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { errno } from "../sys/errno.ts";
import errnoText from "../sys/strerror.ts";
import { CWD, type System } from "../sys/system.ts";

/**
 * Makes DIR/NAME for each of `names`, a link to this executable. What is there already stays. If it is not such
 * a link, it is reported, and the exit code is 1.
 * @param args DIR alone
 */
export function install(system: System, names: readonly string[], args: readonly ByteString[]): number {
  const [directory, extra] = args;
  if (directory === undefined) throw usage("--install", "needs DIR");
  if (extra !== undefined) throw usage(extra, "--install takes one DIR");
  const descriptor = system.mustOpenDirectory(directory);
  const executable = linkText(system, "/proc/self/exe");
  const slash = executable.lastIndexOf("/");
  const [folder, file] = [executable.slice(0, slash), executable.slice(slash + 1)];
  const here = linkText(system, `/proc/self/fd/${descriptor}`) === (folder || "/");
  const target = here ? file : executable;
  let exitCode: number = EXIT.done;
  for (const name of names) {
    if (here && name === file) continue;
    const problem = makeLink(system, descriptor, name, target, executable);
    if (problem === undefined) continue;
    system.say(`kexecbox: ${escapeText(`${directory}/${name}`)}: ${escapeText(problem)}`);
    exitCode = EXIT.input;
  }
  return exitCode;
}

function linkText(system: System, path: ByteString): ByteString {
  return system.must(system.readLink(CWD, path), path);
}

/** Returns what went wrong. */
function makeLink(
  system: System,
  directory: number,
  name: string,
  target: ByteString,
  executable: ByteString,
): string | undefined {
  const result = system.call("symlinkat", target, directory, name);
  if (result >= 0) return undefined;
  if (result !== -errno.EEXIST) return errnoText(result);
  const present = system.readLink(directory, name);
  if (present === target || present === executable) return undefined;
  return `left alone: ${typeof present === "string" ? `it is a link to ${present}` : "it is no link"}`;
}
