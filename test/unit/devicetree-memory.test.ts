// Where a tree says that memory is: in memory nodes, and in the blocks that a partition can gain and lose.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { setUsableMemory } from "../../src/devicetree/edit/usable-memory.ts";
import { keptMemory, unmappedMemory } from "../../src/devicetree/kept-memory.ts";
import { leftOutRanges, memoryOf, USABLE_MEMORY } from "../../src/devicetree/memory.ts";
import type { Node } from "../../src/devicetree/tree.ts";
import { Failure } from "../../src/failure.ts";
import { contains, formatRange, intersectRanges, type MemoryRange, mergeRanges, rangeOfSize } from "../../src/range.ts";
import { cells } from "../support/tree.ts";

type Values = Readonly<Record<string, Uint8Array | string>>;

function node(name: string, values: Values, ...children: Node[]): Node {
  const bytes = (value: Uint8Array | string) => (typeof value === "string" ? Buffer.from(`${value}\0`) : value);
  const properties = Object.entries(values).map(([name, value]) => ({ name, value: bytes(value) }));
  return { name, properties, children };
}

const memory = (name: string, values: Values): Node => node(name, { device_type: "memory", ...values });

function root(...children: Node[]): Node {
  return node("", { "#address-cells": cells(2), "#size-cells": cells(2) }, ...children);
}

const BLOCK = 0x10000000n;

function blocks(values: Values): Node {
  return node("ibm,dynamic-reconfiguration-memory", { "ibm,lmb-size": cells(0, Number(BLOCK)), ...values });
}

function shown(tree: Node): string[] {
  return mergeRanges(memoryOf(tree)).map(formatRange);
}

function failure(tree: Node): string {
  try {
    memoryOf(tree);
  } catch (error) {
    if (error instanceof Failure) return `${error.place}: ${error.fact}`;
    throw error;
  }
  return "none";
}

describe("a memory node", () => {
  const reg = cells(0, 0, 0, 0x40000000);

  test("has what its reg says, unless linux,usable-memory takes that away", () => {
    expect(shown(root(memory("memory@0", { reg })))).toEqual(["0x0-0x40000000"]);
    const usable = cells(0, 0, 0, 0x10000000, 0, 0x30000000, 0, 0x10000);
    expect(shown(root(memory("memory@0", { reg, "linux,usable-memory": usable })))).toEqual([
      "0x0-0x10000000",
      "0x30000000-0x30010000",
    ]);
    expect(shown(root(memory("memory@0", { reg, "linux,usable-memory": cells(0, 0, 0, 0) })))).toEqual([]);
    expect(shown(root(memory("memory@0", { reg, "linux,usable-memory": new Uint8Array(0) })))).toEqual([]);
  });

  test("has none where it is disabled, as memory of the secure world is", () => {
    expect(shown(root(memory("secram@0", { reg, status: "disabled" })))).toEqual([]);
    expect(shown(root(memory("memory@0", { reg, status: "okay" })))).toEqual(["0x0-0x40000000"]);
  });

  test("is one by its device_type, not by its name", () => {
    expect(shown(root(node("memory@0", { reg }), memory("ram", { reg: cells(1, 0, 1, 0) })))).toEqual([
      "0x100000000-0x200000000",
    ]);
  });
});

test("more ranges than are read are refused, wherever they stand, and in however many lists", () => {
  const most = new Uint8Array(16 * 32_768);
  const more = new Uint8Array(16 * 32_769);
  const one = new Uint8Array(16);
  expect(failure(root(memory("memory@0", { reg: most })))).toBe("none");
  expect(failure(root(memory("memory@0", { reg: more })))).toBe("/memory@0/reg: 32769 ranges are more than 32768");
  const kept =
    (values: Values, ...children: Node[]) =>
    () =>
      keptMemory({ ...node("", values, ...children) });
  const counts = { "#address-cells": cells(2), "#size-cells": cells(2) };
  expect(kept(counts, node("reserved-memory", counts, node("a@0", { reg: most })))).not.toThrow();
  expect(kept(counts, node("reserved-memory", counts, node("a@0", { reg: more })))).toThrow("32769 ranges");
  expect(kept({ ...counts, "reserved-ranges": more })).toThrow("32769 ranges");
  expect(failure(root(memory("memory@0", { reg: most }), memory("memory@1", { reg: one })))).toBe(
    "/memory@1/reg: 32769 ranges are more than 32768",
  );
  const two = node("reserved-memory", counts, node("a@0", { reg: most, "no-map": "" }), node("b@0", { reg: one }));
  expect(kept(counts, two)).toThrow("/reserved-memory/b@0/reg: 32769 ranges are more than 32768");
  expect(unmappedMemory(node("", counts, two))).toEqual([]);
});

test("more runs of blocks, or usable ranges in them, than are read are refused; blocks in one run are any number", () => {
  /** The cells of a list, each `step` blocks behind the one before. */
  const listed = (count: number, step: number) =>
    cells(count, ...Array.from({ length: count }, (_, index) => [0, 0x10000 * step * index, 0, 0, 0, 8]).flat());
  const list = (count: number, step: number) =>
    root(
      node("ibm,dynamic-reconfiguration-memory", {
        "ibm,lmb-size": cells(0, 0x10000),
        "ibm,dynamic-memory": listed(count, step),
      }),
    );
  const place = "/ibm,dynamic-reconfiguration-memory";
  expect(failure(list(40_000, 1))).toBe("none");
  expect(failure(list(32_768, 2))).toBe("none");
  expect(failure(list(32_769, 2))).toBe(`${place}/ibm,dynamic-memory: 32769 ranges are more than 32768`);
  const usable = cells(0, 32_769, ...Array.from({ length: 32_769 }, () => [0, 0, 0, 1]).flat());
  const values = { "ibm,dynamic-memory": cells(1, 0, 0, 0, 0, 0, 8), "linux,drconf-usable-memory": usable };
  expect(failure(root(blocks(values)))).toBe(`${place}/linux,drconf-usable-memory: 32769 ranges are more than 32768`);
});

test("so are more in memory nodes of which no kernel takes all", () => {
  const limited = (count: number) =>
    memory("memory@0", { reg: new Uint8Array(16 * count), [USABLE_MEMORY]: new Uint8Array(0) });
  const counts = { address: 2, size: 2 };
  const part = memory("memory@1", { reg: cells(0, 0, 0, 0x3000), [USABLE_MEMORY]: cells(0, 0x1000, 0, 0x1000) });
  expect(leftOutRanges([part], counts).map(formatRange)).toEqual(["0x0-0x1000", "0x2000-0x3000"]);
  expect(() => leftOutRanges([limited(32_767), part], counts)).not.toThrow();
  expect(() => leftOutRanges([limited(32_768), part], counts)).toThrow("32769 ranges");
});

test("the usable blocks of a crash kernel are read that were written, however many lie side by side", () => {
  const values = { "ibm,lmb-size": cells(0, 0x1000000), "ibm,dynamic-memory-v2": cells(1, 40_000, 0, 0, 0, 0, 8) };
  const tree = root(memory("memory@0", { reg: cells(0, 0, 0, 0) }), blocks(values));
  setUsableMemory({ root: tree, reservations: [], address: undefined, bootCpu: 0 }, rangeOfSize(0x10000n, 39n << 34n));
  expect(shown(tree)).toEqual(["0x0-0x9c00010000"]);
});

describe("the blocks of a partition", () => {
  const first = memory("memory@0", { reg: cells(0, 0, 0, 0x20000000) });
  const list = cells(2, 2, 0, 0, 0x80000000, 0xffffffff, 0x80, 0xe, 0, 0x20000000, 0x80000002, 0, 8);

  test("are memory where the partition has them", () => {
    const only = root(blocks({ "ibm,dynamic-memory-v2": list }));
    expect(shown(only)).toEqual(["0x20000000-0x100000000"]);
    expect(shown(root(first, blocks({ "ibm,dynamic-memory-v2": list })))).toEqual(["0x0-0x100000000"]);
  });

  test.each([
    [0x8, true],
    [0x0, false],
    [0x80, false],
    [0x88, false],
    [0x28, true],
    [0x108, true],
    [0xffffff08, true],
    [0xffffff77, false],
  ])("with the flags %# are taken as by Linux", (flags, taken) => {
    const one = root(blocks({ "ibm,dynamic-memory": cells(1, 1, 0, 0, 0, 0, flags) }));
    expect(shown(one)).toEqual(taken ? ["0x100000000-0x110000000"] : []);
  });

  test("are those of ibm,dynamic-memory where there are lists of both kinds", () => {
    const old = cells(1, 8, 0, 0, 0, 0, 8);
    expect(shown(root(blocks({ "ibm,dynamic-memory": old, "ibm,dynamic-memory-v2": list })))).toEqual([
      "0x800000000-0x810000000",
    ]);
  });

  test("are none where no list of them is known, or none of their size", () => {
    expect(shown(root(first, blocks({})))).toEqual(["0x0-0x20000000"]);
    expect(shown(root(first, blocks({ "ibm,dynamic-memory-v2": list, "ibm,lmb-size": cells(1) })))).toHaveLength(1);
  });

  interface Set {
    readonly at: number;
    readonly count: number;
    readonly flags: number;
  }
  const sets = fc.array(
    fc.record({ at: fc.nat(40), count: fc.nat(9), flags: fc.constantFrom(0, 8, 0x80, 0x88, 0x48) }),
    { maxLength: 9 },
  );
  const isTaken = ({ flags }: Set): boolean => (flags & 0x88) === 8;
  /** As Linux walks over them, one by one. */
  const walked = (list: readonly Set[]): (Set & { range: MemoryRange })[] =>
    list.flatMap((set) =>
      Array.from({ length: set.count }, (_, index) => ({
        ...set,
        count: 1,
        at: set.at + index,
        range: rangeOfSize(BigInt(set.at + index) * BLOCK, BLOCK),
      })),
    );
  const words = (at: number): [number, number] => [Math.floor(at / 16), (at % 16) * Number(BLOCK)];
  const asV2 = (list: readonly Set[]): Uint8Array =>
    cells(list.length, ...list.flatMap(({ at, count, flags }) => [count, ...words(at), 7, 0, flags]));
  const asV1 = (list: readonly Set[]): Uint8Array => {
    const each = walked(list);
    return cells(each.length, ...each.flatMap(({ at, flags }) => [...words(at), 7, 0, 0, flags]));
  };

  test("are the same in both kinds of lists: what Linux takes of them, one by one", () => {
    fc.assert(
      fc.property(sets, (list) => {
        const expected = mergeRanges(
          walked(list)
            .filter(isTaken)
            .map(({ range }) => range),
        ).map(formatRange);
        expect(shown(root(blocks({ "ibm,dynamic-memory-v2": asV2(list) })))).toEqual(expected);
        expect(shown(root(blocks({ "ibm,dynamic-memory": asV1(list) })))).toEqual(expected);
      }),
    );
  });

  test("that are confined are read as what is usable of them, and the firmware's memory", () => {
    const rtas = node("rtas", { "linux,rtas-base": cells(0x77ff0000), "rtas-size": cells(0x10000) });
    const firmware = rangeOfSize(0x77ff0000n, 0x10000n);
    fc.assert(
      fc.property(sets, fc.nat(0x2f), fc.integer({ min: 1, max: 0x80 }), (list, from, size) => {
        const own = memory("memory@0", { reg: cells(0, 0, 0, 0x20000000) });
        const tree = root(own, blocks({ "ibm,dynamic-memory-v2": asV2(list) }), rtas);
        const before = mergeRanges(memoryOf(tree));
        const usable = rangeOfSize(BigInt(from) * 0x8000000n, BigInt(size) * 0x1000000n);
        fc.pre(before.some((range) => contains(range, usable)));
        setUsableMemory({ root: tree, reservations: [], address: undefined, bootCpu: 0 }, usable);
        const kept = mergeRanges([{ start: 0n, end: usable.end }, firmware]);
        expect(shown(tree)).toEqual(before.flatMap((range) => intersectRanges(range, kept)).map(formatRange));
      }),
    );
  });

  test("of a crash kernel are what linux,drconf-usable-memory has for each that is taken", () => {
    const usable = (...words: number[]): string[] =>
      shown(root(blocks({ "ibm,dynamic-memory-v2": list, "linux,drconf-usable-memory": cells(...words) })));
    const none = new Array<number>(2 * 12).fill(0);
    expect(usable(0, 0, 0, 2, 0, 0x30000000, 0, 0x1000, 0, 0x38000000, 0, 0x2000, ...none)).toEqual([
      "0x30000000-0x30001000",
      "0x38000000-0x38002000",
    ]);
    expect(usable(0, 0, 0, 0, ...none, 0, 1, 0, 0, 0, 0x1000)).toEqual([]);
  });

  test("that no list can hold are refused, and nothing is made of them before", () => {
    const v1 = (...words: number[]): string => failure(root(blocks({ "ibm,dynamic-memory": cells(...words) })));
    const v2 = (...words: number[]): string => failure(root(blocks({ "ibm,dynamic-memory-v2": cells(...words) })));
    const at = "/ibm,dynamic-reconfiguration-memory/ibm,dynamic-memory";
    expect(v1()).toBe(`${at}: 0 bytes hold no count`);
    expect(v1(0xffffffff, 0, 0, 0, 0, 0, 8)).toBe(`${at}: 28 bytes do not hold 4294967295 entries of 24`);
    expect(v2(2, 1, 0, 0, 0, 0, 8)).toBe(`${at}-v2: 28 bytes do not hold 2 entries of 24`);
    expect(v2(1, 0xffffffff, 0xffffffff, 0, 0, 0, 8)).toBe(`${at}-v2: entry 0 passes 2^64`);
    expect(v2(1, 0xffffffff, 0xffffffff, 0, 0, 0, 0x80)).toBe("none");
    expect(shown(root(blocks({ "ibm,dynamic-memory-v2": cells(1, 0xffffffff, 0, 0, 0, 0, 8) })))).toEqual([
      "0x0-0xffffffff0000000",
    ]);
    expect(failure(root(blocks({ "ibm,dynamic-memory-v2": list, "ibm,lmb-size": cells(0, 0) })))).toBe(
      "/ibm,dynamic-reconfiguration-memory/ibm,lmb-size: blocks of no bytes",
    );
  });

  test("of a crash kernel are refused where the usable ones end early", () => {
    const usable = (...words: number[]): string =>
      failure(
        root(
          blocks({
            "ibm,dynamic-memory-v2": cells(1, 0xffffffff, 0, 0, 0, 0, 8),
            "linux,drconf-usable-memory": cells(...words),
          }),
        ),
      );
    const at = "/ibm,dynamic-reconfiguration-memory/linux,drconf-usable-memory";
    expect(usable()).toBe(`${at}: 0 bytes end in the entry of block 0 of 4294967295`);
    expect(usable(0, 0, 0)).toBe(`${at}: 12 bytes end in the entry of block 1 of 4294967295`);
    expect(usable(0, 0, 0xffffffff, 0xffffffff)).toBe(`${at}: 16 bytes end in the entry of block 1 of 4294967295`);
    expect(usable(0, 1, 0, 0, 0)).toBe(`${at}: 20 bytes end in the entry of block 0 of 4294967295`);
  });
});
