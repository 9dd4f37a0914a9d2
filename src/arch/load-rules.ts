// What loading has to know of each machine, by what uname says.

import type { Machine } from "../sys/engine.ts";
import type { LoadRules } from "./arch.ts";
import { arm64 } from "./arm64/load-rules.ts";
import { ppc64 } from "./ppc64/load-rules.ts";
import { x86_64 } from "./x86_64/load-rules.ts";

/** A machine's row is read when it is asked for. */
export const loadRules: Readonly<Record<Machine, LoadRules>> = {
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
