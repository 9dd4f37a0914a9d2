// Runs the script on standard input with this machine's programs, so that a test can compare the engines.

import { engine } from "#sys";
import { escapeText, Failure } from "../../src/failure.ts";
import { describe } from "../../src/script/pipeline.ts";
import { runScript } from "../../src/script/run.ts";
import { STDIN, System } from "../../src/sys/system.ts";

const system = new System(engine);
const text = system.readAll(STDIN, 64 * 1024);
if (typeof text === "number") throw new Error("no script");
try {
  const shell = {
    system,
    find: (word: string) => (word.includes("/") ? word : `/bin/${word}`),
    wait: (pids: readonly number[]) => pids.map((pid) => system.wait(pid)),
    rest: <T>(work: () => T) => work(),
    goOn: (failure: Failure) => system.say(`goes on: ${failure.message}`),
  };
  runScript(shell, "script", system.text(text), (pipeline) => system.say(`+ ${describe(pipeline)}`));
  engine.exit(0);
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  system.say(`${escapeText(error.place)}: ${escapeText(error.fact)}`);
  engine.exit(error.exitCode);
}
