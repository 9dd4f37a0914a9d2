// Why a kernel crashed, by the lines of its log.

import type { ByteString } from "../sys/engine.ts";
import type { CoreFile } from "./core.ts";
import { readLog } from "./log.ts";

const PANIC = /\] Kernel panic - not syncing/;
/** What else is printed before the crash kernel is started: with panic_on_oops no line says that there is a panic. */
const OOPS =
  /\] (BUG: |Oops: |Unable to handle |Internal error: |kernel BUG at |general protection fault|sysrq: Trigger a crash)/;

/**
 * The line that says so, without a newline; undefined where none does.
 * @throws Failure where the log cannot be found
 */
export function findPanic(core: CoreFile): ByteString | undefined {
  let oops: ByteString | undefined;
  for (const part of readLog(core)) {
    if (!("lines" in part)) continue;
    for (const line of part.lines.split("\n")) {
      if (PANIC.test(line)) return line;
      if (oops === undefined && OOPS.test(line)) oops = line;
    }
  }
  return oops;
}
