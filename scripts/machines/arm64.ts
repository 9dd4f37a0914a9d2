// arm64, in qemu's virt machine.

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
  tools,
  guest: {
    emulator: { package: "qemu-system-arm", program: "qemu-system-aarch64" },
    firmware: { package: "qemu-efi-aarch64", file: "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd" },
  },
  stockKernels: {
    "stock-arm64": { ...stock, suites: [BOOKWORM] },
    "oldest-arm64": { ...stock, suites: OLDEST },
    "newest-arm64": { ...stock, suites: NEWEST },
  },
  smallKernels: {},
  small: { "arm64-small": { tools } },
  bun: { arm64: {} },
} as const satisfies Machine;
