// Which calls a kernel has that was built without kexec, or without one of them: what is asked before a load, or where one fails.
// Apart from refusal.ts, which is packed: who loads does not unpack.

import { Failure } from "../failure.ts";
import type { System } from "../sys/system.ts";
import { hasCall, type LoadCall, NO_KEXEC_LOAD } from "./calls.ts";
import { readPermission } from "./permission.ts";
import { filesNotBuilt, type OtherWays, segmentsNotBuilt } from "./refusal.ts";

/** What `find` gives. Where it fails and the kernel has none of the calls that would load, that is told in its place. */
export function unlessNotBuilt<T>(system: System, ways: OtherWays, find: () => T): T {
  return unless(find, () => segmentsNotBuilt(system, ways));
}

/** The same for those who load by kexec_file_load(2). */
export function unlessFilesNotBuilt<T>(system: System, find: () => T): T {
  return unless(find, () => filesNotBuilt(system));
}

/** Why `kexec -a` asks kexec_file_load(2) at once; undefined where kexec_load(2) may be there, and where neither is. */
export function whyFilesAlone(system: System): string | undefined {
  const permission = readPermission(system);
  const has = (call: LoadCall) => hasCall(system, call, permission);
  return has("kexec_load") === false && has("kexec_file_load") === true ? NO_KEXEC_LOAD : undefined;
}

function unless<T>(find: () => T, tell: () => Failure | undefined): T {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw tell() ?? error;
  }
}
