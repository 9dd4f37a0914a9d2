// Where the running kernel leaves its last words: each cpu's registers when it panics, and how it was built.
// Linux: drivers/base/cpu.c (crash_notes), kernel/ksysfs.c (vmcoreinfo).

import { Failure } from "../failure.ts";
import { type MemoryRange, rangeOfSize } from "../range.ts";
import type { System } from "../sys/system.ts";

const CPUS = "/sys/devices/system/cpu";

const VMCOREINFO = "/sys/kernel/vmcoreinfo";

/** Bytes of a cpu's notes where a kernel does not say: MAX_NOTE_BYTES before Linux 3.10. */
const OLD_NOTES = 1024n;

/** More than any machine's registers take. */
const MOST_NOTES = 0x100000n;

const NO_CRASH_DUMP = "not there: the running kernel has no CONFIG_CRASH_DUMP (before Linux 6.9 CONFIG_KEXEC)";

/**
 * The notes of all cpus that are there, in the order of their numbers.
 * @throws Failure where there are none, or not all can be read
 */
export function readCpuNotes(system: System): MemoryRange[] {
  const entries = system.listIfThere(CPUS);
  if (entries === undefined) throw new Failure(CPUS, "cannot be read: /sys is needed");
  const numbers = entries.flatMap(({ name }) => /^cpu([0-9]{1,7})$/.exec(name)?.[1] ?? []).map(Number);
  numbers.sort((a, b) => a - b);
  const addresses = numbers.flatMap((number) => readNumber(system, notesOf(number), 16) ?? []);
  if (addresses.length === 0) throw new Failure(notesOf(numbers[0] ?? 0), NO_CRASH_DUMP);
  const sizeFile = `${notesOf(numbers[0] ?? 0)}_size`;
  const size = readNumber(system, sizeFile, 10) ?? OLD_NOTES;
  if (size === 0n || size > MOST_NOTES) throw new Failure(sizeFile, `${size} bytes are no notes of a cpu`);
  return addresses.map((start) => rangeOfSize(start, size));
}

/**
 * What says how the kernel was built: tools read a dump by it. undefined where it is not there.
 * @throws Failure for what makes no sense
 */
export function readVmcoreinfo(system: System): MemoryRange | undefined {
  const text = readText(system, VMCOREINFO);
  if (text === undefined) return undefined;
  const [, start, size] = /^(?:0x)?([0-9a-f]{1,16}) (?:0x)?([0-9a-f]{1,8})$/.exec(text) ?? [];
  const range = rangeOfSize(BigInt(`0x${start ?? 0}`), BigInt(`0x${size ?? 0}`));
  if (range.start === 0n || range.start === range.end)
    throw new Failure(VMCOREINFO, `'${text}' is no address and size`);
  return range;
}

function notesOf(cpu: number): string {
  return `${CPUS}/cpu${cpu}/crash_notes`;
}

/** undefined where there is no such file, as of a cpu that has just gone. */
function readNumber(system: System, path: string, base: 10 | 16): bigint | undefined {
  const text = readText(system, path);
  if (text === undefined) return undefined;
  const [, digits] = (base === 16 ? /^(?:0x)?([0-9a-f]{1,16})$/ : /^([0-9]{1,18})$/).exec(text) ?? [];
  if (digits === undefined) throw new Failure(path, `'${text}' is no number`);
  return BigInt(base === 16 ? `0x${digits}` : digits);
}

/** undefined where there is no such file. @throws Failure where it may not be read */
function readText(system: System, path: string): string | undefined {
  const bytes = system.mustReadIfThere(path, 256);
  return bytes && system.text(bytes).trimEnd();
}
