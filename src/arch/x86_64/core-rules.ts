// What of a crashed x86-64 kernel's memory is where. Linux: Documentation/arch/x86/x86_64/mm.rst,
// arch/x86/kernel/crash.c (elf_header_exclude_ranges).

import { KEXEC_UPDATE_ELFCOREHDR } from "../../kexec/calls.ts";
import type { CoreRules } from "../arch.ts";
import { LOW_END } from "./e820.ts";

export const coreRules: CoreRules = {
  // Of 4 levels of page tables, where KASLR has not moved it.
  linear: () => 0xffff_8880_0000_0000n,
  isLinearFixed: false,
  // Linux 6.6 knows no other, and later ones know both.
  hotplugFlag: KEXEC_UPDATE_ELFCOREHDR,
  overwritten: { start: 0n, end: LOW_END, what: "what a BIOS and starting cpus use", isConstant: false },
};
