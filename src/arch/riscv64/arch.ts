// riscv64. The running kernel itself hands the tree over: no stub of ours is needed (arch/riscv/kernel/machine_kexec.c).

import { EM_RISCV } from "../../sys/abi.ts";
import type { Arch } from "../arch.ts";

export const riscv64: Arch = {
  name: "riscv64",
  machines: ["riscv64"],
  elfMachine: EM_RISCV,
  argument: "device tree blob",
  stub: undefined,
};
