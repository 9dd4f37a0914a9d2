// 64-bit PowerPC, big and little endian, in qemu's pseries and powernv machines.

import { pseriesWords, VECTOR_5, XIVE_AND_RADIX } from "../../src/arch/ppc64/qemu.ts";
import { hex } from "../../src/failure.ts";
import { min, rangeOfSize } from "../../src/range.ts";
import { EM_PPC64 } from "../../src/sys/abi.ts";
import { elfImage, elfOrFlatImage } from "../kernel-image.ts";
import {
  BOOKWORM,
  type Board,
  type DirectBoot,
  type Load,
  type Machine,
  MIB,
  type Room,
  STABLE,
  type Toolchain,
} from "./machine.ts";

// musl has one ABI here: ELFv2 with a long double of 64 bits, whatever the byte order. Jump tables are found through
// the table of contents, of which the linker keeps the whole: every function with a `switch` would stay, 150 KB of
// parser among them. (The code is no slower without.)
const common = {
  native: undefined,
  abi: ["-mabi=elfv2", "-mlong-double-64"],
  compact: ["-fno-jump-tables"],
  pie: true,
} as const;

const bigEndian = {
  ...common,
  prefix: "powerpc64-linux-gnu-",
  compiler: "gcc-powerpc64-linux-gnu",
  libc: "libc6-dev-ppc64-cross",
  emulator: "qemu-ppc64",
  musl: "powerpc64-linux-musl",
  uname: "ppc64",
} as const satisfies Toolchain;

const littleEndian = {
  ...common,
  prefix: "powerpc64le-linux-gnu-",
  compiler: "gcc-powerpc64le-linux-gnu",
  libc: "libc6-dev-ppc64el-cross",
  emulator: "qemu-ppc64le",
  musl: "powerpc64le-linux-musl",
  uname: "ppc64le",
} as const satisfies Toolchain;

/** All of it is reached without MMU. The first kernel begins it. */
function findRoom({ memory, first }: Load): Room {
  const all = rangeOfSize(0n, memory);
  // prom_init.c puts RTAS there.
  const rtas = rangeOfSize(min(memory, 0x8000_0000n) - MIB, MIB);
  return { memory: [all], taken: [{ ...rtas, name: "RTAS" }], kernelEnd: first, rma: all };
}

/** OPAL, with all that it has set aside behind itself. */
const OPAL = { start: 0x30000000n, end: 0x34000000n, name: "OPAL" };

/**
 * A machine without a hypervisor, whose firmware is skiboot (OPAL). qemu gives it a BMC only by default, and without one
 * it cannot be turned off.
 */
function powernv(name: string, cpu: string): Board {
  return {
    words: [name],
    cpu,
    memory: 3072,
    devices: ["-device", "ipmi-bmc-sim,id=bmc0", "-device", "isa-ipmi-bt,bmc=bmc0,irq=10"],
    pci: {
      bus: "port0",
      devices: ["-device", "pnv-phb,chip-id=0,index=0,id=phb0", "-device", "pnv-phb-root-port,id=port0,bus=phb0"],
    },
    findRoom: (load) => ({ ...findRoom(load), taken: [OPAL] }),
  };
}

/** With SLOF or VOF, Linux would negotiate radix and XIVE on POWER9 and later. */
const direct: DirectBoot = {
  dump: (cpu) => (hasXive(cpu) ? ["ic-mode=xive"] : []),
  edits(cpu, memory) {
    const rtas = hex(min(memory, 4096n * MIB) - 0x10000n);
    const set = (name: string) => ["--set", `/rtas/${name}=<${rtas}>`];
    const negotiated = hasXive(cpu) ? ["--set", `/chosen/${VECTOR_5}=${XIVE_AND_RADIX}`] : [];
    return [...set("linux,rtas-base"), ...set("linux,rtas-entry"), ...negotiated];
  },
};

/** By its model's name: POWER8, power9_v2.0. */
function hasXive(cpu: string): boolean {
  return !/^(power[5678]|970)/i.test(cpu);
}

const stock = { architecture: "ppc64el", flavour: "powerpc64le" } as const;
const big = { target: "ppc64", linux: "powerpc" } as const;
const little = { target: "ppc64le", linux: "powerpc" } as const;

export const ppc64 = {
  name: "ppc64",
  elfMachine: EM_PPC64,
  largestPage: 0x10000,
  tools: bigEndian,
  stubs: {
    embedded: ["v2wrap.S", "qemu-firmware.S", "qemu-rtas.S"],
    assembler: ["-mbig"],
    payload: ["-mbig", "-mabi=elfv2", "-mcpu=power4", "-msoft-float", "-mtraceback=no"],
  },
  guest: {
    emulator: { package: "qemu-system-ppc", program: "qemu-system-ppc64" },
    firmware: { package: "qemu-system-data", file: "/usr/share/qemu/vof.bin" },
    words: pseriesWords,
    cpu: "POWER9",
    boards: {
      powernv8: powernv("powernv8", "POWER8"),
      powernv9: powernv("powernv9", "POWER9"),
      powernv10: powernv("powernv10", "POWER10"),
    },
    models: "POWER8 (hash), POWER9 (radix, default), POWER10",
    options: "powernv8, powernv9 or powernv10 first: that machine and OPAL",
    console: "hvc0",
    uefi: false,
    nmi: true,
    direct,
    // The stub is entered in big endian, and so is every kernel.
    gdb: ["set architecture powerpc:common64", "set endian big"],
  },
  firstImage: elfImage(EM_PPC64),
  nextImage: elfOrFlatImage(EM_PPC64),
  findRoom,
  stockKernels: {
    // Also the oldest that there is: Debian 11 has left the mirrors for ppc64el.
    "stock-ppc64le": { ...stock, suites: [BOOKWORM] },
    "stable-ppc64le": { ...stock, suites: STABLE },
    "newest-ppc64le": { ...stock, suites: [["sid"]] },
  },
  smallKernels: {
    // Of big endian it is the only kernel that there is to crash.
    "small-ppc64": { ...big, fragments: ["common", "disk", "big-endian", "64k-pages"] },
    "small-ppc64-compat": { ...big, fragments: ["common", "big-endian", "64k-pages", "compat"] },
    "small-ppc64-4k": { ...big, fragments: ["common", "big-endian", "4k-pages"] },
    "small-ppc64le": { ...little, fragments: ["common", "little-endian", "64k-pages"] },
    "small-ppc64le-4k": { ...little, fragments: ["common", "little-endian", "4k-pages"] },
  },
  small: {
    ppc64: {
      tools: bigEndian,
      endian: "big",
      kernel: "small-ppc64",
      smallKernel: "small-ppc64",
      memory: 512,
      smallMemory: 512,
    },
    ppc64le: {
      tools: littleEndian,
      endian: "little",
      kernel: "stock-ppc64le",
      smallKernel: "small-ppc64le",
      memory: 1024,
      smallMemory: 512,
    },
  },
  bun: undefined,
  foreign: { ppc: "small-ppc64-compat" },
} as const satisfies Machine;
