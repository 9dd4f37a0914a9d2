// The crashed kernel's log as dmesg(1) prints it, out of a dump of whatever version.

import { Failure } from "../failure.ts";
import type { ByteString } from "../sys/engine.ts";
import { DumpMemory } from "./addresses.ts";
import type { CoreFile } from "./core.ts";
import { readBytes } from "./log-bytes.ts";
import { readRecords } from "./log-records.ts";
import { readRing } from "./log-ring.ts";
import { readVmcoreInfo } from "./vmcoreinfo.ts";

/**
 * A record with its time in nanoseconds and, where that is told, who wrote it; a line as it is; or what could not be read. A note
 * is of no harm.
 */
export type LogPart =
  | { readonly time: bigint; readonly text: Uint8Array; readonly caller?: number | undefined }
  | { readonly line: ByteString }
  | { readonly wrong: string }
  | { readonly note: string };

/** What of a log can be read: lines, each ended by a newline, or what is to be said of it. */
export type LogText =
  | { readonly lines: ByteString; readonly caller?: number | undefined }
  | { readonly wrong: string }
  | { readonly note: string };

/**
 * The log, the oldest record first.
 * @throws Failure where the dump does not tell of one
 */
export function* readLog(core: CoreFile): Generator<LogText> {
  const info = readVmcoreInfo(core);
  if (info === undefined) throw new Failure(core.path, "has no note VMCOREINFO, by which the log is found");
  const memory = new DumpMemory(core, info);
  for (const part of readParts(memory, core.path)) {
    if ("time" in part) yield { lines: formatRecord(part.time, core.system.text(part.text)), caller: part.caller };
    else if ("line" in part) yield { lines: `${escapeLine(part.line)}\n` };
    else yield part;
  }
}

function readParts(memory: DumpMemory, path: ByteString): Generator<LogPart> {
  const { info } = memory;
  if (info.has("SYMBOL(prb)")) return readRing(memory);
  if (info.has("SYMBOL(log_first_idx)")) return readRecords(memory);
  if (info.has("SYMBOL(log_end)")) return readBytes(memory);
  throw new Failure(path, "its VMCOREINFO does not tell where the log is");
}

/** As record_print_text() of the kernel: each line has the time. Bytes that a terminal could take for a command are not left. */
function formatRecord(time: bigint, text: ByteString): ByteString {
  const seconds = String(time / 1_000_000_000n).padStart(5);
  const micros = String((time % 1_000_000_000n) / 1000n).padStart(6, "0");
  return text
    .split("\n")
    .map((line) => `[${seconds}.${micros}] ${escapeLine(line)}\n`)
    .join("");
}

function escapeLine(line: ByteString): ByteString {
  return line.replace(/[^\t -~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
