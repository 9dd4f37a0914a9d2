// riscv64, in qemu's virt machine.

import { rangeOfSize, roundUp } from "../../src/range.ts";
import { EM_RISCV } from "../../src/sys/abi.ts";
import { riscv64Image } from "../kernel-image.ts";
import { type Load, type Machine, MIB, NEWEST, type Room, STABLE, type Toolchain } from "./machine.ts";

const tools = {
  prefix: "riscv64-linux-gnu-",
  compiler: "gcc-riscv64-linux-gnu",
  libc: "libc6-dev-riscv64-cross",
  native: undefined,
  emulator: "qemu-riscv64",
  musl: "riscv64-linux-musl",
  uname: "riscv64",
  abi: ["-fno-pie"],
  compact: [],
  // A level of recursion takes 4,400 bytes with what is fast elsewhere.
  interpreter: ["-DSMALL_FRAMES", "-fno-tree-sra"],
  pie: false,
  // A long double has 128 bits there, and no instructions.
  libgcc: "libgcc.a",
} as const satisfies Toolchain;

const GRANULE = 2n * MIB;
const MEMORY = 0x80000000n;
/** Where OpenSBI ends, and qemu puts the kernel. */
const KERNEL = MEMORY + GRANULE;

function findRoom({ memory, first, carried }: Load): Room {
  const half = memory / 2n < 128n * MIB ? memory / 2n : 128n * MIB;
  const initrd = rangeOfSize(KERNEL + half, roundUp(carried, GRANULE) + GRANULE);
  return {
    memory: [rangeOfSize(MEMORY, memory)],
    taken: [
      { start: MEMORY, end: KERNEL + first, name: "OpenSBI and the first kernel" },
      { ...initrd, name: "the first kernel's initrd" },
      { ...rangeOfSize(MEMORY + memory - GRANULE, GRANULE), name: "the first kernel's tree" },
    ],
  };
}

/** As qemu's own tree says it before OpenSBI has seen it: who it is, and what it keeps. */
const FIRMWARE = "/reserved-memory/mmode_resv0@80000000";

const stock = { architecture: "riscv64", flavour: "riscv64" } as const;

export const riscv64 = {
  name: "riscv64",
  elfMachine: EM_RISCV,
  largestPage: 0x1000,
  tools,
  stubs: {
    embedded: ["qemu-start.S"],
    assembler: [],
    payload: ["-mcmodel=medany", "-mstrict-align", "-msmall-data-limit=0", "-fpie", "-no-pie"],
  },
  guest: {
    emulator: { package: "qemu-system-misc", program: "qemu-system-riscv64" },
    firmware: { package: "opensbi", file: "/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin" },
    // OpenSBI starts the kernel.
    words: ["virt"],
    cpu: "rv64",
    models: "rv64 (default)",
    console: "ttyS0",
    uefi: false,
    // OpenSBI 1.1 counts a hart as started before it has noted where (lib/sbi/sbi_hsm.c; newer ones do not): one that wakes in
    // between enters the kernel's first instruction, a second time. With a thread for each hart 2 boots of some 90 hung so.
    oneThread: true,
    nmi: false,
    direct: {
      dump: () => [],
      edits: () => [
        ...["--add-node", "/reserved-memory", "--set", "/reserved-memory/#address-cells=<2>"],
        ...["--set", "/reserved-memory/#size-cells=<2>", "--set", "/reserved-memory/ranges"],
        ...["--add-node", FIRMWARE, "--set", `${FIRMWARE}/reg=<0 0x80000000 0 0x80000>`, "--set", `${FIRMWARE}/no-map`],
      ],
    },
    gdb: ["set architecture riscv:rv64"],
  },
  firstImage: riscv64Image,
  nextImage: riscv64Image,
  findRoom,
  // Debian 13 is the first that has riscv64.
  stockKernels: {
    "stable-riscv64": { ...stock, suites: STABLE },
    "newest-riscv64": { ...stock, suites: NEWEST },
  },
  smallKernels: {},
  small: {
    riscv64: {
      tools,
      endian: "little",
      kernel: "stable-riscv64",
      smallKernel: "stable-riscv64",
      memory: 512,
      smallMemory: 512,
    },
  },
  bun: undefined,
} as const satisfies Machine;
