// What loading has to know of ppc.

import type { LoadRules } from "../arch.ts";
import { checks, listLacking } from "./checks.ts";
import { facts } from "./facts.ts";
import { fileRules } from "./file-rules.ts";

export function ppc(): LoadRules {
  return { checks, facts, files: fileRules, listUses: () => [], listLacking };
}
