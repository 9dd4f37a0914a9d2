// Where the next kernel may lie on each machine, by what uname says.

import type { Machine } from "../sys/engine.ts";
import { arm64 } from "./arm64/placement.ts";
import type { PlacementRules } from "./placement.ts";
import { ppc64 } from "./ppc64/placement.ts";
import { x86_64 } from "./x86_64/placement.ts";

/** A machine's row is read when it is asked for. */
export const placements: Readonly<Record<Machine, PlacementRules>> = {
  get ppc64() {
    return ppc64();
  },
  get ppc64le() {
    return ppc64();
  },
  get aarch64() {
    return arm64();
  },
  get x86_64() {
    return x86_64();
  },
};
