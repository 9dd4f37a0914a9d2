// The jump into what was loaded, without a command line.

import { loadRules } from "../arch/load-rules.ts";
import type { Jump } from "../kexec/copying.ts";
import { jump } from "../kexec/load.ts";
import type { System } from "../sys/system.ts";

export interface JumpRequest {
  /** What asks for it, for messages. */
  readonly option: string;
  readonly skipChecks: boolean;
  readonly unload: Jump["unload"];
  /** Gets what a person may want to know. */
  say(line: string): void;
}

/**
 * @returns the exit code, and only where an interrupt kept us from it: 128 + the signal's number
 * @throws Failure where nothing is loaded, or the kernel refuses
 */
export function jumpIntoLoaded(system: System, { option, skipChecks, unload, say }: JumpRequest): number {
  const findCopying = skipChecks ? undefined : loadRules[system.machine].findCopying;
  return jump(system, { option, unload, findCopying, say });
}
