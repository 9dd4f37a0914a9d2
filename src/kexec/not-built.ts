// What is asked of the running machine before a load, which nothing can mend where the kernel was built without kexec.

import { Failure } from "../failure.ts";
import type { System } from "../sys/system.ts";
import { filesNotBuilt, type OtherWays, segmentsNotBuilt } from "./refusal.ts";

/** What `find` gives. Where it fails and the kernel has none of the calls that would load, that is told in its place. */
export function unlessNotBuilt<T>(system: System, ways: OtherWays, find: () => T): T {
  return unless(find, () => segmentsNotBuilt(system, ways));
}

/** The same for those who load by kexec_file_load(2). */
export function unlessFilesNotBuilt<T>(system: System, find: () => T): T {
  return unless(find, () => filesNotBuilt(system));
}

function unless<T>(find: () => T, tell: () => Failure | undefined): T {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw tell() ?? error;
  }
}
