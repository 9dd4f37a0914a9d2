// What a crash kernel is told by its tree, as checks and as what it will lack: machines with trees put these among theirs.

import type { Check } from "./check.ts";
import { findUnconfinedTree } from "./confinement.ts";
import type { MachineFacts } from "./facts.ts";
import type { KexecImage } from "./image.ts";
import { findLostHeader, listLackingHeader, readToldByTree, type TreeTelling } from "./told-header.ts";

/** It keeps to its region, and finds the ELF core header. */
export function crashTreeChecks(rules: TreeTelling): readonly Check[] {
  return [
    {
      name: "crash-memory",
      errno: undefined,
      find: (image, facts) => findUnconfinedTree(image, facts, rules),
    },
    {
      name: "elfcorehdr",
      errno: undefined,
      find: (image, facts) =>
        image.crash ? findLostHeader(image, facts, readToldByTree(image, facts, rules)) : undefined,
    },
  ];
}

/** What it will not have, for people. */
export function lackingByTree(rules: TreeTelling) {
  return (image: KexecImage, facts: MachineFacts): string[] =>
    listLackingHeader(image, readToldByTree(image, facts, rules), "fs2dt --elfcorehdr");
}
