// Dumps of which something is wrong: every number of one set to extremes, every line of VMCOREINFO changed, cut off at every
// place, bytes changed at random.

import { coreBytes } from "./core-file.ts";
import { AT, type CrashedKernel, crashedParts, type LogForm } from "./crashed-kernel.ts";

export interface Seed {
  readonly name: string;
  readonly kernel: CrashedKernel;
  readonly bytes: Uint8Array;
  /** Where its numbers are, each of so many bytes. */
  readonly numbers: readonly { readonly at: number; readonly size: number }[];
}

const RECORDS = Array.from({ length: 12 }, (_, index) => ({
  time: BigInt(index) * 1_000_000_007n,
  text: index === 3 ? "" : `record ${index}\nand\x1b more`.repeat(1 + (index % 3)),
}));

const FORMS: readonly LogForm[] = ["ring", "printk_log", "log", "bytes"];

function status(little: boolean): Uint8Array {
  const bytes = new Uint8Array(112 + 48 * 8 + 8).fill(0x11);
  new DataView(bytes.buffer).setUint32(32, 5, little);
  return bytes;
}

const PLACES: readonly Partial<CrashedKernel>[] = [
  { machine: 21, physical: 0x200_0000n, linear: 0xc000_0000_0200_0000n, told: false },
  {
    ...{ machine: 183, physical: 0x4100_0000n, linear: 0xffff_0000_0100_0000n, told: false },
    image: 0xffff_8000_0900_0000n,
    info: [
      "NUMBER(VA_BITS)=48",
      "NUMBER(PHYS_OFFSET)=0x40000000",
      `NUMBER(kimage_voffset)=0x${(0xffff_8000_0900_0000n - 0x4100_0000n).toString(16)}`,
      "SYMBOL(_stext)=ffff800009000000",
    ],
  },
  {
    ...{ machine: 62, physical: 0x100_0000n, linear: 0xffff_ffff_8100_0000n, told: false },
    info: ["NUMBER(phys_base)=0", "SYMBOL(swapper_pg_dir)=ffffffff81000000", "NUMBER(pgtable_l5_enabled)=1"],
  },
  { machine: 62, told: true },
];

/** Of each form of the log, in either byte order, by each way to find addresses. */
export function listSeeds(): Seed[] {
  return FORMS.flatMap((form) =>
    [true, false].flatMap((little) =>
      PLACES.map((place, index) => {
        const notes = [{ name: "CORE", type: 1, contents: status(little) }];
        const kernel: CrashedKernel = { form, little, records: RECORDS, sizeBits: 11, countBits: 4, notes, ...place };
        return { name: `${form} ${little ? "little" : "big"} ${index}`, kernel, ...seedOf(kernel) };
      }),
    ),
  );
}

function seedOf(kernel: CrashedKernel): Pick<Seed, "bytes" | "numbers"> {
  const parts = crashedParts(kernel);
  const bytes = coreBytes(parts);
  const { at } = parts.memory;
  const memory = bytes.length - parts.memory.bytes.length;
  const every = (start: number, end: number, size: number) =>
    Array.from({ length: Math.floor((end - start) / size) }, (_, index) => ({ at: start + size * index, size }));
  const headers = 64 + 56 * ((parts.notes?.length ?? 0) + parts.loads.length);
  const arrays = Object.values(at).map((offset) => memory + offset);
  const numbers = [
    // Of the ELF header and of the program headers, then of the first note and the one behind it.
    ...every(4, 8, 1),
    ...every(16, 24, 2),
    ...every(24, 48, 8),
    ...every(52, 64, 2),
    ...every(64, headers, 8),
    ...every(64, headers, 4),
    ...every(headers, headers + 24, 4),
    ...every(headers + 20 + 504, headers + 20 + 504 + 24, 4),
    ...every(memory + AT.variables, memory + AT.variables + 32, 4),
    ...every(memory + AT.variables, memory + AT.variables + 8, 8),
    ...every(memory + AT.prb, memory + AT.prb + 88, 8),
    ...every(memory + AT.prb, memory + AT.prb + 88, 4),
    ...arrays.flatMap((start) => [...every(start, start + 192, 8), ...every(start, start + 96, 2)]),
  ];
  return { bytes, numbers: numbers.filter(({ at, size }) => at + size <= bytes.length) };
}

/** What a number of so many bytes is set to. */
export function extremesOf(value: bigint, size: number): bigint[] {
  const bits = 8 * size;
  const most = (1n << BigInt(bits)) - 1n;
  const all = [
    0n,
    1n,
    most,
    most - 1n,
    most >> 1n,
    (most >> 1n) + 1n,
    value + 1n,
    value - 1n,
    value ^ (1n << BigInt(bits - 4)),
  ];
  return [...new Set(all.map((each) => BigInt.asUintN(bits, each)))].filter((each) => each !== value);
}

export function readNumber(bytes: Uint8Array, at: number, size: number, little: boolean): bigint {
  const part = [...bytes.subarray(at, at + size)];
  if (little) part.reverse();
  return part.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

export function withNumber(bytes: Uint8Array, at: number, size: number, little: boolean, value: bigint): Uint8Array {
  const changed = bytes.slice();
  for (let index = 0; index < size; index++) {
    changed[at + (little ? index : size - 1 - index)] = Number((value >> BigInt(8 * index)) & 0xffn);
  }
  return changed;
}

/** The seed with each of its numbers at each of its extremes, one at a time. */
export function* spoilNumbers({ bytes, numbers, kernel: { little } }: Seed): Generator<Uint8Array> {
  for (const { at, size } of numbers) {
    for (const value of extremesOf(readNumber(bytes, at, size, little), size)) {
      yield withNumber(bytes, at, size, little, value);
    }
  }
}

const VALUES = [
  "",
  "0",
  "1",
  "7",
  "-1",
  "4294967295",
  "9223372036854775807",
  "18446744073709551615",
  "99999999999999999999999",
];
const WORDS = ["ffffffffffffffff", "0x", "zz", "1 ", "\0", "=", "4096", "1048575", "8", "3"];

/** The seed with each line of its VMCOREINFO left out, doubled, cut, too long, and with other values. */
export function* spoilInfo({ kernel }: Seed): Generator<Uint8Array> {
  const parts = crashedParts(kernel);
  const notes = parts.notes?.[0] ?? [];
  const info = notes.at(-1);
  if (info === undefined) return;
  const lines = Buffer.from(info.contents).toString("latin1").split("\n");
  const made = (changed: readonly string[]): Uint8Array => {
    const contents = Buffer.from(changed.join("\n"), "latin1");
    return coreBytes({ ...parts, notes: [[...notes.slice(0, -1), { ...info, contents }]] });
  };
  for (const [index, line] of lines.entries()) {
    const name = line.slice(0, line.indexOf("=") + 1);
    const replaced = (...by: string[]) => made([...lines.slice(0, index), ...by, ...lines.slice(index + 1)]);
    yield replaced();
    yield replaced(line, line);
    yield replaced(line, `${name}1`);
    yield replaced(line.slice(0, -1));
    yield replaced(`${name}${"1".repeat(600)}`);
    yield replaced(`${"x".repeat(5000)}${line}`);
    for (const value of [...VALUES, ...WORDS]) yield replaced(name + value);
  }
}

/** The seed cut off: after each byte of its headers, then after each 61st. */
export function* cutOff({ bytes }: Seed): Generator<Uint8Array> {
  for (let length = 0; length < bytes.length; length += length < 0x500 ? 1 : 61) yield bytes.subarray(0, length);
}

/** The seed with up to eight changes at random: numbers to extremes or to each other's values, bytes, runs of bytes. */
export function spoilAtRandom({ bytes, numbers, kernel: { little } }: Seed, random: () => number): Uint8Array {
  const pick = (count: number): number => Math.floor(random() * count);
  let changed = bytes;
  for (let changes = 1 + pick(8); changes > 0; changes--) {
    const field = numbers[pick(numbers.length)] ?? { at: 0, size: 1 };
    const other = numbers[pick(numbers.length)] ?? field;
    const value = readNumber(changed, field.at, field.size, little);
    const extremes = extremesOf(value, field.size);
    const kind = pick(5);
    if (kind === 0) changed = withNumber(changed, field.at, field.size, little, extremes[pick(extremes.length)] ?? 0n);
    else if (kind === 1) {
      changed = withNumber(changed, field.at, field.size, little, readNumber(changed, other.at, other.size, little));
    } else if (kind === 2) changed = withNumber(changed, field.at, field.size, little, value + BigInt(pick(64) - 32));
    else if (kind === 3) changed = withNumber(changed, pick(changed.length), 1, little, BigInt(pick(256)));
    else {
      const copy = changed.slice();
      const start = pick(copy.length);
      copy.copyWithin(pick(copy.length), start, start + pick(64));
      changed = copy;
    }
  }
  return changed;
}
