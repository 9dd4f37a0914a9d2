// The machines that are known: one row each.

import type { Arch } from "./arch.ts";
import { arm64 } from "./arm64/arch.ts";
import { ppc64 } from "./ppc64/arch.ts";
import { x86_64 } from "./x86_64/arch.ts";

export const archs: readonly Arch[] = [ppc64, arm64, x86_64];
