// Runs one case, of a file, in the engine that it is built for: npm run scale takes the time.

import { engine } from "#sys";
import { run } from "../../src/kexecbox.ts";
import { System } from "../../src/sys/system.ts";
import { splitParts, unpackBelongings } from "../fuzz/belongings.ts";
import { unpackCase } from "./case.ts";
import { runCase } from "./run.ts";

/** Bytes of a file of cases. */
const MOST = 2 ** 30;

const system = new System(engine);
const [, path = ""] = engine.args;
const [belongings = new Uint8Array(0), given = belongings] = splitParts(system.mustReadFile(path, MOST));

const CLOCK_PROCESS_CPUTIME_ID = 2;
const time = new BigInt64Array(2);
const timeBytes = new Uint8Array(time.buffer);

/** Nanoseconds of a cpu that this process has taken. */
function takenTime(): bigint {
  engine.syscall(system.abi.call.clock_gettime, CLOCK_PROCESS_CPUTIME_ID, timeBytes);
  return (time[0] ?? 0n) * 1_000_000_000n + (time[1] ?? 0n);
}

/** What the machine of memory takes itself: of a kernel, that would be no time of the program's. */
let pretended = 0n;
const code = runCase({ run, System }, engine, unpackBelongings(belongings), unpackCase(given), (work) => {
  const before = takenTime();
  const result = work();
  pretended += takenTime() - before;
  return result;
});
system.print(`${code} ${pretended}\n`);
engine.exit(0);
