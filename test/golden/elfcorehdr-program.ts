// A program that writes an ELF core header of made-up parts to standard output: ENDIAN MACHINE CPUS RANGES.
// test/golden/elfcorehdr.test.ts runs it under every engine.

import { engine } from "#sys";
import { makeCoreHeader } from "../../src/kexec/elfcorehdr.ts";
import { rangeOfSize } from "../../src/range.ts";
import { STDOUT, System } from "../../src/sys/system.ts";

const system = new System(engine);
const [, endian = "", machine = "", cpus = "", ranges = ""] = engine.args;

const LINEAR = 0xc000_0000_0000_0000n;
const parts = {
  elfMachine: Number(machine),
  endian: endian === "big" ? "big" : "little",
  notes: Array.from({ length: Number(cpus) }, (_, cpu) => rangeOfSize(0x300_0000n + 0x1000n * BigInt(cpu), 0x178n)),
  text: [{ ...rangeOfSize(0x20_0000n, 0x180_0000n), address: 0xffff_ffff_8120_0000n }],
  memory: Array.from({ length: Number(ranges) }, (_, at) =>
    rangeOfSize(0x1_0000n + (BigInt(at) << 33n), 0x1_0000_0000n),
  ),
  linear: LINEAR,
  copied: { start: 0n, bytes: new Uint8Array(0x1_0000).fill(0x60) },
} as const;
const bytes = makeCoreHeader(parts, { page: 0x1_0000n, least: 0n }, 0x1ffe_0000n);
system.writeAll(STDOUT, bytes, "standard output");
engine.exit(0);
