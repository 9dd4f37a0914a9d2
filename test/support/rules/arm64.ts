// How the rules for arm64 are broken, and what becomes of the machine.

import { hex } from "../../../src/failure.ts";
import { roundUp } from "../../../src/range.ts";
import { present } from "../present.ts";
import { type Needs, tell, type World } from "./broken.ts";
import {
  initrdBeyondLimit,
  type Machine,
  packedKernel,
  sharedFiles,
  sharedRules,
  treeFiles,
  treeRules,
} from "./shared.ts";

/** From the first line on. */
const EARLY_CONSOLE = "earlycon=pl011,mmio32,0x9000000";

/** It cannot be told from one that never had an initrd. */
const NO_INIT = /Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block\(0,0\)$/;

const virt = { target: "arm64-small", cpu: "cortex-a72", append: EARLY_CONSOLE } as const;

/** Below what the emulator loads for the first kernel. */
const PLACES = { stub: 0x45e0_0000, kernel: 0x4600_0000, initrd: 0x47c0_0000 };

const BEHIND_MEMORY = 0x7000_0000;
/** Free: neither the first kernel nor the emulator has put anything there. */
const FREE = 0x5000_0000;
/** The same beyond the first 256 MiB. */
const HIGH = 0x5400_0000;

const machine: Machine = {
  name: "arm64",
  number: 183,
  chain: 0xf8,
  places: PLACES,
  free: FREE,
  handsOver: "tree",
  other: { name: "ppc64", number: 21, chain: "-c 0x100 --endian=big" },
  withoutTree: "silence",
  noInit: NO_INIT,
};

const plain: World = {
  name: "on virt",
  choices: virt,
  places: PLACES,
  files: ({ kernel, initrd }) => [...sharedFiles(machine), ...treeFiles(machine, initrd), packedKernel(kernel)],
  broken: [
    ...sharedRules(machine),
    ...treeRules(machine),
    {
      rule: "memory",
      how: "a page behind the end of memory",
      words: () => ({ others: `-a ${hex(BEHIND_MEMORY)} -f /page` }),
      refusal: /segment 3 \(0x70000000-.*: not within the machine's memory 0x40000000-0x60000000$/,
      end: "silence",
    },
    {
      rule: "form",
      how: "a kernel that is still packed",
      words: ({ usual }) => ({ kernel: usual.kernel.replace("/vmlinux.kexec", "/kernel.gz") }),
      refusal: /: compressed with gzip/,
      end: "silence",
    },
    {
      rule: "tree-size",
      how: "more than 2 MiB",
      words: ({ usual, addresses }) => ({
        argument: FREE + 0x100,
        more: "--pad 2100000",
        stub: usual.stub.replace(hex(addresses.stub), hex(FREE)),
      }),
      refusal: /: the device tree blob has 0x[0-9a-f]+ bytes, and Linux maps no more than 0x200000 of one$/,
      end: "silence",
    },
    {
      rule: "image",
      // Then all of the first stack has the bit set by which the kernel knows that one has overflowed.
      how: "16 KiB behind a multiple of 2 MiB",
      words: ({ usual, addresses }) => ({
        kernel: usual.kernel.replace(hex(addresses.kernel), hex(FREE + 0x4000)),
      }),
      refusal: /: an arm64 Image has to begin at a multiple of 0x200000$/,
      end: /: kernel stack overflow$/,
    },
    {
      rule: "image",
      how: "an initrd in the memory behind its bytes",
      words: ({ usual, addresses, initrdSize, kernelSize }) => {
        const end = Number(roundUp(BigInt(addresses.kernel + kernelSize), 0x1_0000n));
        return {
          told: tell(end, initrdSize),
          kernel: usual.kernel.replace(/ -z .*/, ""),
          initrd: `-a ${hex(end)} -f /initrd`,
        };
      },
      refusal: /: the kernel takes 0x46000000-0x[0-9a-f]+ \(image_size\): over this segment$/,
      end: /Initramfs unpacking failed: /,
    },
  ],
  sound: [
    { how: "a tree that does not reserve its own memory", words: () => ({ argument: FREE }) },
    initrdBeyondLimit(HIGH),
  ],
};

/** Where the first kernel put the tables that it gave to the interrupt controller. */
function tablesOf({ learned }: Needs): number {
  return Number(present(learned.map((line) => /^fs2dt: reserves (0x[0-9a-f]+)-/.exec(line)?.[1]).find(Boolean)));
}

const gic: World = {
  name: "on virt with a GICv3",
  choices: { ...virt, machine: ["gic-version=3"] },
  places: PLACES,
  learns: "fs2dt -v -b 0x50000100 /proc/device-tree > /dev/null",
  broken: [
    {
      rule: "taken",
      how: "an initrd over the interrupt controller's tables, which are the next kernel's too",
      words: (needs) => ({
        told: tell(tablesOf(needs), needs.initrdSize),
        initrd: `-a ${hex(tablesOf(needs))} -f /initrd`,
      }),
      refusal:
        /segment 2 .*: lies over 0x[0-9a-f]+-0x[0-9a-f]+, which is taken: an LPI table of the interrupt controller$/,
      end: /Initramfs unpacking failed: /,
    },
  ],
};

const REGION = { start: 0x6000_0000, size: 0x1000_0000 };
const TREE = 0x6400_0000;

const crash: World = {
  name: "on virt, a crash kernel's",
  choices: { ...virt, memory: 1024 },
  places: { stub: TREE, kernel: REGION.start, initrd: 0x6e00_0000 },
  append: `crashkernel=${hex(REGION.size)}@${hex(REGION.start)}`,
  crash: true,
  asks: ["cat /proc/iomem"],
  usual: () => ({ more: `--usable ${hex(REGION.start)},${hex(REGION.size)}` }),
  broken: [
    {
      rule: "crash-memory",
      how: "a tree of all memory",
      words: () => ({ more: "" }),
      refusal: /: by its tree the crash kernel takes 0x40000000-0x60000000 0x70000000-0x80000000 for its own/,
      end: /^40000000-7fffffff : System RAM$/,
    },
    {
      rule: "crash-memory",
      how: "a tree without the kernel's memory",
      words: () => ({ more: `--usable ${hex(TREE)},${hex(REGION.start + REGION.size - TREE)}` }),
      refusal: /segment 1 .*: the crash kernel has by its tree only 0x64000000-0x70000000/,
      end: /Unable to handle kernel paging request at/,
    },
  ],
  sound: [
    {
      how: "a tree without its own memory, and without the initrd's",
      words: () => ({ more: `--usable ${hex(REGION.start)},${hex(TREE - REGION.start)}` }),
    },
  ],
};

export const worlds: readonly World[] = [plain, gic, crash];
