// -i: where the next kernel's initrd will lie, said as a range, or as the files that will be loaded there.

import { numberOf, pairOf } from "../cli/values.ts";
import { Failure, hex, usage } from "../failure.ts";
import { type MemoryRange, rangeOfSize, roundUp } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

/** What the help calls the value of -i. */
export const INITRD_FORM = "START,END|FILE[,FILE]...@ADDR";

/** The range that a value of -i names. Of files only the sizes are asked. Throws Failure, a usage error where the text makes no range. */
export function parseInitrd(system: System, text: ByteString): MemoryRange {
  const at = text.lastIndexOf("@");
  if (at >= 0) {
    const start = numberOf("-i", text.slice(at + 1));
    return rangeOfSize(start, sizeOfFiles(system, text.slice(0, at).split(",")));
  }
  const [start, end] = pairOf("-i", text, "START,END");
  if (end <= start) throw usage("-i", `the end ${hex(end)} is not above the start ${hex(start)}`);
  return { start, end };
}

/** One after the other, each padded to a multiple of 4 before the next: what `loadem -f FILE -4 -f FILE` loads. */
function sizeOfFiles(system: System, files: readonly ByteString[]): bigint {
  return files.reduce((size, file) => {
    const status = system.must(system.statusOfFile(file), file);
    if (status.kind !== "file" || status.size === 0n) throw new Failure(file, "not a file that has bytes");
    return roundUp(size, 4n) + status.size;
  }, 0n);
}
