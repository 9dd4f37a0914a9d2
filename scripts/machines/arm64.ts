// arm64, in qemu's virt machine.

import { EM_AARCH64 } from "../../src/sys/abi.ts";
import { BOOKWORM, type Machine, NEWEST, OLDEST, type Toolchain } from "./machine.ts";

const tools = {
  prefix: "aarch64-linux-gnu-",
  compiler: "gcc-aarch64-linux-gnu",
  native: "arm64",
  emulator: "qemu-aarch64",
  musl: "aarch64-linux-musl",
  abi: ["-fno-pie"],
  compact: ["-mno-outline-atomics"],
  // A long double, of which printf is made, has 128 bits there, and no instructions.
  libgcc: "libgcc.a",
} as const satisfies Toolchain;

const stock = { architecture: "arm64", flavour: "cloud-arm64" } as const;

export const arm64 = {
  name: "arm64",
  elfMachine: EM_AARCH64,
  largestPage: 0x10000,
  tools,
  stubs: {
    embedded: "wrap.S",
    assembler: [],
    payload: ["-mgeneral-regs-only", "-mstrict-align", "-fpie", "-no-pie"],
  },
  guest: {
    emulator: { package: "qemu-system-arm", program: "qemu-system-aarch64" },
    firmware: { package: "qemu-efi-aarch64", file: "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd" },
    // Without firmware qemu itself starts the kernel, with a device tree.
    words: ["virt"],
  },
  stockKernels: {
    "stock-arm64": { ...stock, suites: [BOOKWORM] },
    "oldest-arm64": { ...stock, suites: OLDEST },
    "newest-arm64": { ...stock, suites: NEWEST },
  },
  smallKernels: {},
  small: { "arm64-small": { tools } },
  bun: {
    target: "arm64",
    package: "@oven/bun-linux-aarch64",
    architecture: "arm64",
    triplet: "aarch64-linux-gnu",
    loader: "ld-linux-aarch64.so.1",
    gather: ["-mcmodel=tiny", "-fno-pie"],
  },
} as const satisfies Machine;
