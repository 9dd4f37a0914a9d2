// The next kernel's command line, made of the running one's.

import { Failure } from "../failure.ts";
import { parametersOf } from "../kexec/parameters.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

/** Where the running kernel shows its own. */
const COMMAND_LINE = "/proc/cmdline";

/** A boot loader's word on the file that it started: of the next kernel it would be wrong. */
const OF_ITS_LOADER = "BOOT_IMAGE";

/** Of a crash kernel: where the header of that crash was. */
const OF_THE_CRASH = "elfcorehdr";

/** Of a crash kernel: it would set aside the memory that it runs in. */
const OF_THE_CRASHED = "crashkernel";

/**
 * @param option what says another, for the message
 * @throws Failure where it cannot be read
 */
export function readCommandLine(system: System, option: string): ByteString {
  const bytes = system.readIfThere(COMMAND_LINE);
  if (bytes === undefined) throw new Failure(COMMAND_LINE, `cannot be read: ${option} TEXT says the command line`);
  return system.text(bytes).replace(/\n$/, "");
}

/** The running kernel's, without what was meant for it alone. */
export function reuseCommandLine(system: System, crash: boolean): ByteString {
  const dropped = [OF_ITS_LOADER, OF_THE_CRASH, ...(crash ? [OF_THE_CRASHED] : [])];
  return parametersOf(readCommandLine(system, "--append"))
    .filter((word) => !dropped.includes(word.replace(/=.*/s, "")))
    .join(" ");
}
