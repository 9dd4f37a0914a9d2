// What became of faults: each that was wrong in words, and all of them as counts.

import { describeFault } from "./faults.ts";
import type { Call, Fault } from "./injector.ts";
import { describeEnd, judge, type Outcome, outcomes, type Reference, type Result } from "./judge.ts";

export interface Finding {
  /** The job's command line. */
  readonly line: string;
  readonly fault: Fault;
  readonly call: Call | undefined;
  readonly outcome: Outcome;
  /** Empty where the fault was borne. */
  readonly wrong: readonly string[];
  readonly ran: Result;
}

export class Counts {
  jobs = 0;
  faults = 0;
  wrong = 0;
  /** Calls of all jobs, without a fault. */
  calls = 0;
  readonly names = new Set<string>();
  readonly outcomes = new Map<Outcome, number>(outcomes.map((name) => [name, 0]));

  addJob(calls: readonly Call[]): void {
    this.jobs++;
    this.calls += calls.length;
    for (const { name } of calls) this.names.add(name);
  }

  /** Judges a run and counts it. */
  add(line: string, reference: Reference, ran: Result, fault: Fault): Finding {
    const call = reference.good.calls[fault.at - 1];
    const judged = judge(reference, ran, fault, call);
    this.faults++;
    this.outcomes.set(judged.outcome, (this.outcomes.get(judged.outcome) ?? 0) + 1);
    if (judged.wrong.length > 0) this.wrong++;
    return { line, fault, call, ...judged, ran };
  }

  toString(): string {
    const each = [...this.outcomes].map(([name, count]) => `${count} ${name}`);
    const calls = `${this.calls} calls of ${this.names.size} kinds`;
    return `${this.jobs} jobs, ${calls}, ${this.faults} faults: ${each.join(", ")}; ${this.wrong} wrong`;
  }
}

/** Several lines: the job, the fault, what became of it, and what the program said. */
export function describeFinding({ line, fault, call, outcome, wrong, ran }: Finding): string {
  const where = call === undefined ? "" : `, ${call.name} ${call.path === "" ? call.args[0] : call.path}`;
  const what = [outcome, describeEnd(ran.end), ...wrong].join("; ");
  const said = ran.err
    .split("\n")
    .slice(0, -1)
    .map((text) => `    ${text}\n`);
  return `${line}\n  call ${fault.at}${where}: ${describeFault(fault)}: ${what}\n${said.join("")}`;
}
