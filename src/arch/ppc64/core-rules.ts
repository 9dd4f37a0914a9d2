// What of a crashed ppc64 kernel's memory is where. Linux: arch/powerpc/include/asm/page.h (PAGE_OFFSET),
// arch/powerpc/kexec/ranges.c (get_crash_memory_ranges).

import { KEXEC_CRASH_HOTPLUG_SUPPORT } from "../../kexec/calls.ts";
import { readChosenNumber, UnreadTree } from "../../kexec/live-tree.ts";
import type { CoreRules } from "../arch.ts";

export const coreRules: CoreRules = {
  linear: () => 0xc000_0000_0000_0000n,
  isLinearFixed: true,
  // The crash kernel copies its own vectors there, and kexec-tools' purgatory has that memory saved by then.
  overwritten: { start: 0n, end: 0x10000n, what: "the exception vectors", isConstant: true },
  hotplugFlag: KEXEC_CRASH_HOTPLUG_SUPPORT,
  limit: (system) => readChosenNumber(new UnreadTree(system), "linux,memory-limit"),
};
