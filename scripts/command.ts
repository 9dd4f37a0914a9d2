// How a script of this folder ends: with its exit code, and an error as one line on stderr.

import { EXIT, Failure } from "../src/failure.ts";

/**
 * Runs a script's work and ends the process: 0, or the exit code of a Failure, printed as `NAME: place:
 * fact`. Any other error is a fault of ours and keeps its stack trace.
 */
export async function endWith(name: string, work: () => Promise<number | void>): Promise<never> {
  try {
    process.exit((await work()) ?? EXIT.done);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`${name}: ${error.place}: ${error.fact}\n`);
    process.exit(error.exitCode);
  }
}
