// What loading has to know of each machine, by what uname says.

import type { Machine } from "../sys/engine.ts";
import type { LoadRules } from "./arch.ts";
import { arm64 } from "./arm64/load-rules.ts";
import { ppc64 } from "./ppc64/load-rules.ts";
import { x86_64 } from "./x86_64/load-rules.ts";

export const loadRules: Readonly<Record<Machine, LoadRules>> = { ppc64, ppc64le: ppc64, aarch64: arm64, x86_64 };
