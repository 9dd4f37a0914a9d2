// Saving a dump where a person wants it, or where a crash kernel's command line says.

import { Base64 } from "../dump/base64.ts";
import { type Copied, copyDump, copyToStream } from "../dump/copy.ts";
import { type CoreFile, openCore } from "../dump/core.ts";
import { Progress } from "../dump/progress.ts";
import { EXIT, escapeText, Failure } from "../failure.ts";
import { wordsOfLine } from "../kexec/parameters.ts";
import { formatSize } from "../number.ts";
import { formatRanges } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import { STDERR, STDOUT, type System } from "../sys/system.ts";

export interface SaveRequest {
  /** The dump's path. */
  readonly from: ByteString;
  /** A path, `-` for standard output, or `console` for text there. */
  readonly to: ByteString;
  /** Whether what was copied is said. */
  readonly verbose: boolean;
}

/** Of a crash kernel's command line. */
const PARAMETER = "kexecbox.dump";

/** Seconds that a disk may take to be found. */
const PATIENCE = 30;

const TOOL = "vmcore";

/**
 * @returns the exit code: 0, or 1 where some of memory could not be read
 * @throws Failure where there is no copy then
 */
export function saveDump(system: System, { from, to, verbose }: SaveRequest): number {
  const started = system.now();
  // A terminal would have it between the lines of the dump.
  const progress = new Progress(system, TOOL, to !== "console" && system.isTerminal(STDERR));
  const core = openCore(system, from);
  const memory = core.loads.reduce((sum, { memorySize }) => sum + memorySize, 0n);
  let copied: Copied;
  try {
    copied = copyTo(system, core, to, progress);
  } finally {
    progress.end();
    core.close();
  }
  const { written, unreadable } = copied;
  if (verbose) {
    const seconds = ((system.now() - started) / 1000).toFixed(1);
    system.say(`${TOOL}: ${escapeText(to)}: ${formatSize(written)} written for ${formatSize(memory)}, ${seconds} s`);
  }
  if (unreadable.length === 0) return EXIT.done;
  throw new Failure(from, `could not be read, and is zeros in the copy: ${formatRanges(unreadable)}`);
}

function copyTo(system: System, core: CoreFile, to: ByteString, progress: Progress): Copied {
  if (to === "console") {
    const text = new Base64((lines) => system.print(lines));
    text.begin(TOOL);
    const copied = copyToStream(system, core, (bytes) => text.add(bytes), progress);
    text.end();
    return copied;
  }
  if (to !== "-") return copyDump(system, core, to, progress);
  system.refuseTerminal();
  return copyToStream(system, core, (bytes) => system.writeAll(STDOUT, bytes, "standard output"), progress);
}

/**
 * Where the running kernel's command line asks for the dump to go, once it is there; undefined where it does not ask.
 * @throws Failure where nobody can tell: the dump would be lost in silence
 */
export function findAskedPlace(system: System): ByteString | undefined {
  const line = system.text(system.mustReadFile("/proc/cmdline", 64 * 1024)).trimEnd();
  const to = wordsOfLine(line).findLast(({ name }) => name === PARAMETER)?.value;
  if (to === undefined || to === "") return undefined;
  if (to.startsWith("/dev/")) waitFor(system, to);
  return to;
}

/** Drivers find their disks in the background. */
function waitFor(system: System, device: ByteString): void {
  const isThere = (): boolean => typeof system.statusOfFile(device) !== "number";
  if (isThere()) return;
  system.say(`${TOOL}: ${escapeText(device)}: not there; waiting up to ${PATIENCE} s for it`);
  for (const end = system.now() + 1000 * PATIENCE; system.now() < end; system.sleep(200)) if (isThere()) return;
  throw new Failure(device, `no such device, ${PATIENCE} s after it was asked for by ${PARAMETER}=`);
}
