// The kernel's log from 3.5 to 5.9: records of different lengths, one behind the other, in a ring (kernel/printk/printk.c,
// struct printk_log, before 3.11 struct log).

import { hex } from "../failure.ts";
import type { DumpMemory } from "./addresses.ts";
import type { LogPart } from "./log.ts";
import { readVariables } from "./log-variables.ts";
import { Window } from "./window.ts";

/**
 * The log, the oldest record first.
 * @throws Failure where it cannot be found
 */
export function* readRecords(memory: DumpMemory): Generator<LogPart> {
  const { info } = memory;
  const { buffer, size, first, next } = readVariables(memory, { first: "log_first_idx", next: "log_next_idx" });
  const struct = info.has("SIZE(printk_log)") ? "printk_log" : "log";
  const headerSize = info.bytes("SIZE", struct);
  const [timeAt = 0, lengthAt = 0, textAt = 0] = ["ts_nsec", "len", "text_len"].map((field) =>
    info.bytes("OFFSET", `${struct}.${field}`),
  );
  const window = new Window(memory, buffer, size);
  let room = size;
  for (let at = first, wrapped = false; at !== next; ) {
    const where = `the record at ${hex(at)} of the log`;
    const lost = "what is behind it is not read";
    const time = window.number(at + timeAt, 8);
    const length = Number(window.number(at + lengthAt, 2) ?? -1);
    const textLength = Number(window.number(at + textAt, 2) ?? -1);
    if (time === undefined || length < 0 || textLength < 0) return yield { wrong: `${where} cannot be read: ${lost}` };
    if (length === 0 && !wrapped) {
      // No room for another one: the next is at the start.
      [at, wrapped] = [0, true];
      continue;
    }
    room -= length;
    if (length < headerSize + textLength || at + length > size || room < 0) {
      return yield { wrong: `${where} says that it has ${length} bytes: ${lost}` };
    }
    const text = window.bytes(at + headerSize, textLength);
    if (text === undefined) yield { wrong: `the text of ${where} cannot be read` };
    else yield { time, text };
    at += length;
  }
}
