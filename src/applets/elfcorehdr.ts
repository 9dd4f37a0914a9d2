// elfcorehdr: the ELF core header that a crash kernel's /proc/vmcore begins with, on standard output.

import { loadRules } from "../arch/load-rules.ts";
import type { Applet } from "../cli/applet.ts";
import { type Arguments, parse } from "../cli/options.ts";
import { addressOf } from "../cli/values.ts";
import { EXIT, hex, usage } from "../failure.ts";
import { readFacts } from "../kexec/facts.ts";
import { rangeOf } from "../options/ranges.ts";
import { checkedRange, formatRange, sizeOfRanges } from "../range.ts";
import { type CoreHeader, readCoreHeader } from "../recipes/core-header.ts";
import { STDOUT } from "../sys/system.ts";

const elfcorehdr: Applet = {
  name: "elfcorehdr",
  summary: "Write the ELF core header of a crash kernel's /proc/vmcore",
  operands: "[-b ADDR] > FILE",
  options: [
    {
      short: "b",
      long: "address",
      value: "ADDR",
      help: "Set its address, a multiple of 0x1000. On ppc64 a copy of the exception vectors follows it then, which the crash kernel writes over.",
    },
    {
      long: "without",
      value: "START,SIZE",
      inTurn: true,
      help: "Leave this memory out of the dump. May be given several times.",
    },
    {
      long: "hotplug",
      help: "Keep as much memory for it as the running kernel wants, which mends it when memory or cpus come and go: for loadem --hotplug.",
    },
    { short: "v", long: "verbose", help: "Print on standard error what it tells of." },
  ],
  notes: `
It tells of all RAM but what crashkernel= has reserved, of each cpu's registers
at the panic, and of vmcoreinfo, by which tools read a dump. The crash kernel
has to be told where it is, and that its memory is taken: fs2dt --elfcorehdr,
on x86-64 zeropage --elfcorehdr. kexec -p does all of that.

It is of the memory and the cpus that are there now. When some come or go, load
again: a kernel that has /sys/kernel/crash_elfcorehdr_size can mend the header
itself (--hotplug).

  elfcorehdr -b 0xfff0000 > header
  fs2dt -b 0xc000100 --elfcorehdr 0xfff0000,0x10000 ... /proc/device-tree |
    loadem -p ... -a 0xfff0000 -f header
`,
  run(system, args) {
    const given = parse(elfcorehdr.options, args);
    refuseOperands(given);
    const text = given.given.get("address");
    const address = text === undefined ? undefined : addressOf(text, "header", ALIGNMENT);
    const without = given.inTurn.map(({ value }) => rangeOf("--without", value));
    system.refuseTerminal();
    const facts = readFacts(system, loadRules[system.machine].facts);
    const header = readCoreHeader(system, facts, {
      without,
      hasPlace: address !== undefined,
      hotplug: given.given.has("hotplug"),
    });
    const start = address ?? 0n;
    const refuse = () => usage("-b", `a header of ${hex(header.size)} bytes at ${hex(start)} ends above 2^64`);
    const bytes = header.place(checkedRange(start, start + header.size, refuse).start);
    system.writeAll(STDOUT, bytes, "standard output");
    const lines = [...(given.given.has("verbose") ? describeCoreHeader(header) : []), ...header.lacks];
    for (const line of lines) system.say(`elfcorehdr: ${line}`);
    return EXIT.done;
  },
};

/** The smallest page that a kernel has. */
const ALIGNMENT = 0x1000n;

function refuseOperands({ operands: [operand] }: Arguments): void {
  if (operand !== undefined) throw usage(operand, "not expected: the header goes to standard output");
}

function describeCoreHeader({ size, parts, notes }: CoreHeader): string[] {
  const { memory, text, copied, notes: areas } = parts;
  const ranges = memory.length + (copied === undefined ? 0 : 1);
  const bytes = sizeOfRanges(memory) + BigInt(copied?.bytes.length ?? 0);
  return [
    `${areas.length} notes, ${ranges} ranges of RAM, ${bytes >> 20n} MiB; ${size} bytes`,
    ...text.map((range) => `${formatRange(range)}: the running kernel`),
    ...memory.map(formatRange),
    ...notes,
  ];
}

export default elfcorehdr;
