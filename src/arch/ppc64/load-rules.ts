// What loading has to know of ppc64.

import type { LoadRules } from "../arch.ts";
import { checks, listLacking, listUncheckedBss, listUses } from "./checks.ts";
import { findCopying } from "./copying.ts";
import { facts } from "./facts.ts";
import { fileRules } from "./file-rules.ts";
import { findStayWords } from "./run-at-load.ts";

export function ppc64(): LoadRules {
  return {
    checks,
    facts,
    files: fileRules,
    listUses,
    listUnchecked: listUncheckedBss,
    listLacking,
    findStayWords,
    findCopying,
  };
}
