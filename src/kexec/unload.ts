// Forgetting what was loaded, by either of the two calls.

import type { System } from "../sys/system.ts";
import { KEXEC_FILE_ON_CRASH, KEXEC_FILE_UNLOAD, loadFlags, NO_FILE, ownArch } from "./calls.ts";
import { readPermission } from "./permission.ts";
import { refusal, whyOtherCall } from "./refusal.ts";

/** By kexec_load(2). `isForLoad` tells whether something is to be loaded after it. */
export function unload(system: System, crash: boolean, isForLoad = false): void {
  const result = unloadSegments(system, crash);
  if (result < 0) throw refusal(system, { kind: "unload", call: "kexec_load", crash, isForLoad }, result);
}

/** By kexec_file_load(2), whatever call it was loaded by. Neither lockdown nor security modules forbid it. */
export function unloadFiles(system: System, crash: boolean): void {
  const flags = KEXEC_FILE_UNLOAD | (crash ? KEXEC_FILE_ON_CRASH : 0);
  const result = system.call("kexec_file_load", NO_FILE, NO_FILE, 0, null, flags);
  if (result < 0) throw refusal(system, { kind: "unload", call: "kexec_file_load", crash, isForLoad: false }, result);
}

/** By the first; by the other where that one is not there, or lockdown forbids it, which is said. */
export function unloadByEither(system: System, crash: boolean, say: (line: string) => void): void {
  const result = unloadSegments(system, crash);
  if (result >= 0) return;
  const why = whyOtherCall(result, readPermission(system), crash);
  if (why === undefined) throw refusal(system, { kind: "unload", call: "kexec_load", crash, isForLoad: false }, result);
  say(tellOtherCall(why));
  unloadFiles(system, crash);
}

export function tellOtherCall(why: string): string {
  return `${why}: kexec_file_load is asked in place of kexec_load`;
}

/** 0 or -errno. */
function unloadSegments(system: System, crash: boolean): number {
  return system.call("kexec_load", 0, 0, null, loadFlags(ownArch(system), crash));
}
