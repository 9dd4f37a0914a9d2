// ELF files of both classes and both byte orders, whole and spoilt.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Elf, flatten, isElf, PT_LOAD, readElf, segmentBytes } from "../../src/elf.ts";
import { Failure } from "../../src/failure.ts";
import { min } from "../../src/range.ts";

type Bits = 32 | 64;

interface Load {
  readonly physical: bigint;
  readonly bytes: Uint8Array;
  /** Beyond the bytes. */
  readonly bss: bigint;
}

const PT_NOTE = 4;
/** From physical to virtual addresses. */
const HIGH = 0x4000_0000n;

/** An ELF file of these segments and a note that is not there. The fields are those of linux/elf.h, in their order. */
function elfFile(bits: Bits, little: boolean, loads: readonly Load[]): Uint8Array {
  const [headerSize, entrySize] = bits === 32 ? [52, 32] : [64, 56];
  const start = headerSize + entrySize * (loads.length + 1);
  const bytes = new Uint8Array(start + loads.reduce((sum, load) => sum + load.bytes.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (size: 2 | 4 | 8, value: bigint | number): void => {
    if (size === 2) view.setUint16(at, Number(value), little);
    else if (size === 4) view.setUint32(at, Number(value), little);
    else view.setBigUint64(at, BigInt(value), little);
    at += size;
  };
  const long = bits === 32 ? 4 : 8;
  bytes.set([0x7f, 0x45, 0x4c, 0x46, bits / 32, little ? 1 : 2, 1]);
  at = 16;
  for (const half of [2, 21]) put(2, half);
  put(4, 1);
  for (const word of [0x1234, headerSize, 0]) put(long, word);
  put(4, 0);
  for (const half of [headerSize, entrySize, loads.length + 1, 0, 0, 0]) put(2, half);
  let offset = start;
  const header = (type: number, { physical, bytes: { length }, bss }: Load): void => {
    put(4, type);
    if (bits === 64) put(4, 5);
    for (const word of [offset, physical + HIGH, physical, length, BigInt(length) + bss]) put(long, word);
    if (bits === 32) put(4, 5);
    put(long, 1);
  };
  header(PT_NOTE, { physical: 0n, bytes: new Uint8Array(0x7000), bss: 0n });
  for (const load of loads) {
    header(PT_LOAD, load);
    bytes.set(load.bytes, offset);
    offset += load.bytes.length;
  }
  return bytes;
}

const load = fc.record({
  physical: fc.nat(0x3000).map((offset) => BigInt(0x7fff0000 + offset)),
  bytes: fc.uint8Array({ minLength: 0, maxLength: 40 }),
  bss: fc.nat(0x100).map(BigInt),
});

const file = fc.record({
  bits: fc.constantFrom<Bits>(32, 64),
  little: fc.boolean(),
  loads: fc.array(load, { minLength: 1, maxLength: 4 }),
});

/** What a byte-by-byte copy of these segments makes of them; undefined where that is not what objcopy makes. */
function copied(loads: readonly Load[]): { bytes: Uint8Array; memsz: number } | undefined {
  const filled = loads.filter(({ bytes }) => bytes.length > 0);
  const [first] = filled;
  if (first === undefined) return undefined;
  const start = filled.reduce((low, { physical }) => min(low, physical), first.physical);
  const memory = new Map<number, number>();
  for (const { physical, bytes } of filled) {
    for (const [index, byte] of bytes.entries()) {
      const at = Number(physical - start) + index;
      if (memory.has(at)) return undefined;
      memory.set(at, byte);
    }
  }
  const used = loads.filter(({ bytes, bss }) => bytes.length > 0 || bss > 0n);
  if (used.some(({ physical }) => physical < start)) return undefined;
  const length = Math.max(...[...memory.keys()].map((at) => at + 1));
  const ends = used.map(({ physical, bss, bytes }) => Number(physical - start + bss) + bytes.length);
  return { bytes: Uint8Array.from({ length }, (_, at) => memory.get(at) ?? 0), memsz: Math.max(...ends) };
}

test("the segments come to lie by their physical addresses, zeros between them, .bss counted", () => {
  let count = 0;
  fc.assert(
    fc.property(file, ({ bits, little, loads }) => {
      const elf = readElf("x", elfFile(bits, little, loads));
      expect(elf).toMatchObject({ bits, endian: little ? "little" : "big", type: 2, machine: 21, entry: 0x1234n });
      expect(elf.headers.map(({ type, flags }) => [type, flags])).toEqual([
        [PT_NOTE, 5],
        ...loads.map(() => [PT_LOAD, 5]),
      ]);
      expect(elf.headers.slice(1).map(({ address, physical }) => [address, physical])).toEqual(
        loads.map(({ physical }) => [physical + HIGH, physical]),
      );
      const wanted = copied(loads);
      if (wanted === undefined) {
        expect(() => flatten(elf)).toThrow(Failure);
        return;
      }
      expect(flatten(elf)).toEqual(wanted);
      count++;
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(count).toBeGreaterThan(150);
});

/** Whatever the bytes are: a result or a Failure, and no more memory than 1 GiB. */
function readAndFlatten(bytes: Uint8Array): void {
  let elf: Elf;
  try {
    elf = readElf("x", bytes);
    for (const header of elf.headers) segmentBytes(elf, header);
    if (elf.headers.every(({ memorySize, physical }) => memorySize < 0x10000n && physical < 0x80010000n)) flatten(elf);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

test("a file that is spoilt or cut short anywhere is read or refused, never more", () => {
  const spoilt = fc.tuple(file, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 4 }), fc.nat(300));
  fc.assert(
    fc.property(spoilt, ([{ bits, little, loads }, changes, cut]) => {
      const bytes = elfFile(bits, little, loads);
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
      readAndFlatten(bytes.subarray(0, cut));
      readAndFlatten(bytes);
    }),
    { seed: 2, numRuns: 2000 },
  );
});

describe("refused is", () => {
  const whole = elfFile(64, true, [{ physical: 0x1000n, bytes: Uint8Array.of(1, 2, 3), bss: 4n }]);
  const changed = (at: number, ...values: number[]): Uint8Array => {
    const bytes = whole.slice();
    bytes.set(values, at);
    return bytes;
  };
  /** Of the second program header, the PT_LOAD. */
  const field = (offset: number): number => 64 + 56 + offset;
  const flat = (bytes: Uint8Array) => flatten(readElf("x", bytes));

  test.each([
    ["what has no magic number", changed(1, 0), "x: not an ELF file"],
    ["an unknown class", changed(4, 3), "x: ELF class 3, neither 32 nor 64 bits"],
    ["an unknown byte order", changed(5, 0), "x: ELF byte order 0, neither little nor big"],
    ["program headers of another size", changed(54, 57), "x: program headers of a strange size"],
    ["nothing to load", changed(56, 1), "x: no PT_LOAD with bytes"],
    [
      "a segment that ends after the file",
      changed(field(8), 0xb1),
      "the segment at 0x1000 ends beyond the end of the file",
    ],
    [
      "an offset near 2^64",
      changed(field(8), ...new Array(8).fill(0xff)),
      "x: the segment at 0x1000 ends beyond the end of the file",
    ],
    [
      "bytes without memory",
      changed(field(40), 1),
      "x: the segment at 0x1000 has more bytes in the file than in memory",
    ],
    [
      "more memory than a kernel has",
      changed(field(40), 0, 0, 0, 0x40, 1),
      "x: the segment at 0x1000 ends more than 0x40000000 bytes above the lowest, 0x1000",
    ],
  ])("%s", (_, bytes, message) => {
    expect(() => flat(bytes)).toThrow(message);
  });

  test.each([
    ["segments over one another", [0x1000n, 0x1002n], 0n, "x: the segment at 0x1002 lies over the one before it"],
    [
      "memory below the first byte",
      [0x1000n, 0x800n],
      0x400n,
      "x: the segment at 0x800 has no bytes, and lies below the first that has, 0x1000",
    ],
  ] as const)("%s", (_, [first, second], bss, message) => {
    const bytes = Uint8Array.of(1, 2, 3);
    const other = bss === 0n ? bytes : new Uint8Array(0);
    const file = elfFile(64, true, [
      { physical: first, bytes, bss: 0n },
      { physical: second, bytes: other, bss },
    ]);
    expect(() => flat(file)).toThrow(message);
  });

  test("no segment of as much memory as a kernel may have", () => {
    expect(flat(changed(field(40), 0, 0, 0, 0x40)).memsz).toBe(0x4000_0000);
  });

  test("the other class, where one is asked for", () => {
    expect(() => readElf("x", whole, 32)).toThrow("x: not a 32-bit ELF file");
    expect(readElf("x", whole, 64).bits).toBe(64);
  });
});

test("an ELF file is known by its first four bytes", () => {
  expect(isElf(Uint8Array.of(0x7f, 0x45, 0x4c, 0x46))).toBe(true);
  expect(isElf(Uint8Array.of(0x7f, 0x45, 0x4c))).toBe(false);
});
