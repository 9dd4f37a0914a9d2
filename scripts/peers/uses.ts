// What people type wrong at kexec, and what is odd without being wrong: lines of a shell, the same for every program.

import type { PeerName } from "./releases.ts";

export interface Use {
  /** As the page calls it. */
  readonly what: string;
  /** The arguments of kexec. */
  readonly args: string;
  /** Whether someone types it who is not root. */
  readonly asNobody?: true;
  /** Lines before it; what they change, later uses find changed. */
  readonly before?: readonly string[];
}

/** Files that a guest has for these lines, besides /vmlinuz, /initrd and /foreign, which is another machine's kernel. */
export const PREPARATION: readonly string[] = [
  "busybox gzip -c /vmlinuz > /vmlinuz.gz",
  "busybox head -c 1000000 /vmlinuz > /half",
  "busybox head -c 65536 /dev/urandom > /garbage",
  ": > /empty",
  // No block of it is there.
  "busybox truncate -s 700M /large",
];

const WHOLE = "--initrd=/initrd --append=quiet";

export const USES: readonly Use[] = [
  { what: "no kernel", args: "-l" },
  { what: "a kernel that is not there", args: `-l /nowhere ${WHOLE}` },
  { what: "an initrd that is not there", args: "-l /vmlinuz --initrd=/nowhere --append=quiet" },
  { what: "not root", args: `-l /vmlinuz ${WHOLE}`, asNobody: true },
  { what: "a kernel packed by gzip", args: `-l /vmlinuz.gz ${WHOLE}` },
  { what: "an initrd that is more than half of the memory", args: "-l /vmlinuz --initrd=/large --append=quiet" },
  { what: "an empty initrd", args: "-l /vmlinuz --initrd=/empty --append=quiet" },
  { what: "noise for a kernel", args: `-l /garbage ${WHOLE}` },
  { what: "the initrd for a kernel", args: `-l /initrd ${WHOLE}` },
  { what: "a kernel that is cut off", args: `-l /half ${WHOLE}` },
  { what: "another machine's kernel", args: `-l /foreign ${WHOLE}` },
  { what: "a jump with nothing loaded", args: "-e" },
  { what: "a misspelt option", args: "-l /vmlinuz --intird=/initrd --append=quiet" },
  { what: "a bound that is no number", args: `-l /vmlinuz ${WHOLE} --mem-max=64Q` },
  { what: "a bound that leaves no room", args: `-l /vmlinuz ${WHOLE} --mem-max=0x100000` },
  { what: "a crash kernel without crashkernel=", args: `-p /vmlinuz ${WHOLE}` },
  { what: "a command line that is too long", args: `-l /vmlinuz --initrd=/initrd --append="$(busybox seq 1000)"` },
  {
    what: "loading was switched off",
    args: `-l /vmlinuz ${WHOLE}`,
    before: ["echo 1 > /proc/sys/kernel/kexec_load_disabled"],
  },
];

/** A kernel that the machine cannot run. */
export const FOREIGN = { ppc64: "stock-x64", arm64: "stock-x64", x86_64: "stock-arm64" } as const satisfies Record<
  PeerName,
  string
>;
