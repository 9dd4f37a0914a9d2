// -i: where the next kernel's initrd will lie, said as a range, or as the files that will be loaded there.

import { numberOf, pairOf } from "../cli/values.ts";
import { Failure, hex, usage } from "../failure.ts";
import { checkedRange, formatRange, type MemoryRange, NO_END, roundUp } from "../range.ts";
import type { ByteString } from "../sys/engine.ts";
import type { System } from "../sys/system.ts";

/** What the help calls the value of -i. */
export const INITRD_FORM = "START,END|FILE[,FILE]...@ADDR";

/** The range that a value of -i names. Of files only the sizes are asked. Throws Failure, a usage error where the text makes no range. */
export function parseInitrd(system: System, text: ByteString): MemoryRange {
  const at = text.lastIndexOf("@");
  const range = at > 0 ? rangeOfFiles(system, text.slice(0, at), text.slice(at + 1)) : rangeBetween(text);
  // Its end is told as a number of 64 bits.
  if (range.end === NO_END) throw usage("-i", `${formatRange(range)} ends at 2^64, which is no address`);
  return range;
}

function rangeOfFiles(system: System, files: ByteString, address: string): MemoryRange {
  const start = numberOf("-i", address);
  return checkedRange(start, start + sizeOfFiles(system, files.split(",")), (range) =>
    usage("-i", `${formatRange(range)} ends above 2^64`),
  );
}

/** What has a name in place of a number is a file for which an address is missing. */
function rangeBetween(text: ByteString): MemoryRange {
  if (!text.split(",").every((number) => /^[0-9][0-9a-fx_]*$/i.test(number))) {
    throw usage("-i", `'${text}' is neither START,END nor FILE@ADDR: where is it to lie?`);
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
