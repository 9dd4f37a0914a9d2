// --check: a tree in which the checks find an error is refused.

import { findingsIn, findingText } from "../devicetree/check/checks.ts";
import type { DeviceTree } from "../devicetree/tree.ts";
import { Failure, type Notice } from "../failure.ts";
import { treeChecks } from "./tree-checks.ts";

/** Reports all that the checks find, and throws if one is an error. */
export function refuseErrors(tree: DeviceTree, tell: Notice): void {
  const findings = findingsIn(tree, new Set(), treeChecks);
  for (const finding of findings) tell(finding.place, findingText(finding));
  const errors = findings.filter(({ check }) => check.severity === "error").length;
  if (errors > 0) throw new Failure("--check", `${errors} error${errors === 1 ? "" : "s"}; nothing is written`);
}
