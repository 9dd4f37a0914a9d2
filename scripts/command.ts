// How a script of this folder prints, and how it ends: with its exit code, and an error as one line on stderr.

import { EXIT, Failure } from "../src/failure.ts";

/** To standard output, whole before it goes on: what process.stdout still holds of a long text is lost at an exit. */
export async function print(text: string | Uint8Array): Promise<void> {
  await Bun.write(Bun.stdout, text);
}

/**
 * Runs a script's work and ends the process: 0, the number that it returns, or the exit code of a Failure, printed as
 * `NAME: place: fact`. Any other error is a fault of ours and keeps its stack trace.
 * @param help printed instead, where --help or -h is among the script's arguments
 */
export async function endWith(name: string, work: () => Promise<unknown>, help?: string): Promise<never> {
  if (help !== undefined && process.argv.slice(2).some((word) => word === "--help" || word === "-h")) {
    process.stdout.write(help);
    process.exit(EXIT.done);
  }
  try {
    const code = await work();
    process.exit(typeof code === "number" ? code : EXIT.done);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    process.stderr.write(`${name}: ${error.place}: ${error.fact}\n`);
    process.exit(error.exitCode);
  }
}
