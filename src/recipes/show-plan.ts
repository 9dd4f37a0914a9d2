// What people and programs get to see of a plan before its checks: a drawing with a table, JSON, a picture for a document.

import { escapeText, Failure, failureOf } from "../failure.ts";
import drawPicture from "../kexec/draw-svg.ts";
import drawPlan from "../kexec/draw-text.ts";
import type { Plan } from "../kexec/plan.ts";
import planJson, { type TellablePlan } from "../kexec/plan-json.ts";
import { formatImage } from "../kexec/table.ts";
import type { ByteString } from "../sys/engine.ts";
import { CWD, O_NONBLOCK, type System } from "../sys/system.ts";
import type { Told } from "./secondaries.ts";

export interface PlanViews {
  /** Gets the whole plan as a drawing and a table. This comes before the checks, so that a person sees what they refuse. */
  readonly show?: ((text: string) => void) | undefined;
  /** Gets it as JSON. */
  readonly json?: ((text: string) => void) | undefined;
  /** Lines of shell that load the same, for JSON. */
  readonly commands?: (() => readonly ByteString[]) | undefined;
  /** A file that is made, or replaced: the drawing as SVG. */
  readonly svg?: ByteString | undefined;
}

export interface CheckedViews extends PlanViews {
  readonly skipChecks: boolean;
  /** Gets a line that is worth reading. */
  readonly say: (line: string) => void;
}

interface CheckedPlan extends Omit<TellablePlan, "secondaries" | "commands" | "refusal"> {
  readonly plan: Plan;
  /** What the stub was told; undefined where it waits for nobody. */
  readonly told: Told | undefined;
}

interface ShownPlan extends CheckedPlan {
  readonly refusal: Failure | undefined;
}

/**
 * Shows a plan and what `check` throws for it.
 * @throws Failure that one, once all is shown; or as showPlan() does
 */
export function showChecked(system: System, request: CheckedViews, checked: CheckedPlan, check: () => void): void {
  const refusal = request.skipChecks ? undefined : failureOf(check);
  const unchecked = request.skipChecks ? [] : checked.unchecked;
  showPlan(system, request, { ...checked, unchecked, refusal });
  if (refusal !== undefined) throw refusal;
}

/** @throws Failure where the SVG cannot be written, or is a file that is to be loaded */
function showPlan(system: System, { show, json, commands, svg, say }: CheckedViews, shown: ShownPlan): void {
  const { plan, image, facts, uses, told, unchecked, refusal } = shown;
  if (show !== undefined) {
    const waits = told === undefined ? [] : [`stub waits for ${told.secondaries} secondary cpus, ${told.reason}`];
    const lines = [...waits, ...unchecked].map((line) => `${escapeText(line)}\n`).join("");
    show(drawPlan(system, image, facts, uses) + formatImage(image, facts) + lines);
  }
  if (json !== undefined) {
    const what = {
      image,
      facts,
      uses,
      unchecked,
      refusal,
      secondaries: told?.secondaries,
      commands: commands?.() ?? [],
    };
    json(planJson(system.engine, what));
  }
  if (svg === undefined) return;
  refuseToReplace(system, plan, svg);
  const lost = system.replaceFile(svg, system.bytes(drawPicture(image, facts, uses)));
  if (lost !== "") say(`${escapeText(svg)}: ${lost}`);
}

/** What is to be loaded would be lost. */
function refuseToReplace(system: System, { segments }: Plan, path: ByteString): void {
  const descriptor = system.open(CWD, path, O_NONBLOCK);
  if (descriptor < 0) return;
  const own = system.identity(descriptor);
  system.close(descriptor);
  for (const piece of segments.flatMap(({ pieces }) => pieces)) {
    if (piece.kind !== "file" || typeof own === "number" || system.identity(piece.descriptor) !== own) continue;
    throw new Failure(path, `is to be loaded as ${piece.name}: the picture needs another file`);
  }
}
