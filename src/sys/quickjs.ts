// The small engine's door: the C module in src/sys/host implements the interface itself.

import * as host from "qjs:sys";
import type { Engine } from "./engine.ts";

export const engine: Engine = host;
