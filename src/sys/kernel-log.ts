// The end of the kernel's log, which often says why a call was refused.

import type { ByteString } from "./engine.ts";
import type { System } from "./system.ts";

/** The last line, without its level and its time. */
export function lastOfLog(system: System): ByteString {
  const last = system.kernelLog().trimEnd().split("\n").at(-1) ?? "";
  return last.replace(/^<[0-9]+>/, "").replace(/^\[ *[0-9.]+\] */, "");
}
