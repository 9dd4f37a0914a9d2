// What one run of a program cost, as measure.c tells it, here and in a guest.

import { present } from "./present.ts";

export interface Sample {
  /** Milliseconds, as are `user` and `system`. */
  readonly wall: number;
  readonly user: number;
  readonly system: number;
  /** The largest resident set, in bytes; of a pipeline the sum. */
  readonly peak: number;
}

/** Samples by the name of what was run, in the order of its runs. */
export type Samples = ReadonlyMap<string, readonly Sample[]>;

/** Those of what was run under this name. */
export function samplesOf(samples: Samples, name: string): readonly Sample[] {
  return present(samples.get(name), `samples of ${name}`);
}

/** How Linux divides a short run between user and system is a guess, how long both took together is not. */
export function cpu({ user, system }: Sample): number {
  return user + system;
}

/** undefined for lines that say something else. */
export function sampleIn(line: string): { name: string; sample: Sample } | undefined {
  const [, name, ...numbers] =
    /^measured (\S+) wall=(\d+) user=(\d+) system=(\d+) peak=(\d+)$/.exec(line.trimEnd()) ?? [];
  if (name === undefined) return undefined;
  const [wall, user, system, peak] = numbers.map(Number) as [number, number, number, number];
  return { name, sample: { wall: wall / 1e6, user: user / 1e3, system: system / 1e3, peak: peak * 1024 } };
}

/** All that a guest's console has of them. */
export function samplesIn(lines: readonly string[]): Samples {
  const samples = new Map<string, Sample[]>();
  for (const line of lines) {
    const found = sampleIn(line);
    if (found === undefined) continue;
    samples.set(found.name, [...(samples.get(found.name) ?? []), found.sample]);
  }
  return samples;
}
