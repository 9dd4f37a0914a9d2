// x86-64, in qemu's q35 machine.

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
  tools,
  guest: {
    emulator: { package: "qemu-system-x86", program: "qemu-system-x86_64" },
    firmware: { package: "ovmf", file: "/usr/share/ovmf/OVMF.fd" },
  },
  stockKernels: {
    "stock-x64": { ...stock, suites: [BOOKWORM] },
    "oldest-x64": { ...stock, suites: OLDEST },
    "newest-x64": { ...stock, suites: NEWEST },
  },
  smallKernels: {},
  small: { "x64-small": { tools } },
  bun: { x64: {} },
} as const satisfies Machine;
