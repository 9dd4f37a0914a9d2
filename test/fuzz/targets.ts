// All that is fuzzed in TypeScript.

import type { Belongings } from "./belongings.ts";
import { linesOn } from "./commands.ts";
import { dumps, factsOn } from "./dumps.ts";
import { edits, patches } from "./edits.ts";
import { kernelsOn, packed } from "./kernels.ts";
import type { Target } from "./target.ts";
import { scripts, values } from "./texts.ts";
import { blobs } from "./trees.ts";

/** @param belongings of the machines that commands are tried on */
export function targetsOn(belongings: Belongings): Target[] {
  const ofMachines = [linesOn(belongings), kernelsOn(belongings), factsOn(belongings)];
  return [blobs, edits, patches, values, scripts, packed, dumps, ...ofMachines];
}
