// x86-64, in qemu's q35 machine.

import { rangeOfSize } from "../../src/range.ts";
import { EM_X86_64 } from "../../src/sys/abi.ts";
import { bzImage } from "../kernel-image.ts";
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
  prefix: "x86_64-linux-gnu-",
  compiler: "gcc-x86-64-linux-gnu",
  libc: "libc6-dev-amd64-cross",
  native: "x64",
  emulator: "qemu-x86_64",
  musl: "x86_64-linux-musl",
  uname: "x86_64",
  abi: [],
  // For size GCC copies and clears by `rep`, whatever the length: short of a few hundred bytes a call is faster.
  compact: ["-fcf-protection=none", "-mstringop-strategy=libcall"],
  pie: true,
} as const satisfies Toolchain;

const boot = { kernel: "stock-x64", smallKernel: "stock-x64", memory: 512, smallMemory: 512 } as const;
const stock = { architecture: "amd64", flavour: "cloud-amd64" } as const;

/** qemu hw/i386/pc_q35.c: of more memory than that, what is above 2 GiB is above 4 GiB. */
const MOST_BELOW_4G = 0xb000_0000n;
const LOWMEM = 0x8000_0000n;

function findRoom({ memory }: Load): Room {
  const banks =
    memory < MOST_BELOW_4G
      ? [rangeOfSize(0n, memory)]
      : [rangeOfSize(0n, LOWMEM), rangeOfSize(1n << 32n, memory - LOWMEM)];
  // UEFI keeps some of that.
  return { memory: banks, taken: [{ ...rangeOfSize(0n, 16n * MIB), name: "the firmware" }] };
}

export const x86_64 = {
  name: "x86_64",
  elfMachine: EM_X86_64,
  largestPage: 0x1000,
  tools,
  stubs: {
    embedded: ["wrap.S", "qemu-start.S"],
    assembler: ["--64"],
    payload: ["-m64", "-mgeneral-regs-only", "-mno-red-zone", "-fcf-protection=none", "-fpie", "-no-pie"],
  },
  guest: {
    emulator: { package: "qemu-system-x86", program: "qemu-system-x86_64" },
    firmware: { package: "ovmf", file: "/usr/share/ovmf/OVMF.fd" },
    // With SeaBIOS unless a guest asks for the firmware.
    words: ["q35"],
    cpu: "max",
    models: "max (default, 5-level paging), max,la57=off",
    console: "ttyS0",
    // On a busy host an emulated timer's ticks come late, and the kernel would take it for broken and panic. One of its
    // tests of its own cryptography once went round for ever in the first kernel on qemu's AVX. Where it takes the TSC
    // for stable, Linux 7.3 patches its clock late, and one boot in six ran into that patch's int3.
    append: "no_timer_check cryptomgr.notests tsc=unstable",
    uefi: true,
    nmi: true,
    direct: AS_IT_IS,
    gdb: ["set architecture i386:x86-64"],
  },
  firstImage: bzImage,
  nextImage: bzImage,
  findRoom,
  stockKernels: {
    "stock-x64": { ...stock, suites: [BOOKWORM] },
    "oldest-x64": { ...stock, suites: OLDEST },
    "stable-x64": { ...stock, suites: STABLE },
    "newest-x64": { ...stock, suites: NEWEST },
  },
  smallKernels: {},
  small: { "x64-small": { tools, endian: "little", ...boot } },
  bun: {
    ...boot,
    ...BUN_MEMORY,
    target: "x64",
    package: "@oven/bun-linux-x64",
    architecture: "amd64",
    triplet: "x86_64-linux-gnu",
    loader: "ld-linux-x86-64.so.2",
    native: ["-fcf-protection=none", "-fpie"],
  },
} as const satisfies Machine;
