// The machines that are known, with their stubs: one row each.

import type { ByteString } from "../sys/engine.ts";
import type { Arch } from "./arch.ts";
import { arm64 } from "./arm64/arch.ts";
import { ppc } from "./ppc/arch.ts";
import { ppc64 } from "./ppc64/arch.ts";
import { riscv64 } from "./riscv64/arch.ts";
import { x86_64 } from "./x86_64/arch.ts";

export const archs: readonly Arch[] = [ppc64, ppc, arm64, riscv64, x86_64];

/** By our name for it, or by what uname says. */
export function findArch(name: ByteString): Arch | undefined {
  return archs.find((arch) => arch.name === name || arch.machines.some((machine) => machine === name));
}
