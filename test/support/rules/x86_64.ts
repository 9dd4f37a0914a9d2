// How the rules for x86-64 are broken, and what becomes of the machine.

import { hex } from "../../../src/failure.ts";
import { file, tell, type World } from "./broken.ts";
import { initrdBeyondLimit, type Machine, sharedFiles, sharedRules } from "./shared.ts";

/** From the first line on. */
const EARLY_CONSOLE = "earlyprintk=ttyS0";

/** It cannot be told from one that never had an initrd. */
const NO_INIT = /Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block\(0,0\)$/;

const BEHIND_MEMORY = 0x4000_0000;
const FREE = 0x600_0000;
/** The same beyond the first 256 MiB. */
const HIGH = 0x1800_0000;
const PLACES = { stub: 0x440_0000, kernel: 0x100_0000, initrd: 0x460_0000 };

const machine: Machine = {
  name: "x86_64",
  number: 62,
  chain: 0xf8,
  places: PLACES,
  free: FREE,
  handsOver: "zero page",
  other: { name: "ppc64", number: 21, chain: "-c 0x100 --endian=big" },
  withoutTree: "silence",
  noInit: NO_INIT,
};

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
  places: PLACES,
  first: ["zeropage --kernel /bzImage > /vmlinux.kexec"],
  files: () => [...sharedFiles(machine), file("odd", new Uint8Array(1)), file("jump", jump(FREE + 1, PLACES.stub))],
  broken: [
    ...sharedRules(machine),
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
      rule: "form",
      how: "the bzImage as it is",
      words: ({ usual }) => ({ kernel: usual.kernel.replace("/vmlinux.kexec", "/bzImage") }),
      refusal: /: is a whole bzImage, with code for real mode at its start/,
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
    initrdBeyondLimit(HIGH),
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
