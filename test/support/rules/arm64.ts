// How the rules for arm64 are broken, and what becomes of the machine.

import { builtInStub } from "../../../src/arch/stubs.ts";
import { hex } from "../../../src/failure.ts";
import { roundUp } from "../../../src/range.ts";
import { present } from "../present.ts";
import { file, type Needs, tell, type World } from "./broken.ts";

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

const plain: World = {
  name: "on virt",
  choices: virt,
  places: PLACES,
  files: ({ kernel, initrd }) => {
    const stub = builtInStub("-w", "arm64");
    return [
      file("stub.start", stub.subarray(0, 2)),
      file("stub.rest", stub.subarray(2)),
      file("stub.ppc64", builtInStub("-w", "ppc64")),
      file("initrd.half", initrd.subarray(0, initrd.length / 2)),
      // The first of it are enough.
      file("kernel.gz", Bun.gzipSync(Buffer.from(kernel.subarray(0, 0x10_0000)))),
    ];
  },
  broken: [
    {
      rule: "memory",
      how: "a page behind the end of memory",
      words: () => ({ others: `-a ${hex(BEHIND_MEMORY)} -f /page` }),
      refusal: /segment 3 \(0x70000000-.*: not within the machine's memory 0x40000000-0x60000000$/,
      end: "silence",
    },
    {
      rule: "entry",
      how: "none",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -e", "") }),
      refusal: /: entry: none is set/,
      end: "silence",
    },
    {
      rule: "entry",
      how: "at the end of a segment",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -e", ""), others: `-a ${hex(FREE)} -f /page -e` }),
      refusal: /: entry 0x50010000: lies in no segment$/,
      end: "silence",
    },
    {
      rule: "entry-alignment",
      how: "two bytes behind the stub's first",
      words: ({ addresses }) => ({ stub: `-a ${hex(addresses.stub)} -f /stub.start -e -f /stub.rest -s` }),
      refusal: /: entry 0x45e00002: is not a multiple of 4$/,
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
      rule: "stub-machine",
      how: "ppc64's",
      words: ({ usual }) => ({
        stub: usual.stub.replace("-w", "-f /stub.ppc64"),
        kernel: usual.kernel.replace("-c 0xf8", "-c 0x100 --endian=big"),
      }),
      refusal: /: the ppc64 stub is entered, but this machine is 183, not 21$/,
      end: "silence",
    },
    {
      rule: "stub-order",
      how: "the tree before the stub",
      words: ({ addresses }) => ({ stub: `-a ${hex(addresses.stub)} -s -e -w` }),
      refusal: /lies behind what it hands over/,
      end: "silence",
    },
    {
      rule: "stub-entry",
      how: "the kernel is entered",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -e", ""), kernel: usual.kernel.replace(" -c", " -e -c") }),
      refusal: /is entered itself, not by the stub/,
      end: "silence",
    },
    {
      rule: "tree",
      how: "in a segment of its own",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -s", ""), others: `-a ${hex(FREE)} -s` }),
      refusal: /: no device tree blob at 0x45e00100, after the 0x100 bytes of the stub$/,
      end: "silence",
    },
    {
      rule: "stub-kernel",
      how: "not told",
      words: ({ usual }) => ({ kernel: usual.kernel.replace("-c 0xf8 ", "") }),
      refusal: /: the stub does not know its kernel/,
      end: "silence",
    },
    {
      rule: "initrd",
      how: "in no segment",
      words: () => ({ initrd: "" }),
      refusal: /: the tree tells of an initrd at .*, which no segment holds/,
      end: NO_INIT,
    },
    {
      rule: "initrd",
      how: "half of it loaded",
      words: ({ usual }) => ({ initrd: usual.initrd.replace("/initrd", "/initrd.half") }),
      refusal: /: the tree tells of an initrd at .*, of which .* is not loaded/,
      end: NO_INIT,
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
      how: "4 KiB behind a multiple of 2 MiB",
      words: ({ usual, addresses }) => ({
        kernel: usual.kernel.replace(hex(addresses.kernel), hex(FREE + 0x1000)),
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
    {
      how: "an initrd in memory that mem= takes away, which Linux maps or moves all the same",
      words: ({ initrdSize, bootargs }) => ({
        told: tell(HIGH, initrdSize),
        more: `-B '${bootargs} mem=256M'`,
        initrd: `-a ${hex(HIGH)} -f /initrd`,
      }),
    },
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
