// What device trees have to be changed in for the next kernel: a row for each machine that needs it.

import type { TreeHandOver } from "./arch.ts";
import { arm64 } from "./arm64/hand-over.ts";
import { ppc64 } from "./ppc64/hand-over.ts";

export const handOvers: readonly TreeHandOver[] = [arm64, ppc64];
