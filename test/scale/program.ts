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
system.print(`${runCase({ run, System }, engine, unpackBelongings(belongings), unpackCase(given))}\n`);
engine.exit(0);
