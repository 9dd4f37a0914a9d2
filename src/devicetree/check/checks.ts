// What is wrong with a tree, by all checks. Each has a name, a reason and where that is written. An error is what a kernel
// fails by or misreads; a warning is what is against the specification and seldom meant. No check ever throws.

import { escapeText, Failure } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { surveyOf } from "../survey.ts";
import type { DeviceTree } from "../tree.ts";
import type { Check, Tell } from "./check.ts";
import { formChecks } from "./form-checks.ts";
import { machineChecks } from "./machine-checks.ts";

export const checks: readonly Check[] = [...formChecks, ...machineChecks];

export interface Finding {
  readonly check: Check;
  readonly place: ByteString;
  readonly fact: string;
}

/** What the checks find, but for those that are named in `skipped`. */
export function findingsIn(tree: DeviceTree, skipped: ReadonlySet<string> = new Set()): Finding[] {
  const survey = surveyOf(tree);
  const findings: Finding[] = [];
  for (const check of checks) {
    if (!skipped.has(check.name)) check.find(survey, (place, fact) => findings.push({ check, place, fact }));
  }
  return findings;
}

/** As a line says it behind the place: `error: is there twice [duplicate-node]`. */
export function findingText({ check, fact }: Finding): string {
  return `${check.severity}: ${escapeText(fact)} [${check.name}]`;
}

/** Tells of all findings, and throws if there is an error among them. */
export function refuseWhatFails(tree: DeviceTree, tell: Tell): void {
  const findings = findingsIn(tree);
  for (const finding of findings) tell(finding.place, findingText(finding));
  const errors = findings.filter(({ check }) => check.severity === "error").length;
  if (errors > 0) throw new Failure("--check", `${errors} error${errors === 1 ? "" : "s"}; nothing is written`);
}
