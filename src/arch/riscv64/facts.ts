// What a riscv64 machine has in use its /proc/iomem tells (arch/riscv/kernel/setup.c init_resources).

import type { FactSource } from "../../kexec/facts.ts";
import { readTreeInitrd } from "../../kexec/running-initrd.ts";

export const facts: FactSource = { hasIomem: true, initrd: { read: readTreeInitrd } };
