// The entry: the engine we were built for, and the process's own arguments and exit.

import { engine } from "#sys";
import { runToTheEnd } from "./kexecbox.ts";
import { System } from "./sys/system.ts";

engine.exit(runToTheEnd(new System(engine), engine.args));
