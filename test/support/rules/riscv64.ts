// How the rules for riscv64 are broken, and what becomes of the machine.

import { hex } from "../../../src/failure.ts";
import { roundUp } from "../../../src/range.ts";
import { file, tell, type World } from "./broken.ts";
import { halfInitrd, halfOf, missingInitrd, packedKernel } from "./shared.ts";

/** It cannot be told from one that never had an initrd. */
const NO_INIT = /Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block\(0,0\)$/;

const virt = { target: "riscv64", cpu: "rv64", append: "earlycon=sbi" } as const;

/** Between the first kernel and its initrd. */
const PLACES = { stub: 0x83e0_0000, kernel: 0x8400_0000, initrd: 0x8600_0000 };

const BEHIND_MEMORY = 0xb000_0000;
/** Free: neither the first kernel nor the emulator has put anything there. */
const FREE = 0x9000_0000;
/** The last page before a multiple of 4 MiB less: what lies there leaves a kernel's two large pages for its tree. */
const NEARLY_TWO_MIB_UP = FREE + 0x1f_0000;

const plain: World = {
  name: "on virt",
  choices: virt,
  places: PLACES,
  files: ({ kernel, initrd }) => [
    // A header that tells of 4 KiB.
    file("tree.cut", Buffer.from("d00dfeed00001000000000380000003800000028000000110000001000000000", "hex")),
    halfOf(initrd),
    packedKernel(kernel),
  ],
  broken: [
    {
      rule: "entry",
      how: "none",
      words: ({ usual }) => ({ kernel: usual.kernel.replace(" -e", "") }),
      refusal: /: entry: none is set/,
      end: "silence",
    },
    {
      rule: "entry",
      how: "at the end of a segment",
      words: ({ usual }) => ({ kernel: usual.kernel.replace(" -e", ""), others: `-a ${hex(FREE)} -f /page -e` }),
      refusal: new RegExp(`: entry ${hex(FREE + 0x1_0000)}: lies in no segment$`),
      end: "silence",
    },
    {
      rule: "memory",
      how: "a kernel behind the end of memory",
      words: ({ usual, addresses }) => ({ kernel: usual.kernel.replace(hex(addresses.kernel), hex(BEHIND_MEMORY)) }),
      refusal: /segment 1 \(0xb0000000-.*: not within the machine's memory 0x80000000-0xa0000000$/,
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
      rule: "tree",
      how: "cut off",
      words: ({ usual }) => ({ stub: `${usual.stub.replace(" -s", "")} -f /tree.cut`, others: `-a ${hex(FREE)} -s` }),
      refusal: /: the device tree blob of 0x1000 bytes is cut off after 0x20$/,
      end: "silence",
    },
    {
      rule: "tree-size",
      how: "more than 2 MiB, up to the end of the second large page and beyond",
      words: ({ usual }) => ({
        argument: NEARLY_TWO_MIB_UP,
        more: "--pad 2200000",
        stub: usual.stub.replace(hex(PLACES.stub), hex(NEARLY_TWO_MIB_UP)),
      }),
      refusal: /: the device tree blob has 0x[0-9a-f]+ bytes, and Linux maps no more than 0x200000 of one$/,
      end: "silence",
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
      refusal: /: the kernel takes 0x84000000-0x[0-9a-f]+ \(image_size\): over this segment$/,
      end: NO_INIT,
    },
    {
      rule: "initrd-apart",
      how: "an initrd in the last large page of the kernel's memory, behind that",
      words: ({ addresses, initrdSize, bss, kernelSize }) => {
        const end = Number(roundUp(BigInt(addresses.kernel + kernelSize + bss), 0x1_0000n));
        return { told: tell(end, initrdSize), initrd: `-a ${hex(end)} -f /initrd` };
      },
      refusal: /: the kernel reserves 0x84000000-0x86000000 for itself, and takes no initrd from there$/,
      end: NO_INIT,
    },
    missingInitrd("tree", NO_INIT),
    halfInitrd(NO_INIT),
  ],
};

const REGION = { start: 0xa000_0000, size: 0x1000_0000 };
const TREE = 0xa400_0000;

const crash: World = {
  name: "on virt, a crash kernel's",
  choices: { ...virt, memory: 1024 },
  places: { stub: TREE, kernel: REGION.start, initrd: 0xae00_0000 },
  append: `crashkernel=${hex(REGION.size)}@${hex(REGION.start)}`,
  crash: true,
  asks: ["cat /proc/iomem"],
  usual: () => ({ more: `--usable ${hex(REGION.start)},${hex(REGION.size)}` }),
  broken: [
    {
      rule: "crash-memory",
      how: "a tree of all memory",
      words: () => ({ more: "" }),
      refusal: /: by its tree the crash kernel takes 0x80080000-0xa0000000 0xb0000000-0xc0000000 for its own/,
      end: /^80000000-bfffffff : System RAM$/,
    },
  ],
};

export const worlds: readonly World[] = [plain, crash];
