// npm run check: the types of the program, as the small engine has them, and of everything around it.

import { join } from "node:path";
import { endWith } from "./command.ts";
import { runTool } from "./tool.ts";

const ROOT = join(import.meta.dir, "..");

/** @throws Failure with the compiler's first complaint */
export async function checkTypes(): Promise<void> {
  const compiler = join(ROOT, "node_modules/.bin/tsc");
  for (const project of ["src", "."]) {
    await runTool([compiler, "--pretty", "false", "-p", join(ROOT, project)], {
      reason: (output) => output.split("\n")[0]!,
    });
  }
}

if (import.meta.main) await endWith("check", checkTypes);
