// The kernel's log before 3.5: a ring of text alone, whose lines begin with their level, as `<6>`, and may have a time.

import type { ByteString } from "../sys/engine.ts";
import type { DumpMemory } from "./addresses.ts";
import type { LogPart } from "./log.ts";
import { readVariables } from "./log-variables.ts";
import { Window } from "./window.ts";

const CHUNK = 16 * 1024;

/** So many parts that cannot be read, and the rest is not looked at. */
const MOST_LOST = 64;

/**
 * The log, the oldest line first.
 * @throws Failure where it cannot be found
 */
export function* readBytes(memory: DumpMemory): Generator<LogPart> {
  const { buffer, size, end } = readVariables(memory, { end: "log_end" });
  const window = new Window(memory, buffer, size);
  const first = end > size ? end - size : 0;
  let begun: ByteString = "";
  let lost = 0;
  for (let at = first; at < end && lost < MOST_LOST; ) {
    const place = at % size;
    const length = Math.min(end - at, size - place, CHUNK - (place % CHUNK));
    const bytes = window.bytes(place, length);
    if (bytes === undefined) lost++;
    const lines = (begun + memory.core.system.text(bytes ?? new Uint8Array(0))).split("\n");
    // A line that does not end is not kept for ever.
    begun = (lines.pop() ?? "").slice(-CHUNK);
    for (const line of lines) yield lineOf(line);
    at += length;
  }
  if (begun !== "") yield lineOf(begun);
  if (lost > 0)
    yield { wrong: `parts of the log that cannot be read: ${lost}${lost < MOST_LOST ? "" : "; the rest is left out"}` };
}

function lineOf(line: ByteString): LogPart {
  return { line: line.replace(/^<\d+>|\0+/g, "") };
}
