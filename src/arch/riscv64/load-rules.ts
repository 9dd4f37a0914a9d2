// What loading has to know of riscv64.

import type { LoadRules } from "../arch.ts";
import { checks, listLacking, listUses } from "./checks.ts";
import { facts } from "./facts.ts";
import { fileRules } from "./file-rules.ts";

export function riscv64(): LoadRules {
  return { checks, facts, files: fileRules, listUses, listLacking };
}
