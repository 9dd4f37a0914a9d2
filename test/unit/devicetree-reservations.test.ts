// The reservations that fs2dt makes of pairs of properties.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { hex } from "../../src/failure.ts";
import { readBlob } from "../support/blob-reader.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();
let turn = 0;

/** What fs2dt makes of a tree that lies at 0x8000; its own reservation is left out. */
function flattened(tree: Tree, ...options: string[]): { code: number; err: string; reserved: [bigint, bigint][] } {
  const path = folder.in(`tree${turn++}`);
  makeTree(path, tree);
  const { code, err, out } = runInside({}, "fs2dt", "-b", "0x8000", ...options, path);
  if (code !== 0) expect(out.length).toBe(0);
  const ranges = code === 0 ? readBlob(out).reserved.map(({ start, size }): [bigint, bigint] => [start, size]) : [];
  if (code === 0) expect(ranges.pop()).toEqual([0x8000n, BigInt(out.length)]);
  return { code, err: err.replaceAll(path, ""), reserved: ranges };
}

const u32 = (value: number): Uint8Array => cells(value);
const u64 = (value: bigint): Uint8Array => cells(Number(value >> 32n), Number(value & 0xffffffffn));

const pairs = [
  ["linux,rtas-base", "rtas-size", false],
  ["linux,tce-base", "linux,tce-size", false],
  ["linux,initrd-start", "linux,initrd-end", true],
  ["opal-base-address", "opal-runtime-size", false],
] as const;

describe.each(pairs)("%s and %s", (first, second, isEnd) => {
  const secondOf = (start: bigint, size: bigint): bigint => (isEnd ? start + size : size);

  test("become one reservation, in one cell or in two, created in either order", () => {
    for (const start of [u32(0x2f000000), u64(0x2f000000n)]) {
      for (const other of [u32(Number(secondOf(0x2f000000n, 0x1234n))), u64(secondOf(0x2f000000n, 0x1234n))]) {
        const entries: Tree = [
          [first, start],
          [second, other],
        ];
        for (const node of [entries, entries.toReversed()]) {
          expect(flattened([["somewhere", [["inside", node]]]])).toEqual({
            code: 0,
            err: "",
            reserved: [[0x2f000000n, 0x1234n]],
          });
        }
      }
    }
  });

  test("keep every digit above 2^53", () => {
    const [start, size] = [0x20_0000_0000_0001n, 0x7_0000_0000_0003n];
    expect(
      flattened([
        [
          "n",
          [
            [first, u64(start)],
            [second, u64(secondOf(start, size))],
          ],
        ],
      ]).reserved,
    ).toEqual([[start, size]]);
  });

  test("of no bytes reserve nothing: in the map that would be its end", () => {
    const empty: Tree = [
      [first, u64(0x1000n)],
      [second, u64(secondOf(0x1000n, 0n))],
    ];
    expect(
      flattened([
        ["a", empty],
        [
          "rtas",
          [
            ["linux,rtas-base", u32(0x5000)],
            ["rtas-size", u32(16)],
          ],
        ],
      ]),
    ).toEqual({ code: 0, err: "", reserved: [[0x5000n, 16n]] });
  });

  test("may end at 2^64, but for the initrd, whose end would not fit", () => {
    const start = 0xffff_ffff_ffff_0000n;
    const size = isEnd ? 0xffffn : 0x10000n;
    expect(
      flattened([
        [
          "n",
          [
            [first, u64(start)],
            [second, u64(secondOf(start, size))],
          ],
        ],
      ]).reserved,
    ).toEqual([[start, size]]);
  });

  const lone = (name: string, value: Uint8Array) => flattened([["n", [[name, value]]]]);
  const failed = (fact: string) => ({ code: 1, err: `fs2dt: /n: ${fact}\n`, reserved: [] });

  test("of which the second is missing are an error that names both", () => {
    expect(lone(first, u32(0x1000))).toEqual(failed(`${first} without ${second}`));
  });

  test(`of which the first is missing are ${isEnd ? "the same" : "no error: nothing is kept there yet"}`, () => {
    const nothing = { code: 0, err: "", reserved: [] };
    expect(lone(second, u32(0x1000))).toEqual(isEnd ? failed(`${second} without ${first}`) : nothing);
    if (!isEnd) expect(lone(second, new Uint8Array(3))).toEqual(nothing);
  });

  test("in two nodes are no pair", () => {
    expect(
      flattened([
        ["a", [[first, u32(0x1000)]]],
        ["b", [[second, u32(0x2000)]]],
      ]).code,
    ).toBe(1);
  });

  test("of neither one cell nor two are an error that names the property", () => {
    for (const size of [0, 3, 5, 12, 16]) {
      expect(
        flattened([
          [
            "n",
            [
              [first, new Uint8Array(size)],
              [second, u32(1)],
            ],
          ],
        ]),
      ).toEqual({
        code: 1,
        err: `fs2dt: /n/${first}: ${size} bytes are neither one cell nor two\n`,
        reserved: [],
      });
      expect(
        flattened([
          [
            "n",
            [
              [first, u32(1)],
              [second, new Uint8Array(size)],
            ],
          ],
        ]).err,
      ).toBe(`fs2dt: /n/${second}: ${size} bytes are neither one cell nor two\n`);
    }
  });
});

describe("reservations", () => {
  test("stand in the order of the walk, the root's first, then the blob itself, then the end", () => {
    const { reserved } = flattened([
      ["opal-base-address", u64(0x3000n)],
      ["opal-runtime-size", u64(0x30n)],
      [
        "cpu@10",
        [
          ["linux,tce-base", u64(0x2000n)],
          ["linux,tce-size", u32(0x20)],
        ],
      ],
      [
        "cpu@8",
        [
          ["linux,tce-base", u64(0x1000n)],
          ["linux,tce-size", u32(0x10)],
        ],
      ],
    ]);
    expect(reserved).toEqual([
      [0x3000n, 0x30n],
      [0x1000n, 0x10n],
      [0x2000n, 0x20n],
    ]);
  });

  test("of two pairs in one node are two", () => {
    const { reserved } = flattened([
      [
        "rtas",
        [
          ["rtas-size", u32(0x10)],
          ["linux,tce-size", u32(0x20)],
          ["linux,rtas-base", u32(0x1000)],
          ["linux,tce-base", u64(0x2000n)],
        ],
      ],
    ]);
    expect(reserved).toEqual([
      [0x1000n, 0x10n],
      [0x2000n, 0x20n],
    ]);
  });

  test("that pass 2^64 are an error with both numbers", () => {
    expect(
      flattened([
        [
          "rtas",
          [
            ["linux,rtas-base", u64(0xffff_ffff_ffff_0000n)],
            ["rtas-size", u64(0x10001n)],
          ],
        ],
      ]),
    ).toEqual({
      code: 1,
      err: "fs2dt: /rtas: linux,rtas-base 0xffffffffffff0000 and rtas-size 0x10001 pass 2^64\n",
      reserved: [],
    });
  });

  test("of an initrd that ends before it starts are an error with both addresses", () => {
    expect(
      flattened([
        [
          "chosen",
          [
            ["linux,initrd-start", u32(0x2000)],
            ["linux,initrd-end", u64(0x1fffn)],
          ],
        ],
      ]),
    ).toEqual({
      code: 1,
      err: "fs2dt: /chosen: linux,initrd-end 0x1fff is below linux,initrd-start 0x2000\n",
      reserved: [],
    });
  });
});

describe("a blob at an address", () => {
  const FIRMWARE = 0x4800_0000n;

  /** Edits a blob that has an entry of its own at 0x8000 and one of firmware's that is as long. */
  function edited(...options: string[]) {
    const [blob, tree] = [folder.in(`blob${turn}`), folder.in(`tree${turn++}`)];
    makeTree(tree, [["n", []]]);
    const own = runInside({}, "fs2dt", "-b", "0x8000", tree).out;
    const reserve = ["--reserve", `${hex(FIRMWARE)},${own.length + 16}`];
    writeFileSync(blob, runInside({}, "fs2dt", "-b", "0x8000", ...reserve, tree).out);
    const { code, err, out } = runInside({}, "dtedit", ...options, blob, "-");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    return { before: BigInt(own.length + 16), length: BigInt(out.length), reserved: readBlob(out).reserved };
  }

  test("stays there when dtedit changes it: what may be its own entry grows with it", () => {
    const { length, reserved } = edited("--set", "/p=<1 2 3>");
    expect(reserved).toEqual([
      { start: FIRMWARE, size: length },
      { start: 0x8000n, size: length },
    ]);
  });

  test("gives up nothing when it gets shorter", () => {
    const { before, length, reserved } = edited("--delete-node", "/n");
    expect(length).toBeLessThan(before);
    expect(reserved.map(({ size }) => size)).toEqual([before, before]);
  });

  test("grows no entry beyond 2^64", () => {
    const blob = folder.in(`blob${turn}`);
    makeTree(folder.in(`tree${turn}`), [["n", []]]);
    const { length } = runInside({}, "fs2dt", "-b", "0x8000", folder.in(`tree${turn++}`)).out;
    const last = `${hex((1n << 64n) - BigInt(length + 16))},${length + 16}`;
    const reserve = ["--reserve", last, "-b", "0x8000"];
    writeFileSync(blob, runInside({}, "fs2dt", ...reserve, folder.in(`tree${turn - 1}`)).out);
    const { code, out } = runInside({}, "dtedit", "--set", "/p=<1 2 3>", blob, "-");
    expect(code).toBe(0);
    expect(readBlob(out).reserved[0]).toEqual({ start: (1n << 64n) - BigInt(length + 16), size: BigInt(length + 16) });
  });

  test("is reserved once where -b says where it lies, and once more where -b moves it", () => {
    const { before, length, reserved } = edited("-b", "0x8000", "--set", "/p=<1 2 3>");
    expect(reserved).toEqual([
      { start: FIRMWARE, size: before },
      { start: 0x8000n, size: length },
    ]);
    expect(edited("-b", "0x10000").reserved.map(({ start }) => start)).toEqual([FIRMWARE, 0x8000n, 0x10000n]);
  });

  function size(address: string): { code: number; err: string; bytes: number } {
    const path = folder.in(`tree${turn++}`);
    makeTree(path, [["model", "x\0"]]);
    const { code, err, out } = runInside({}, "fs2dt", "-b", address, path);
    return { code, err, bytes: out.length };
  }

  test("may end at 2^64, and not one byte above", () => {
    const bytes = BigInt(size("0").bytes);
    expect(bytes % 8n).toBe(0n);
    expect(size(hex((1n << 64n) - bytes)).code).toBe(0);
    expect(size(hex((1n << 64n) - bytes + 8n))).toEqual({
      code: 1,
      err: `fs2dt: ${hex((1n << 64n) - bytes + 8n)}: a blob of ${hex(bytes)} bytes ends above 2^64\n`,
      bytes: 0,
    });
  });
});
