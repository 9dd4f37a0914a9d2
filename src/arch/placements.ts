// Where the next kernel may lie on each machine, by what uname says.

import { arm64 } from "./arm64/placement.ts";
import { perMachine } from "./per-machine.ts";
import type { PlacementRules } from "./placement.ts";
import { ppc } from "./ppc/placement.ts";
import { ppc64 } from "./ppc64/placement.ts";
import { riscv64 } from "./riscv64/placement.ts";
import { x86_64 } from "./x86_64/placement.ts";

export const placements = perMachine<PlacementRules>({ ppc64, ppc, arm64, riscv64, x86_64 });
