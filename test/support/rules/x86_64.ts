// How the rules for x86-64 are broken, and what becomes of the machine.

import { builtInStub } from "../../../src/arch/stubs.ts";
import { hex } from "../../../src/failure.ts";
import { file, tell, type World } from "./broken.ts";

/** From the first line on. */
const EARLY_CONSOLE = "earlyprintk=ttyS0";

/** It cannot be told from one that never had an initrd. */
const NO_INIT = /Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block\(0,0\)$/;

const BEHIND_MEMORY = 0x4000_0000;
const FREE = 0x600_0000;

const q35: World = {
  name: "on q35",
  choices: { target: "x64-small", cpu: "max", small: false },
  nextAppend: EARLY_CONSOLE,
  first: ["zeropage --kernel /bzImage > /vmlinux.kexec"],
  files: () => [file("stub.ppc64", builtInStub("-w", "ppc64"))],
  broken: [
    {
      rule: "memory",
      how: "a kernel behind the end of memory",
      words: ({ usual, addresses }) => ({ kernel: usual.kernel.replace(hex(addresses.kernel), hex(BEHIND_MEMORY)) }),
      refusal: /segment 1 \(0x40000000-.*: not within the machine's memory 0x1000-0x9fc00 0x100000-0x1ffe0000$/,
      end: "silence",
    },
    {
      rule: "memory",
      how: "pages over the firmware's tables, which are no memory",
      words: () => ({ others: "-a 0x1ffe0000 -f /page -f /page" }),
      refusal: /segment 3 \(0x1ffe0000-.*: not within the machine's memory 0x1000-0x9fc00 0x100000-0x1ffe0000$/,
      end: / APIC: ACPI MADT or MP tables are not detected$/,
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
      refusal: /: entry 0x6010000: lies in no segment$/,
      end: "silence",
    },
    {
      rule: "form",
      how: "the bzImage as it is",
      words: ({ usual }) => ({ kernel: usual.kernel.replace("/vmlinux.kexec", "/bzImage") }),
      refusal: /: is a whole bzImage, with code for real mode at its start/,
      end: "silence",
    },
    {
      rule: "stub-machine",
      how: "ppc64's",
      words: ({ usual }) => ({
        stub: usual.stub.replace("-w", "-f /stub.ppc64"),
        kernel: usual.kernel.replace("-c 0xf8", "-c 0x100 --endian=big"),
      }),
      refusal: /: the ppc64 stub is entered, but this machine is 62, not 21$/,
      end: "silence",
    },
    {
      rule: "stub-order",
      how: "the zero page before the stub",
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
      rule: "stub-kernel",
      how: "not told",
      words: ({ usual }) => ({ kernel: usual.kernel.replace("-c 0xf8 ", "") }),
      refusal: /: the stub does not know its kernel/,
      end: "silence",
    },
    {
      rule: "zero-page",
      how: "in a segment of its own",
      words: ({ usual }) => ({ stub: usual.stub.replace(" -s", ""), others: `-a ${hex(FREE)} -s` }),
      refusal: /: no zero page at 0x[0-9a-f]+100, after the 0x100 bytes of the stub/,
      end: "silence",
    },
    {
      rule: "zero-page",
      how: "made for another address",
      words: () => ({ argument: FREE + 0x100 }),
      refusal: /: its command line is expected at 0x6001100, outside this segment/,
      end: "silence",
    },
    {
      rule: "zero-page",
      how: "an initrd in no segment",
      words: () => ({ initrd: "" }),
      refusal: /: the zero page tells of an initrd at .*, which no segment holds/,
      end: NO_INIT,
    },
    {
      rule: "zero-page",
      how: "an initrd where the kernel unpacks itself",
      words: ({ usual, addresses, initrdSize }) => {
        const start = addresses.kernel + 0x280_0000;
        return {
          told: tell(start, initrdSize),
          kernel: usual.kernel.replace(/ -z .*/, ""),
          initrd: `-a ${hex(start)} -f /initrd`,
        };
      },
      refusal: /: the kernel uses 0x1000000-0x[0-9a-f]+ \(init_size\): over this segment$/,
      end: /Initramfs unpacking failed: /,
    },
  ],
};

const REGION = { start: 0x400_0000, size: 0x800_0000 };
const CRASH = { stub: 0xa00_0000, initrd: 0xa10_0000 };

const crash: World = {
  name: "on q35, a crash kernel's",
  choices: { target: "x64-small", cpu: "max", small: false },
  append: `crashkernel=${hex(REGION.size)}@${hex(REGION.start)} nokaslr`,
  nextAppend: EARLY_CONSOLE,
  first: ["zeropage --kernel /bzImage > /vmlinux.kexec"],
  crash: true,
  asks: ["cat /proc/iomem"],
  usual: ({ usual, addresses, initrdSize }) => ({
    argument: CRASH.stub + 0x100,
    told: tell(CRASH.initrd, initrdSize),
    more: `--usable ${hex(REGION.start)},${hex(REGION.size)}`,
    stub: usual.stub.replace(hex(addresses.stub), hex(CRASH.stub)),
    kernel: usual.kernel.replace(hex(addresses.kernel), hex(REGION.start)),
    initrd: usual.initrd.replace(hex(addresses.initrd), hex(CRASH.initrd)),
  }),
  broken: [
    {
      rule: "crash-memory",
      how: "a map of all memory",
      words: () => ({ more: "" }),
      refusal: /: by its zero page the crash kernel takes 0x100000-0x4000000 0xc000000-0x1ffe0000 for its own/,
      end: /^0a[0-9a-f]{6}-1ffdffff : System RAM$/,
    },
  ],
};

export const worlds: readonly World[] = [q35, crash];
