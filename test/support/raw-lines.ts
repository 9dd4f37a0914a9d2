// Runs the commands that `kexec --plan` ends with on the pretended machine, as the scripts of init would.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseScript } from "../../src/script/parse.ts";
import type { LoadRun, Pretended } from "./loading.ts";
import { runPretended } from "./loading.ts";
import { present } from "./present.ts";

/** What follows the table, behind an empty line. */
export function rawLinesOf(plan: string): string {
  return plan.slice(plan.lastIndexOf("\n\n") + 2);
}

/** The last program's run. Each has to succeed, and reads what the one before it wrote; `>` writes a file. */
export function runRawLines(folder: string, pretended: Pretended, text: string): LoadRun {
  let last: LoadRun | undefined;
  // Of those names the tests have no working directory of their own to be in.
  const written = new Set<string>();
  for (const { commands, output } of parseScript("raw", text)) {
    let stdin: Uint8Array | undefined;
    for (const words of commands) {
      const here = words.map((word) => (written.has(word) ? join(folder, word) : word));
      last = runPretended(folder, { ...pretended, ...(stdin === undefined ? {} : { stdin }) }, ...here);
      if (last.code !== 0) throw new Error(`${words.join(" ")}: ${last.err}`);
      stdin = last.out;
    }
    if (output === undefined) continue;
    written.add(output.path);
    writeFileSync(join(folder, output.path), present(stdin));
  }
  return present(last);
}
