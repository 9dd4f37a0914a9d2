// x86-64, in qemu's q35 machine.

import { EM_X86_64 } from "../../src/sys/abi.ts";
import { BOOKWORM, type Machine, NEWEST, OLDEST, type Toolchain } from "./machine.ts";

const tools = {
  prefix: "x86_64-linux-gnu-",
  compiler: "gcc-x86-64-linux-gnu",
  native: "x64",
  emulator: "qemu-x86_64",
  musl: "x86_64-linux-musl",
  abi: ["-fno-pie"],
  compact: ["-fcf-protection=none"],
} as const satisfies Toolchain;

const stock = { architecture: "amd64", flavour: "cloud-amd64" } as const;

export const x86_64 = {
  name: "x86_64",
  elfMachine: EM_X86_64,
  largestPage: 0x1000,
  tools,
  stubs: {
    embedded: "wrap.S",
    assembler: ["--64"],
    payload: ["-m64", "-mgeneral-regs-only", "-mno-red-zone", "-fcf-protection=none", "-fpie", "-no-pie"],
  },
  guest: {
    emulator: { package: "qemu-system-x86", program: "qemu-system-x86_64" },
    firmware: { package: "ovmf", file: "/usr/share/ovmf/OVMF.fd" },
    // With SeaBIOS unless a guest asks for the firmware.
    words: ["q35"],
  },
  stockKernels: {
    "stock-x64": { ...stock, suites: [BOOKWORM] },
    "oldest-x64": { ...stock, suites: OLDEST },
    "newest-x64": { ...stock, suites: NEWEST },
  },
  smallKernels: {},
  small: { "x64-small": { tools } },
  bun: {
    target: "x64",
    package: "@oven/bun-linux-x64",
    architecture: "amd64",
    triplet: "x86_64-linux-gnu",
    loader: "ld-linux-x86-64.so.2",
    gather: ["-fcf-protection=none", "-fpie"],
  },
} as const satisfies Machine;
