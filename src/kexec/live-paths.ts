// Where the running machine's own tree is, and what is asked of it before, or without, a look at all that it holds.

import type { ByteString } from "../sys/engine.ts";
import { CWD, O_NONBLOCK, type System } from "../sys/system.ts";

/** The running machine's tree, where it has one. */
export const LIVE_TREE = "/proc/device-tree";

/** The blob that the running kernel was started with, as it was then: all there is of a tree where ACPI has the rest. */
export const LIVE_BLOB = "/sys/firmware/fdt";

/** Whether a path leads to the running machine's own tree, as a directory or as the blob that it was made of. */
export function isLiveTree(system: System, path: ByteString): boolean {
  const own = identityOf(system, path);
  return own !== undefined && [LIVE_TREE, LIVE_BLOB].some((each) => identityOf(system, each) === own);
}

/** By opening it: a name is not always looked up in the same place as what it leads to (qemu's user mode). */
function identityOf(system: System, path: ByteString): string | undefined {
  const descriptor = system.open(CWD, path, O_NONBLOCK);
  if (descriptor < 0) return undefined;
  const identity = system.identity(descriptor);
  system.close(descriptor);
  return typeof identity === "number" ? undefined : identity;
}
