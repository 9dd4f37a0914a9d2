// arm64, in qemu's virt machine.

import { max, rangeOfSize, roundUp } from "../../src/range.ts";
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
  OLDEST,
  type Room,
  STABLE,
  type Toolchain,
} from "./machine.ts";

const tools = {
  prefix: "aarch64-linux-gnu-",
  compiler: "gcc-aarch64-linux-gnu",
  libc: "libc6-dev-arm64-cross",
  native: "arm64",
  emulator: "qemu-aarch64",
  musl: "aarch64-linux-musl",
  uname: "aarch64",
  abi: ["-fno-pie"],
  compact: ["-mno-outline-atomics"],
  pie: false,
  // A long double, of which printf is made, has 128 bits there, and no instructions.
  libgcc: "libgcc.a",
} as const satisfies Toolchain;

const boot = { kernel: "stock-arm64", smallKernel: "stock-arm64", memory: 512, smallMemory: 512 } as const;

const GRANULE = 2n * MIB;
const MEMORY = 0x40000000n;
/** Where qemu puts the initrd, and then its tree. */
const INITRD = MEMORY + 128n * MIB;

function findRoom({ uefi, memory, first, carried }: Load): Room {
  // qemu puts the kernel at 2 MiB.
  const low = { start: MEMORY, end: max(MEMORY + 94n * MIB, MEMORY + GRANULE + first) };
  // UEFI has these at the end of memory.
  const boot = { start: INITRD, end: INITRD + roundUp(carried, GRANULE) + 2n * GRANULE };
  return {
    memory: [rangeOfSize(MEMORY, memory)],
    taken: [
      { ...low, name: "the first kernel, and what it takes for a GICv3's tables" },
      ...(uefi ? [] : [{ ...boot, name: "the first kernel's initrd and its tree" }]),
    ],
  };
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
    nmi: false,
    direct: AS_IT_IS,
    gdb: ["set architecture aarch64"],
  },
  firstImage: arm64Image,
  nextImage: arm64Image,
  findRoom,
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
    native: ["-mcmodel=tiny", "-fno-pie"],
  },
} as const satisfies Machine;
