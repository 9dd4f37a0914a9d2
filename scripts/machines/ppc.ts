// 32-bit PowerPC, in qemu's ppce500 machine. Its executable also runs on 64-bit machines, by a kernel that lets it.

import { rangeOfSize } from "../../src/range.ts";
import { EM_PPC } from "../../src/sys/abi.ts";
import { elfImage, elfOrFlatImage } from "../kernel-image.ts";
import { AS_IT_IS, type Load, type Machine, MIB, type Room, type Toolchain } from "./machine.ts";

const tools = {
  prefix: "powerpc-linux-gnu-",
  compiler: "gcc-powerpc-linux-gnu",
  libc: "libc6-dev-powerpc-cross",
  native: undefined,
  emulator: "qemu-ppc",
  musl: "powerpc-linux-musl",
  uname: "ppc",
  // Where a cpu has no registers for floating point, as an e500v2, Linux does its instructions, and rounds twice where a fused
  // multiply-add has to round once: musl's pow() goes by that, and made 131071.99999999999 of 2 ** 17. So there is none.
  abi: ["-mlong-double-64", "-msecure-plt", "-fno-pie", "-ffp-contract=off", "-U__FP_FAST_FMA"],
  compact: ["-fno-jump-tables"],
  pie: false,
  // For lrint() where a long has 32 bits.
  muslFolders: ["fenv"],
  // Division of 64 bits, and what saves registers in code for size.
  libgcc: "libgcc.a",
} as const satisfies Toolchain;

/**
 * Nothing has to stay: a next kernel may lie over the first one. It has to begin at 0 to have more than one cpu (stub/ppc/README.md),
 * which is the lowest place.
 */
function findRoom({ memory }: Load): Room {
  return { memory: [rangeOfSize(0n, memory)], taken: [], kernelBlock: 64n * MIB };
}

export const ppc = {
  name: "ppc",
  elfMachine: EM_PPC,
  largestPage: 0x1000,
  tools,
  stubs: {
    embedded: ["wrap.S"],
    assembler: ["-mbig"],
    // Shifts of 64 bits are the compiler's own.
    payload: ["-mbig", "-mcpu=8548", "-msoft-float", "-fPIC", "-fno-jump-tables", "-no-pie", "-lgcc"],
  },
  guest: {
    // The one for 64 bits: it runs each cpu in a thread of its own, and qemu-system-ppc all in one, which takes minutes to
    // have two of them agree on the time.
    emulator: { package: "qemu-system-ppc", program: "qemu-system-ppc64" },
    firmware: undefined,
    words: ["ppce500"],
    cpu: "e500v2",
    models: "e500v2 (default)",
    console: "ttyS0",
    // Before the jump Linux has the interrupt controller reset the other cpus (mpic_reset_core), and qemu's does not: they would
    // go on where the next kernel has its data. Those that were never started wait in the spin table for the next kernel.
    appendFirst: "nr_cpus=1",
    uefi: false,
    nmi: false,
    direct: AS_IT_IS,
    gdb: ["set architecture powerpc:e500", "set endian big"],
  },
  firstImage: elfImage(EM_PPC),
  nextImage: elfOrFlatImage(EM_PPC),
  findRoom,
  stockKernels: {},
  smallKernels: { "small-ppc": { target: "ppc", linux: "powerpc", fragments: ["e500"] } },
  small: {
    ppc: {
      tools,
      endian: "big",
      kernel: "small-ppc",
      smallKernel: "small-ppc",
      memory: 512,
      smallMemory: 512,
    },
  },
  bun: undefined,
} as const satisfies Machine;
