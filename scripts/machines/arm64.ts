// arm64, in qemu's virt machine.

import { type MemoryRange, max, roundUp } from "../../src/range.ts";
import { EM_AARCH64 } from "../../src/sys/abi.ts";
import { arm64Image } from "../kernel-image.ts";
import {
  AS_IT_IS,
  BOOKWORM,
  BUN_MEMORY,
  type Load,
  type Machine,
  MIB,
  NEWEST,
  NO_END,
  OLDEST,
  STABLE,
  type Toolchain,
} from "./machine.ts";

const tools = {
  prefix: "aarch64-linux-gnu-",
  compiler: "gcc-aarch64-linux-gnu",
  native: "arm64",
  emulator: "qemu-aarch64",
  musl: "aarch64-linux-musl",
  uname: "aarch64",
  abi: ["-fno-pie"],
  compact: ["-mno-outline-atomics"],
  // A long double, of which printf is made, has 128 bits there, and no instructions.
  libgcc: "libgcc.a",
} as const satisfies Toolchain;

const boot = { kernel: "stock-arm64", smallKernel: "stock-arm64", memory: 512, smallMemory: 512 } as const;

const GRANULE = 2n * MIB;
const MEMORY = 0x40000000n;
/** Where qemu puts the initrd, and then its tree. */
const INITRD = MEMORY + 128n * MIB;

/**
 * After the first kernel, which qemu puts at 2 MiB, and after what that takes for a GICv3's tables. Not where the initrd
 * and the tree are; UEFI has those at the end of memory.
 */
function free({ uefi, first, carried }: Load): MemoryRange[] {
  const low = max(MEMORY + 94n * MIB, MEMORY + GRANULE + first);
  if (uefi) return [{ start: low, end: NO_END }];
  const high = INITRD + roundUp(carried, GRANULE) + 2n * GRANULE;
  return [...(low < INITRD ? [{ start: low, end: INITRD }] : []), { start: max(low, high), end: NO_END }];
}

const stock = { architecture: "arm64", flavour: "cloud-arm64" } as const;

export const arm64 = {
  name: "arm64",
  elfMachine: EM_AARCH64,
  largestPage: 0x10000,
  tools,
  stubs: {
    embedded: ["wrap.S"],
    assembler: [],
    payload: ["-mgeneral-regs-only", "-mstrict-align", "-fpie", "-no-pie"],
  },
  guest: {
    emulator: { package: "qemu-system-arm", program: "qemu-system-aarch64" },
    firmware: { package: "qemu-efi-aarch64", file: "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd" },
    // Without firmware qemu itself starts the kernel, with a device tree.
    words: ["virt"],
    cpu: "cortex-a72",
    models: "cortex-a72 (default), max",
    options: "virtualization=on (starts at EL2), gic-version=3",
    console: "ttyAMA0",
    uefi: true,
    memoryStart: MEMORY,
    direct: AS_IT_IS,
    gdb: ["set architecture aarch64"],
  },
  firstImage: arm64Image,
  nextImage: arm64Image,
  layout: { granule: GRANULE, order: ["stub", "kernel", "initrd"], free },
  stockKernels: {
    "stock-arm64": { ...stock, suites: [BOOKWORM] },
    "oldest-arm64": { ...stock, suites: OLDEST },
    "stable-arm64": { ...stock, suites: STABLE },
    "newest-arm64": { ...stock, suites: NEWEST },
  },
  smallKernels: {},
  small: { "arm64-small": { tools, endian: "little", ...boot } },
  bun: {
    ...boot,
    ...BUN_MEMORY,
    target: "arm64",
    package: "@oven/bun-linux-aarch64",
    architecture: "arm64",
    triplet: "aarch64-linux-gnu",
    loader: "ld-linux-aarch64.so.1",
    gather: ["-mcmodel=tiny", "-fno-pie"],
  },
} as const satisfies Machine;
