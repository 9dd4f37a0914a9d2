// What loading has to know of each machine, by what uname says.

import type { LoadRules } from "./arch.ts";
import { arm64 } from "./arm64/load-rules.ts";
import { perMachine } from "./per-machine.ts";
import { ppc } from "./ppc/load-rules.ts";
import { ppc64 } from "./ppc64/load-rules.ts";
import { riscv64 } from "./riscv64/load-rules.ts";
import { x86_64 } from "./x86_64/load-rules.ts";

export const loadRules = perMachine<LoadRules>({ ppc64, ppc, arm64, riscv64, x86_64 });
