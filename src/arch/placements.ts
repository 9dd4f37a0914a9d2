// Where the next kernel may lie on each machine, by what uname says.

import type { Machine } from "../sys/engine.ts";
import { placement as arm64 } from "./arm64/placement.ts";
import type { PlacementRules } from "./placement.ts";
import { placement as ppc64 } from "./ppc64/placement.ts";
import { placement as x86_64 } from "./x86_64/placement.ts";

export const placements: Readonly<Record<Machine, PlacementRules>> = { ppc64, ppc64le: ppc64, aarch64: arm64, x86_64 };
