// What the ELF core header of a crashed kernel's memory has to know of each machine, by what uname says.

import type { Machine } from "../sys/engine.ts";
import type { CoreRules } from "./arch.ts";
import { coreRules as arm64 } from "./arm64/core-rules.ts";
import { coreRules as ppc } from "./ppc/core-rules.ts";
import { coreRules as ppc64 } from "./ppc64/core-rules.ts";
import { coreRules as riscv64 } from "./riscv64/core-rules.ts";
import { coreRules as x86_64 } from "./x86_64/core-rules.ts";

export const coreRules: Readonly<Record<Machine, CoreRules>> = {
  ppc64,
  ppc64le: ppc64,
  ppc,
  aarch64: arm64,
  riscv64,
  x86_64,
};
