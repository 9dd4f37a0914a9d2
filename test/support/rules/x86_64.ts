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
/** The same beyond the first 256 MiB. */
const HIGH = 0x1800_0000;
const STUB = 0x440_0000;

/** The instruction at `from` that goes to `to`: jmp rel32. */
function jump(from: number, to: number): Uint8Array {
  const bytes = Buffer.from([0xe9, 0, 0, 0, 0]);
  bytes.writeInt32LE(to - (from + bytes.length), 1);
  return bytes;
}

const pc = { target: "x64-small", cpu: "max", small: false, append: EARLY_CONSOLE } as const;

const q35: World = {
  name: "on q35",
  choices: pc,
  places: { stub: STUB, kernel: 0x100_0000, initrd: 0x460_0000 },
  first: ["zeropage --kernel /bzImage > /vmlinux.kexec"],
  files: () => [
    file("stub.ppc64", builtInStub("-w", "ppc64")),
    file("odd", new Uint8Array(1)),
    file("jump", jump(FREE + 1, STUB)),
  ],
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
      refusal: /: no zero page at 0x4400100, after the 0x100 bytes of the stub/,
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
  sound: [
    {
      how: "an entry at an odd byte, and a kernel off its alignment",
      words: ({ usual, addresses, bss }) => ({
        stub: usual.stub.replace(" -e", ""),
        kernel: usual.kernel.replace(hex(addresses.kernel), "0x8001000").replace(hex(bss), hex(bss + 0x20_0000)),
        others: `-a ${hex(FREE)} -f /odd -e -f /jump`,
      }),
    },
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

const REGION = { start: 0x400_0000, size: 0x800_0000 };
const crash: World = {
  name: "on q35, a crash kernel's",
  choices: pc,
  places: { stub: 0xa00_0000, kernel: REGION.start, initrd: 0xa10_0000 },
  append: `crashkernel=${hex(REGION.size)}@${hex(REGION.start)} nokaslr`,
  first: ["zeropage --kernel /bzImage > /vmlinux.kexec"],
  crash: true,
  asks: ["cat /proc/iomem"],
  usual: () => ({ more: `--usable ${hex(REGION.start)},${hex(REGION.size)}` }),
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
