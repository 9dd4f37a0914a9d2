// What a soak has done: one line of JSON for each chain, and what they say together.

import type { ChainFailure } from "./run.ts";
import type { Starving } from "./starve.ts";

export interface ChainRecord {
  /** When it ended, as ISO 8601 has it. */
  readonly time: string;
  readonly course: readonly string[];
  readonly smp: number;
  /** What a virtual cpu had to bear. */
  readonly starved: Starving | null;
  /** How kernels were loaded, in turn; that of a crash kernel is a cause. */
  readonly ways: readonly string[];
  readonly kernels: readonly string[];
  /** Boots that were tried: those that passed, and the one that did not. */
  readonly tried: number;
  readonly passed: number;
  readonly failure: ChainFailure | null;
  readonly seconds: number;
  /** Of a cpu, that qemu took; null where it was not counted. */
  readonly cpuSeconds: number | null;
  /** Load average of the host's last minute. */
  readonly load: number;
}

export function triedIn(records: readonly ChainRecord[]): number {
  return records.reduce((sum, { tried }) => sum + tried, 0);
}

/** One line. */
export function shownChain(chain: ChainRecord): string {
  const { tried, passed, failure, seconds, cpuSeconds, load } = chain;
  const cpu = cpuSeconds === null ? "" : `, ${cpuSeconds.toFixed(0)} s of a cpu`;
  const line = `${nameOf(chain)}: ${passed} of ${tried} in ${seconds.toFixed(0)} s${cpu}, load ${load.toFixed(1)}`;
  if (failure === null) return line;
  return `${line}\n  kernel ${failure.kernel} FAILED: ${failure.reason}; ${failure.folder}`;
}

/** A line for each kind of chain, and the verdict. */
export function summary(records: readonly ChainRecord[]): string[] {
  const kinds = new Map<string, ChainRecord[]>();
  for (const record of records) {
    const name = nameOf(record, "a cpu");
    kinds.set(name, [...(kinds.get(name) ?? []), record]);
  }
  const lines = [...kinds].map(([name, each]) => `${name}: ${countsOf(each)}`);
  const verdict = records.every(({ failure }) => failure === null) ? "PASS" : "FAIL";
  return [...lines, `${verdict} ${countsOf(records)}`];
}

function countsOf(records: readonly ChainRecord[]): string {
  const sum = (of: (record: ChainRecord) => number) => records.reduce((all, record) => all + of(record), 0);
  const [passed, tried, seconds] = [sum((each) => each.passed), triedIn(records), sum((each) => each.seconds)];
  const guests = `${records.length} guest${records.length === 1 ? "" : "s"}`;
  return `${passed} of ${tried} boots in ${seconds.toFixed(0)} s of ${guests}, ${(seconds / Math.max(1, tried)).toFixed(1)} s a boot`;
}

function nameOf({ course, smp, ways, starved }: ChainRecord, cpu = `cpu ${starved?.cpu}`): string {
  const hungry = starved === null ? "" : `, ${cpu} starved ${starved.how === "always" ? "always" : "in pulses"}`;
  return `${course.join(" to ")} by ${ways.join(", ")}, smp ${smp}${hungry}`;
}
