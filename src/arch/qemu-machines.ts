// The machines of qemu's on which an image is started with no kernel before it, by our names of machines.

import type { QemuMachine } from "./arch.ts";
import { arm64 } from "./arm64/qemu.ts";
import { ppc64 } from "./ppc64/qemu.ts";
import { riscv64 } from "./riscv64/qemu.ts";
import { x86_64 } from "./x86_64/qemu.ts";

export const qemuMachines: Readonly<Record<string, QemuMachine>> = { ppc64, arm64, riscv64, x86_64 };
