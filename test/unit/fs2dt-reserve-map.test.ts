// The reserve map that a directory of arm64 lacks: fs2dt takes it from the blob that the running kernel was started with.

import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type ReadBlob, readBlob } from "../support/blob-reader.ts";
import { type FakeRun, type FakeWorld, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

const BLOB = "/sys/firmware/fdt";

/** A board whose cpus wait in the first page for where to start. */
const BOARD: Tree = [
  ["#address-cells", cells(2)],
  ["#size-cells", cells(1)],
  ["compatible", "raspberrypi,4-model-b\0brcm,bcm2711\0"],
  ["model", "Raspberry Pi 4 Model B Rev 1.4\0"],
  ["chosen", [["bootargs", "quiet\0"]]],
  ["cpus", [["cpu@0", [["enable-method", "spin-table\0"]]]]],
  ["memory@0", [["reg", cells(0, 0, 0x3b40_0000)]]],
];

const SPIN_TABLES = { start: 0n, size: 0x1000n };

const options = (...ranges: string[]) => ranges.flatMap((range) => ["--reserve", range]);

/** Where firmware put its blob. */
const PLACE = 0x2eff_2700n;

/** What firmware started the running kernel with: a blob of this tree there that has these in its reserve map. */
function started(tree: Tree, ranges: string[], ...more: string[]): Buffer {
  const path = folder.in(`started${Bun.randomUUIDv7()}`);
  makeTree(path, tree);
  const { code, out } = runInside(
    { machine: "aarch64" },
    "fs2dt",
    "-b",
    `0x${PLACE.toString(16)}`,
    ...options(...ranges),
    ...more,
    path,
  );
  expect(code).toBe(0);
  return out;
}

/** Runs fs2dt on a machine that has this blob and this tree, on `source`, in which COPY is a copy of the tree. */
function run(source: string, blob: Uint8Array | undefined, tree = BOARD, copy = tree, more: string[] = []): FakeRun {
  const root = folder.in(`machine${Bun.randomUUIDv7()}`);
  mkdirSync(`${root}/sys/firmware/devicetree`, { recursive: true });
  mkdirSync(`${root}/proc`);
  makeTree(`${root}/sys/firmware/devicetree/base`, tree);
  symlinkSync(`${root}/sys/firmware/devicetree/base`, `${root}/proc/device-tree`);
  makeTree(`${root}/copy`, copy);
  const files: NonNullable<FakeWorld["files"]> = blob === undefined ? {} : { [BLOB]: blob };
  const words = [
    "fs2dt",
    ...(more.includes("-b") ? [] : ["-b", "0x8000"]),
    ...more,
    source.replace("COPY", `${root}/copy`),
  ];
  return runInside({ machine: "aarch64", root, files }, ...words);
}

/** The reserve map without the new blob's own entry, and without that of firmware's, which is last. Nothing is said. */
function reservedBesides(blob: Uint8Array, run: FakeRun): ReadBlob["reserved"] {
  const all = reserved(run);
  expect(all.at(-1)).toEqual({ start: PLACE, size: BigInt(blob.length) });
  return all.slice(0, -1);
}

/** The reserve map without the new blob's own entry. Nothing is said. */
function reserved({ code, err, out }: FakeRun): ReadBlob["reserved"] {
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return readBlob(out).reserved.slice(0, -1);
}

const LIVE = "/proc/device-tree";
const SPIN = ["0,0x1000"];

/** What a run that is started with this blob hands on besides that blob's own entry. */
function handedOn(source: string, blob: Buffer, tree = BOARD, copy = tree, more: string[] = []): ReadBlob["reserved"] {
  return reservedBesides(blob, run(source, blob, tree, copy, more));
}

describe("what firmware reserved of the running machine", () => {
  test("is reserved for the next kernel", () => {
    expect(handedOn(LIVE, started(BOARD, SPIN))).toEqual([SPIN_TABLES]);
    expect(handedOn("/sys/firmware/devicetree/base", started(BOARD, SPIN))).toEqual([SPIN_TABLES]);
    expect(handedOn(LIVE, started(BOARD, [...SPIN, "0x3b000000,0x400000"]))).toEqual([
      SPIN_TABLES,
      { start: 0x3b00_0000n, size: 0x40_0000n },
    ]);
    expect(handedOn(LIVE, started(BOARD, []))).toEqual([]);
  });

  test("goes on from kernel to kernel, and no initrd of a kernel's start does, nor the blob's entry where the next one lies", () => {
    const first = started(BOARD, SPIN);
    const firmware = [SPIN_TABLES, { start: PLACE, size: BigInt(first.length) }];
    const second = run(LIVE, first, BOARD, BOARD, ["-i", "0x2000000,0x2345678"]);
    const third = run(LIVE, second.out, BOARD, BOARD, ["-i", "0x3000000,0x3345678"]);
    expect(reserved(third)).toEqual([...firmware, { start: 0x300_0000n, size: 0x34_5678n }]);
    expect(reserved(run(LIVE, third.out))).toEqual(firmware);
  });

  test("is not the initrd's of that start, also where whole pages were reserved", () => {
    const initrd = ["--set", "/chosen/linux,initrd-start=<0x2000000>", "--set", "/chosen/linux,initrd-end=<0x2345678>"];
    const blob = (entry: string) => started(BOARD, [...SPIN, entry], ...initrd);
    expect(handedOn(LIVE, blob("0x2000000,0x345678"))).toEqual([SPIN_TABLES]);
    expect(handedOn(LIVE, blob("0x2000000,0x350000"))).toEqual([SPIN_TABLES]);
    expect(handedOn(LIVE, blob("0x2000000,0x400000"))).toHaveLength(2);
  });

  test("is not reserved again where /reserved-memory tells of it", () => {
    const tree: Tree = [
      ...BOARD,
      [
        "reserved-memory",
        [
          ["#address-cells", cells(2)],
          ["#size-cells", cells(1)],
          ["ranges", ""],
          ["tables@0", [["reg", cells(0, 0, 0x2000)]]],
        ],
      ],
    ];
    expect(handedOn(LIVE, started(tree, SPIN), tree)).toEqual([]);
    expect(handedOn(LIVE, started(tree, ["0x1000,0x2000"]), tree)).toHaveLength(1);
  });

  test("can be taken out by --unreserve", () => {
    expect(handedOn(LIVE, started(BOARD, SPIN), BOARD, BOARD, ["--unreserve", "0,0x1000"])).toEqual([]);
  });

  test("is also that of a copy of its tree, whatever its /chosen has", () => {
    const copy = BOARD.map((entry): Tree[number] =>
      entry[0] === "chosen" ? ["chosen", [["bootargs", "x\0"]]] : entry,
    );
    expect(handedOn("COPY", started(BOARD, SPIN), BOARD, copy)).toEqual([SPIN_TABLES]);
  });

  test("is not the entry of the blob itself where a stub lay before that", () => {
    const second = run(LIVE, started(BOARD, []), BOARD, BOARD, ["-b", "0x45e00100"]);
    expect(readBlob(second.out).reserved.at(-1)?.start).toBe(0x45e0_0100n);
    expect(reserved(run(LIVE, second.out)).map(({ start }) => start)).toEqual([PLACE]);
  });

  test("is not lost where it is as long as the blob", () => {
    const blob = started(BOARD, []);
    const longer = started(BOARD, [`0x3b000000,${blob.length + 16}`]);
    expect(longer).toHaveLength(blob.length + 16);
    expect(handedOn(LIVE, longer)).toEqual([{ start: 0x3b00_0000n, size: BigInt(longer.length) }]);
  });
});

describe("a line says that it is not known", () => {
  const says = (what: string) => `fs2dt: /: ${what}, and a directory has no reserve map: --reserve adds to it\n`;

  test("where the tree is live and its blob cannot be read, or is none", () => {
    const unreadable = says("/sys/firmware/fdt cannot be read");
    expect(run(LIVE, undefined)).toMatchObject({ code: 0, err: unreadable });
    expect(run(LIVE, Buffer.alloc(100)).err).toBe(unreadable);
    expect(run(LIVE, started(BOARD, SPIN).subarray(0, -8)).err).toBe(unreadable);
  });

  test.each<[string, (entry: Tree[number]) => Tree[number]]>([
    ["model", (entry) => (entry[0] === "model" ? ["model", "Raspberry Pi 4 Model B Rev 1.5\0"] : entry)],
    ["compatible", (entry) => (entry[0] === "compatible" ? ["compatible", "brcm,bcm2712\0"] : entry)],
    ["memory", (entry) => (entry[0] === "memory@0" ? ["memory@0", [["reg", cells(0, 0, 0x4000_0000)]]] : entry)],
    ["cpus", (entry) => (entry[0] === "cpus" ? ["cpus", [["cpu@1", [["enable-method", "psci\0"]]]]] : entry)],
  ])("where the blob is of a machine with another %s", (_, change) => {
    const { code, err, out } = run("COPY", started(BOARD, SPIN), BOARD, BOARD.map(change));
    expect({ code, err }).toEqual({ code: 0, err: says("/sys/firmware/fdt is of another tree") });
    expect(readBlob(out).reserved).toHaveLength(1);
  });

  test("where the blob is there and cannot be read, of a copy of its tree too", () => {
    const unreadable = says("/sys/firmware/fdt cannot be read");
    expect(run("COPY", started(BOARD, SPIN).subarray(0, -8))).toMatchObject({ code: 0, err: unreadable });
  });

  test("but not of a tree from elsewhere on a machine that has no such blob", () => {
    expect(reserved(run("COPY", undefined))).toEqual([]);
  });
});

test("a blob keeps its own reserve map, whatever the running kernel was started with", () => {
  writeFileSync(folder.in("blob"), started(BOARD, ["0x5000,0x1000"]));
  const blob = readFileSync(folder.in("blob"));
  expect(reservedBesides(blob, run(folder.in("blob"), started(BOARD, SPIN)))).toEqual([
    { start: 0x5000n, size: 0x1000n },
  ]);
});

test("a tree of another machine is left as it is", () => {
  const ppc64 = BOARD.filter(([name]) => name !== "cpus");
  expect(reserved(run(LIVE, started(BOARD, SPIN), ppc64))).toEqual([]);
  expect(reserved(run(LIVE, undefined, ppc64))).toEqual([]);
});
