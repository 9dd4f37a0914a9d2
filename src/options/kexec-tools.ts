// Options of kexec-tools that have no work to do here: they ask for what is done anyway, or for what is not to be had.

import type { Option } from "../cli/applet.ts";

interface Foreign {
  readonly short?: string;
  readonly long: string;
  readonly also?: readonly string[];
  /** Whether a value follows. */
  readonly takesValue?: true;
  /** What is said to it; absent where it asks for what is done anyway. */
  readonly answer?: string;
  /** Whether that answer ends it: without what it asks for, another thing would be loaded. */
  readonly isRefused?: true;
}

const PURGATORY = "is for kexec-tools' purgatory, which prints before the kernel does: there is none here";
const KEXEC_JUMP = "is for a kernel that comes back (kexec jump), which is not done here";
const LIVE_UPDATE = "is for Xen, which is not known here";
const CRASH_HEADER = "is for 32-bit crash kernels: the ELF core header has 64 bits here";

const rows: readonly Foreign[] = [
  { short: "v", long: "version" },
  { short: "f", long: "force" },
  { short: "x", long: "no-ifdown" },
  { short: "c", long: "kexec-syscall" },
  // What the kernel is its bytes tell.
  { short: "t", long: "type", takesValue: true },
  { long: "dt-no-old-root" },
  { long: "args-linux" },
  { long: "elf64-core-headers" },
  {
    short: "y",
    long: "no-sync",
    answer: "asks to lose what is not written yet: the jump always syncs",
    isRefused: true,
  },
  { long: "reuseinitrd", answer: "asks for the running kernel's initrd, which --initrd FILE gives", isRefused: true },
  { long: "print-ckr-size", answer: "asks for the crash kernel's region: kexec -S prints it", isRefused: true },
  { long: "entry", takesValue: true, answer: "sets another entry: loadem -e does that", isRefused: true },
  { long: "module", takesValue: true, answer: "is for Multiboot kernels, which are not loaded here", isRefused: true },
  { long: "atags", answer: "is for 32-bit arm, which is not known here", isRefused: true },
  { long: "image-size", takesValue: true, answer: "is for 32-bit arm, which is not known here", isRefused: true },
  { long: "page-offset", takesValue: true, answer: "is for 32-bit arm, which is not known here", isRefused: true },
  { long: "gamecube", answer: "is for a GameCube, which is not known here", isRefused: true },
  {
    long: "reuse-node",
    takesValue: true,
    answer: "copies a node of the running tree: --dtb FILE and --set do that",
    isRefused: true,
  },
  { long: "elf32-core-headers", answer: CRASH_HEADER, isRefused: true },
  {
    long: "pass-memmap-cmdline",
    answer: "writes memmap= words: the zero page has the memory map here",
    isRefused: true,
  },
  { long: "noefi", answer: "is for EFI's runtime services, of which nothing is handed on here", isRefused: true },
  {
    long: "reuse-video-type",
    answer: "is for the screen, of which the zero page tells as the running kernel knows it",
    isRefused: true,
  },
  { long: "real-mode", answer: "enters a kernel in real mode: only the 64-bit entry is known here", isRefused: true },
  {
    long: "entry-32bit",
    answer: "enters a kernel in 32-bit mode: only the 64-bit entry is known here",
    isRefused: true,
  },
  { long: "args-elf", answer: "is for ELF programs that are no kernel: loadem loads anything", isRefused: true },
  { long: "args-none", answer: "is for ELF programs that are no kernel: loadem loads anything", isRefused: true },
  { long: "no-cma", answer: "is a flag of kexec_file_load" },
  { long: "force-dtb", answer: "is a flag of kexec_file_load", isRefused: true },
  { long: "serial", takesValue: true, answer: PURGATORY },
  { long: "serial-baud", takesValue: true, answer: PURGATORY },
  { long: "console-vga", answer: PURGATORY },
  { long: "console-serial", answer: PURGATORY },
  { long: "reset-vga", answer: PURGATORY },
  { long: "load-preserve-context", answer: KEXEC_JUMP, isRefused: true },
  { long: "load-jump-back-helper", takesValue: true, answer: KEXEC_JUMP, isRefused: true },
  { long: "load-live-update", answer: LIVE_UPDATE, isRefused: true },
  { long: "exec-live-update", answer: LIVE_UPDATE, isRefused: true },
];

/** All of them, for the parser. No manual has them. */
export function listForeign(): Option[] {
  return rows.map(({ short, long, takesValue }) => ({
    ...(short === undefined ? {} : { short }),
    long,
    ...(takesValue ? { value: "VALUE" } : {}),
    help: "",
  }));
}

/** What is said to that one, by its long name. */
export function answerOf(long: string): Pick<Foreign, "answer" | "isRefused"> {
  return rows.find((row) => row.long === long) ?? {};
}
