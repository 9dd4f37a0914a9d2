// Loading, without a command line: plan, image, facts, checks, then kexec_load or what was asked for in its place.

import type { LoadRules } from "../arch/arch.ts";
import { archs } from "../arch/archs.ts";
import { loadRules } from "../arch/load-rules.ts";
import { EXIT, escapeText, Failure } from "../failure.ts";
import type { Explain } from "../kexec/causes.ts";
import { nameSegmentAndArgument } from "../kexec/check.ts";
import { available, explain, findFault } from "../kexec/checks.ts";
import { listUncheckedConfinement } from "../kexec/confinement.ts";
import { availableOf, type MachineFacts, readFacts, readMemory, refuseBlind } from "../kexec/facts.ts";
import { assemble, type KexecImage, refuseChangedFiles } from "../kexec/image.ts";
import { findRefused, type LoadHelp, load, refuseUntold } from "../kexec/load.ts";
import { unlessNotBuilt } from "../kexec/not-built.ts";
import type { Plan } from "../kexec/plan.ts";
import { tellHeldMemory } from "../kexec/status.ts";
import type { Secondaries } from "../kexec/stub.ts";
import type { ByteString } from "../sys/engine.ts";
import errnoText from "../sys/strerror.ts";
import type { System } from "../sys/system.ts";
import { tellPlace } from "./free-place.ts";
import { countedSecondaries, tellSecondaries } from "./secondaries.ts";
import { type CheckedViews, showChecked } from "./show-plan.ts";
import { writeForQemu } from "./to-qemu.ts";

export interface LoadRequest extends CheckedViews {
  readonly plan: Plan;
  /** What is known of the running machine; found out unless given. */
  readonly facts?: MachineFacts;
  /** Cpus that the stub waits for; undefined: as many as the running machine has. */
  readonly secondaries: Secondaries | undefined;
  /** `check` loads nothing; `diagnose` finds the segment that the kernel refuses, and leaves nothing loaded. */
  readonly action: "load" | "check" | "diagnose";
  /** A directory for files and a script that start the image in qemu; undefined: it is for the running kernel. */
  readonly qemu?: ByteString | undefined;
  /** Gets the image, once it has passed, in place of the running kernel. */
  readonly keep?: ((image: KexecImage) => void) | undefined;
  /** Gets one line for a person. */
  say(line: string): void;
  /** The kernel as a file that kexec_file_load(2) could be given; absent where raw segments are loaded. */
  readonly asFile?: LoadHelp["asFile"];
  /** Loads by that call where kexec_load(2) is not there, or lockdown forbids it. */
  readonly otherCall?: LoadHelp["otherCall"];
  readonly goesOn?: LoadHelp["goesOn"];
}

/**
 * @returns the exit code: 0, or 128 + a signal's number where that undid the load
 * @throws Failure for what cannot be loaded here, or the kernel refuses
 */
export function loadPlan(system: System, request: LoadRequest): number {
  const { plan, qemu } = request;
  if (qemu !== undefined) return writeForQemu(system, { ...request, directory: qemu });
  const rules = loadRules[system.machine];
  const image = assemble(system, plan, archs);
  refuseUntold(system, image);
  const facts = request.facts ?? readFacts(system, rules.facts);
  const told = tellSecondaries(image, request.secondaries, countedSecondaries(facts.secondaries));
  const unchecked = [
    ...(facts.unchecked ?? []),
    ...listUncheckedConfinement(image),
    ...(rules.listUnchecked?.(image) ?? []),
    ...(image.crash ? rules.listLacking(image, facts) : []),
  ];
  const uses = rules.listUses(image);
  const isAsked = request.action !== "check" && request.keep === undefined;
  const judge = () => {
    check(system, image, facts, rules);
    // --diagnose asks for it once what was loaded before has given back its memory.
    if (isAsked && request.action === "load") refuseShortage(system, image, facts);
  };
  const judgeHere = () => (isAsked ? unlessNotBuilt(system, request, judge) : judge());
  showChecked(system, request, { plan, image, facts, uses, told, unchecked }, judgeHere);
  if (request.action === "check") return EXIT.done;
  // Who sees the plan has seen them. A machine whose /proc and /sys are whole has none of them.
  if (request.show === undefined && !request.skipChecks)
    for (const line of facts.unchecked ?? []) request.say(escapeText(line));
  const explainRefusal = (result: number) => explain(image, facts, rules.checks, result);
  if (request.action === "diagnose") return diagnose(system, image, facts, request, explainRefusal);
  refuseChangedFiles(system, plan);
  if (request.keep !== undefined) {
    request.keep(image);
    return EXIT.done;
  }
  const { asFile, otherCall, goesOn } = request;
  const refuseTorn = () => refuseChangedFiles(system, plan);
  return load(system, image, { explain: explainRefusal, asFile, otherCall, refuseTorn, goesOn });
}

/** @throws Failure for the first thing that is wrong, with where the segment could go instead if that is all */
function check({ machine }: System, image: KexecImage, facts: MachineFacts, rules: LoadRules): void {
  refuseBlind(facts.blind);
  const fault = findFault(image, facts, rules.checks);
  if (fault === undefined) return;
  throw new Failure(fault.place, fault.fact + tellPlace(machine, image, facts, rules, fault));
}

/** @throws Failure where the kernel would end processes to make room for the image */
function refuseShortage(system: System, image: KexecImage, facts: MachineFacts): void {
  const fault = available.find(image, facts);
  if (fault !== undefined) throw new Failure(fault.place, fault.fact + tellHeldMemory(system));
}

/** Finds the segment by asking the kernel, and the rule that it breaks by our own checks. */
function diagnose(
  system: System,
  image: KexecImage,
  facts: MachineFacts,
  { say, skipChecks }: LoadRequest,
  explain: Explain,
): number {
  const refused = findRefused(system, image, {
    explain,
    refuseShortage() {
      if (!skipChecks) refuseShortage(system, image, { ...facts, available: availableOf(readMemory(system)) });
    },
  });
  if (refused === undefined) {
    say(`the kernel takes all ${image.segments.length} segments; nothing is loaded now`);
    return EXIT.done;
  }
  const { segment, result } = refused;
  const place = nameSegmentAndArgument(image, segment);
  const why = explain(result)?.replace(`${place}: `, "");
  const fact = `the kernel refuses it: ${errnoText(result)}${why === undefined ? "" : `: ${why}`}`;
  throw new Failure(place, fact, EXIT.refused);
}
