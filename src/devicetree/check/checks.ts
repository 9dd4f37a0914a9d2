// What is wrong with a tree, by all checks. Each has a name, a reason and where that is written. An error is what a kernel
// fails on or misreads; a warning is what the specification forbids and is seldom intended. No check ever throws.

import { escapeText, type Notice } from "../../failure.ts";
import type { ByteString } from "../../sys/engine.ts";
import { below } from "../names.ts";
import { type Position, type Survey, surveyOf } from "../survey.ts";
import type { DeviceTree } from "../tree.ts";
import type { Check, Prerequisite } from "./check.ts";
import { formChecks } from "./form-checks.ts";
import { machineChecks } from "./machine-checks.ts";

/** Those that hold whatever machine a tree is of. */
export const checks: readonly Check[] = [...formChecks, ...machineChecks];

export interface Finding {
  readonly check: Check;
  readonly place: ByteString;
  readonly fact: string;
}

/** What the checks of `table` find, but for those that are named in `skipped`. */
export function findingsIn(
  tree: DeviceTree,
  skipped: ReadonlySet<string> = new Set(),
  table: readonly Check[] = checks,
): Finding[] {
  const survey = surveyOf(tree);
  return runChecks(table, survey).filter(({ check }) => !skipped.has(check.name));
}

/**
 * What `table` finds, in its order. Where a check's prerequisite has failed, the check does not look, and what needs it
 * does not look there either.
 */
export function runChecks(table: readonly Check[], survey: Survey): Finding[] {
  const findings: Finding[] = [];
  const failures = new Map<string, Failures>();
  for (const check of table) {
    const failed: Failures = { nodes: new Set(), places: new Set() };
    failures.set(check.name, failed);
    let path: ByteString;
    const tell: Notice = (place, fact) => {
      failed.nodes.add(path);
      failed.places.add(place);
      findings.push({ check, place, fact });
    };
    const doubtful = (check.needs ?? []).filter((need) => failures.get(need.check)?.nodes.size);
    for (const position of positionsFor(check, survey)) {
      path = position.path;
      // Seldom is anything doubtful, and some() would be called once for each node and check.
      if (doubtful.length > 0 && doubtful.some((need) => hasFailed(failures.get(need.check), need, position)))
        failed.nodes.add(path);
      else check.look(position, tell, survey);
    }
  }
  return findings;
}

/** Where a check has failed. */
interface Failures {
  /** Paths of nodes that it looked at, or should have. */
  readonly nodes: Set<ByteString>;
  /** The places of its findings. */
  readonly places: Set<ByteString>;
}

function hasFailed(failures: Failures | undefined, need: Prerequisite, position: Position): boolean {
  const path = pathOf(need, position);
  if (need.property === undefined) return failures?.nodes.has(path) ?? false;
  return failures?.places.has(below(path, need.property)) ?? false;
}

function positionsFor({ at }: Check, { nodes, byPath }: Survey): readonly Position[] {
  if (at === undefined) return nodes;
  const position = byPath.get(at);
  return position === undefined ? [] : [position];
}

/** The path at which the prerequisite must not have failed. */
function pathOf({ at }: Prerequisite, { path, parent }: Position): ByteString {
  if (at === "itself") return path;
  return at === "parent" ? (parent?.path ?? "") : at;
}

/** As a line says it after the place: `error: is there twice [duplicate-node]`. */
export function findingText({ check, fact }: Finding): string {
  return `${check.severity}: ${escapeText(fact)} [${check.name}]`;
}
