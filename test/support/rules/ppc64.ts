// How the rules for ppc64 are broken, and what becomes of the machine. The small kernels speak from their first function on.

import { hex } from "../../../src/failure.ts";
import { type Broken, tell, type World } from "./broken.ts";
import { initrdBeyondLimit, type Machine, sharedFiles, sharedRules, treeFiles, treeRules } from "./shared.ts";

/** Of the next kernel, which looks for a tree before it does anything else. */
const NO_TREE = /^Kernel panic - not syncing: BUG: Failed verifying flat device tree, bad version\?$/;

/** It cannot be told from one that never had an initrd. */
const NO_INIT = /^Kernel panic - not syncing: No working init found\./;

/** As in the README of 2005. */
const PLACES = { stub: 0x500_0000, kernel: 0x600_0000, initrd: 0x900_0000 };

const machine: Machine = {
  name: "ppc64",
  number: 21,
  chain: 0x100,
  places: PLACES,
  free: 0xb00_0000,
  handsOver: "tree",
  other: { name: "arm64", number: 183, chain: "-c 0xf8" },
  withoutTree: NO_TREE,
  noInit: NO_INIT,
};

const BEHIND_MEMORY = 0x4000_0000;
/** Free memory beyond 256 MiB. */
const HIGH = 0x1800_0000;

const own: readonly Broken[] = [
  {
    rule: "memory",
    how: "an initrd behind the end of memory",
    words: ({ initrdSize }) => ({
      told: tell(BEHIND_MEMORY, initrdSize),
      initrd: `-a ${hex(BEHIND_MEMORY)} -f /initrd`,
    }),
    refusal: /segment 2 \(0x40000000-.*: not within the machine's memory 0x0-0x20000000$/,
    end: /^Kernel panic - not syncing: Attempted to kill the idle task!$/,
  },
  {
    rule: "memory",
    how: "a kernel behind the end of memory",
    words: ({ usual, addresses }) => ({ kernel: usual.kernel.replace(hex(addresses.kernel), hex(BEHIND_MEMORY)) }),
    refusal: /segment 1 \(0x40000000-.*: not within the machine's memory 0x0-0x20000000$/,
    end: "silence",
  },
  {
    rule: "form",
    how: "an ELF file as the kernel",
    words: ({ usual }) => ({ kernel: usual.kernel.replace("/vmlinux.kexec", "/bin/kexecbox") }),
    refusal: /: begins with an ELF header, not with code/,
    end: "silence",
  },
  {
    rule: "initrd",
    how: "told shorter than it is",
    words: ({ addresses, initrdSize }) => ({ told: tell(addresses.initrd, initrdSize - 0x1000) }),
    refusal: /: the tree tells of an initrd at .*, which ends within a file that goes on to/,
    end: NO_INIT,
  },
  {
    rule: "initrd",
    how: "told where the tree lies",
    words: ({ addresses }) => ({ told: tell(addresses.stub, 0x1_0000) }),
    refusal: /: lies over the initrd that the tree tells of/,
    end: /^Kernel panic - not syncing: Attempted to kill init!/,
  },
];

const pseries: World = {
  name: "on pseries",
  choices: { target: "ppc64le", cpu: "POWER9" },
  places: PLACES,
  files: ({ initrd }) => [...sharedFiles(machine), ...treeFiles(machine, initrd)],
  broken: [
    {
      rule: "taken",
      how: "a page over RTAS",
      words: () => ({ others: "-a 0x1fff0000 -f /page" }),
      refusal: /lies over 0x1fff0000-0x[0-9a-f]+, which is taken: RTAS$/,
      end: / do_enter_rtas\+/,
    },
    {
      rule: "memory-limit",
      ...initrdBeyondLimit(HIGH),
      refusal: /segment 2 .*: by mem= the next kernel maps nothing from 0x10000000 on, and its initrd would be lost: /,
      end: /^BUG: Unable to handle kernel data access/,
    },
    ...sharedRules(machine),
    ...treeRules(machine),
    ...own,
  ],
  sound: [
    {
      how: "a tree in memory that mem= takes away",
      words: ({ usual, addresses }) => ({
        argument: HIGH + 0x100,
        append: "mem=256M",
        stub: usual.stub.replace(hex(addresses.stub), hex(HIGH)),
      }),
    },
    {
      how: "a tree that does not reserve its own memory",
      words: ({ usual }) => ({ argument: usual.argument + 0x300_0000 }),
    },
  ],
};

/** Behind the end of a small kernel of little endian, and where one of big endian, which is larger, copies itself to. */
const BETWEEN = 0x47_0000;

const copyDown: World = {
  name: "on pseries, with a next kernel that is larger than the first",
  choices: { target: "ppc64le", cpu: "POWER9", nextKernel: "small-ppc64" },
  places: PLACES,
  broken: [
    {
      rule: "copy-down",
      how: "an initrd where the kernel copies itself to",
      words: ({ initrdSize }) => ({ told: tell(BETWEEN, initrdSize), initrd: `-a ${hex(BETWEEN)} -f /initrd` }),
      refusal: /segment 2 .*: the kernel in segment 1 .* copies itself to 0x0-0x5[0-9a-f]{5},.* over this segment$/,
      end: /^Initramfs unpacking failed: /,
    },
  ],
};

const REGION = { start: 0x800_0000, size: 0x800_0000 };
const IN_REGION = 0xf00_0000;

const crash: World = {
  name: "on pseries, a crash kernel's",
  choices: { target: "ppc64le", cpu: "POWER9" },
  // The initrd last, so that a tree can leave its memory out.
  places: { stub: 0xc00_0000, kernel: REGION.start, initrd: IN_REGION },
  append: `crashkernel=${hex(REGION.size)}@${hex(REGION.start)}`,
  crash: true,
  // The second one of these tells where the running kernel ends.
  asks: ["cat /proc/iomem", "loadem -n -r 0x10000 -a 0x10000 -e -f /bin/kexecbox"],
  usual: ({ usual }) => ({
    more: `--usable ${hex(REGION.start)},${hex(REGION.size)}`,
    kernel: `${usual.kernel} --poke 0x5c=1`,
  }),
  broken: [
    {
      rule: "copy-down",
      how: "a kernel that does not stay in its region",
      words: ({ usual }) => ({ kernel: usual.kernel.replace(" --poke 0x5c=1", "") }),
      refusal: /: a crash kernel must stay where it is/,
      end: /: starts below 0x[0-9a-f]{6}, where the running kernel ends$/,
    },
    {
      rule: "crash-memory",
      how: "a tree of all memory",
      words: () => ({ more: "" }),
      refusal: /: by its tree the crash kernel takes 0x10000-0x8000000 0x10000000-0x[0-9a-f]+ for its own/,
      end: /^00000000-1fffffff : System RAM$/,
    },
    {
      rule: "crash-memory",
      how: "a tree without the initrd's memory",
      words: () => ({ more: `--usable ${hex(REGION.start)},${hex(IN_REGION - REGION.start)}` }),
      refusal: /: the crash kernel has by its tree only/,
      end: /^BUG: Unable to handle kernel data access on read at 0xc00000000f/,
    },
  ],
};

const powernv: World = {
  name: "on powernv9",
  choices: { target: "ppc64le", small: false, board: "powernv9", cpu: "POWER9" },
  places: PLACES,
  isUnkept: true,
  broken: [
    {
      rule: "taken",
      how: "a page over OPAL",
      words: () => ({ others: "-a 0x30000000 -f /page" }),
      refusal: /lies over 0x30000000-0x[0-9a-f]+, which is taken: OPAL$/,
      end: "silence",
    },
  ],
};

export const worlds: readonly World[] = [pseries, copyDown, crash, powernv];
