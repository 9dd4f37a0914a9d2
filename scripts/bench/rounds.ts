// Runs the programs that are compared in turn, round after round.

import { runTool } from "../tool.ts";
import { present } from "./present.ts";
import { cpu, type Sample, type Samples, sampleIn, samplesOf } from "./sample.ts";

/** A command that is measured; under its name its samples are kept. */
export interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
}

/** The order of one round: each begins with another, so that none always follows the same. */
export function inTurn<T>(contestants: readonly T[], round: number): T[] {
  const first = round % contestants.length;
  return [...contestants.slice(first), ...contestants.slice(0, first)];
}

/**
 * Each contestant once in a round, after one that is not counted.
 * @param measure the program made of measure.c
 * @param tell gets the round under way
 * @throws Failure when one of them does not end with exit code 0
 */
export async function inRounds(
  rounds: number,
  contestants: readonly Contestant[],
  measure: string,
  tell: (detail: string) => void,
): Promise<Samples> {
  const samples = new Map(contestants.map(({ name }) => [name, [] as Sample[]]));
  for (const { command } of contestants) await run(measure, command);
  for (let round = 0; round < rounds; round++) {
    tell(`round ${round + 1} of ${rounds}`);
    for (const { name, command } of inTurn(contestants, round)) samples.get(name)?.push(await run(measure, command));
  }
  return samples;
}

async function run(measure: string, command: readonly string[]): Promise<Sample> {
  const output = await runTool([measure, "it", ...command]);
  return present(sampleIn(output), `sample in ${output}`).sample;
}

/** CPU milliseconds of each round. */
export function cpuOf(samples: Samples, name: string): number[] {
  return samplesOf(samples, name).map(cpu);
}
