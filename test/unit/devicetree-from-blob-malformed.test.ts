// Sound blobs of dtc's, of every version, broken one field at a time: each is refused by a name of its own, and nothing
// around a blob is ever read.

import { afterAll, describe, expect, test } from "bun:test";
import { versions } from "../../src/devicetree/format.ts";
import { faults, treeFromBlob } from "../../src/devicetree/from/blob.ts";
import type { DeviceTree } from "../../src/devicetree/tree.ts";
import { visit } from "../../src/devicetree/walk.ts";
import { Failure } from "../../src/failure.ts";
import { type Field, type Tour, tourOf } from "../support/blob-tour.ts";
import { meaning } from "../support/device-trees.ts";
import { present } from "../support/present.ts";
import {
  BOOT_CPU,
  changed,
  changesOf,
  flipped,
  range,
  soundBlob,
  soundBlobs,
  written,
} from "../support/sound-blobs.ts";
import { cells } from "../support/tree.ts";
import { blobOfStructure, blobOfWords } from "../support/words.ts";

type Fault = keyof typeof faults;

/** A letter that is nowhere in the blobs, and what could be taken for an end, for tokens, for a length. */
const POISONS = [0x5a, 0x00, 0x09, 0x01, 0xff];
const AROUND = 4096;

const proven = new Set<Fault>();

/** What is made of the blob in the middle of other bytes: the same whatever those are, and none of them in it. */
function read(blob: Uint8Array): DeviceTree | Fault {
  // Where it says how long it is, what follows it in a file is around it too.
  const more = blob.length >= 8 && Buffer.from(blob).readUInt32BE(4) === blob.length ? [0, 64] : [0];
  const [first, ...others] = POISONS.flatMap((poison) => more.map((behind) => readWithin(poison, blob, behind)));
  const { said, tree } = present(first);
  // Only where it fails: there are hundreds of thousands of these.
  for (const other of others) if (other.said !== said) expect(other.said).toBe(said);
  if (tree !== undefined) return tree;
  const fault = faultIn(said);
  proven.add(fault);
  return fault;
}

/** What is made of it in memory that is full of one byte, of which `behind` bytes follow it in the file; and all that says. */
function readWithin(poison: number, blob: Uint8Array, behind: number): { tree?: DeviceTree; said: string } {
  const memory = new Uint8Array(2 * AROUND + blob.length).fill(poison);
  memory.set(blob, AROUND);
  try {
    const tree = treeFromBlob(memory.subarray(AROUND, AROUND + blob.length + behind), "blob");
    expectWithin(tree, memory, AROUND + blob.length);
    return { tree, said: meaning(tree) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    expect(error.place).toBe("blob");
    return { said: error.fact };
  }
}

function expectWithin({ root }: DeviceTree, memory: Uint8Array, end: number): void {
  visit(root, {
    enter({ name, properties }) {
      const isWithin = properties.every(
        ({ name: own, value: { buffer, byteOffset, length } }) =>
          !own.includes("Z") && buffer === memory.buffer && byteOffset >= AROUND && byteOffset + length <= end,
      );
      if (name.includes("Z") || !isWithin) throw new Error(`something of ${name} lies around the blob`);
    },
  });
}

/** `at 0x14: bad-version: ...`, or `bad-magic: ...` where there is nothing to be at. */
function faultIn(fact: string): Fault {
  const name = /^(?:at 0x[0-9a-f]+: )?([a-z-]+): \S/.exec(fact)?.[1];
  expect(Object.keys(faults)).toContain(present(name));
  return name as Fault;
}

function faultOf(blob: Uint8Array): Fault | "none" {
  const outcome = read(blob);
  return typeof outcome === "string" ? outcome : "none";
}

const INTACT = new Map([...soundBlobs].map(([version, blob]) => [version, treeFromBlob(blob, "sound")]));

describe("a sound blob of version", () => {
  test.each([...versions])("%d is read as it was meant, wherever it lies", (version) => {
    const tree = read(soundBlob(version)) as DeviceTree;
    expect(tree).toMatchObject({
      bootCpu: version === 1 ? 0 : BOOT_CPU,
      reservations: [
        { start: 0x1000n, end: 0x3000n },
        { start: 0x4000n, end: 0x4800n },
      ],
    });
    expect(meaning({ ...tree, bootCpu: 0 })).toBe(meaning({ ...present(INTACT.get(17)), bootCpu: 0 }));
  });
});

/** One word of one field made into another. Offsets are of the n-th field of that name, from 0. */
interface Breakage {
  readonly field: Field;
  readonly nth?: number;
  readonly to: string;
  readonly words: (blob: Buffer, tour: Tour, at: number) => readonly number[];
  /** By version; "none" where a sound blob comes of it, which says something else. */
  readonly expected: Fault | "none" | ((version: number) => Fault | "none");
}

/** From version 3 a blob says how long its strings are, from 17 how long its structure is. */
const knowsStrings = (version: number): boolean => version >= 3;
const knowsStructure = (version: number): boolean => version >= 17;

const breakages: readonly Breakage[] = [
  { field: "magic", to: "another number", words: () => [0xd00dfeee], expected: "bad-magic" },
  { field: "magic", to: "its bytes turned round", words: () => [0xedfe0dd0], expected: "bad-magic" },
  { field: "totalsize", to: "0", words: () => [0], expected: "bad-totalsize" },
  { field: "totalsize", to: "less than a header", words: (_, { header }) => [header - 1], expected: "bad-totalsize" },
  { field: "totalsize", to: "more than there is", words: (blob) => [blob.length + 1], expected: "bad-totalsize" },
  { field: "totalsize", to: "the largest number", words: () => [0xffffffff], expected: "bad-totalsize" },
  {
    field: "totalsize",
    to: "one byte less",
    words: (blob) => [blob.length - 1],
    expected: (version) => (knowsStrings(version) ? "bad-strings" : "bad-property-name"),
  },
  {
    field: "off_dt_struct",
    to: "within the header",
    words: (_, { header }) => [header - 4],
    expected: "bad-structure",
  },
  {
    field: "off_dt_struct",
    to: "no whole word",
    words: (_, { structure }) => [structure + 2],
    expected: "bad-structure",
  },
  { field: "off_dt_struct", to: "behind the end", words: (blob) => [blob.length + 4], expected: "bad-structure" },
  { field: "off_dt_struct", to: "the last word there can be", words: () => [0xfffffffc], expected: "bad-structure" },
  { field: "off_dt_struct", to: "one word on", words: (_, { structure }) => [structure + 4], expected: "bad-token" },
  { field: "off_dt_strings", to: "within the header", words: (_, { header }) => [header - 1], expected: "bad-strings" },
  { field: "off_dt_strings", to: "behind the end", words: (blob) => [blob.length + 1], expected: "bad-strings" },
  { field: "off_dt_strings", to: "the largest number", words: () => [0xffffffff], expected: "bad-strings" },
  {
    field: "off_dt_strings",
    to: "the end",
    words: (blob) => [blob.length],
    expected: (version) => (knowsStrings(version) ? "bad-strings" : "bad-property-name"),
  },
  { field: "off_mem_rsvmap", to: "0", words: () => [0], expected: "bad-reserve-map" },
  {
    field: "off_mem_rsvmap",
    to: "no whole doubleword",
    words: (_, { header }) => [8 * Math.ceil(header / 8) + 4],
    expected: "bad-reserve-map",
  },
  {
    field: "off_mem_rsvmap",
    to: "the end",
    words: (blob) => [8 * Math.floor(blob.length / 8)],
    expected: "bad-reserve-map",
  },
  { field: "off_mem_rsvmap", to: "the last there can be", words: () => [0xfffffff8], expected: "bad-reserve-map" },
  {
    field: "off_mem_rsvmap",
    to: "its own second entry",
    words: (blob) => [blob.readUInt32BE(16) + 16],
    expected: "none",
  },
  { field: "version", to: "0", words: () => [0], expected: "bad-version" },
  ...[4, 15].map(
    (version): Breakage => ({
      field: "version",
      to: `${version}, which never was`,
      words: () => [version],
      expected: "bad-version",
    }),
  ),
  {
    field: "version",
    to: "a later one, whose blobs readers of this one understand",
    words: () => [18],
    // As version 17 it has to have that one's header.
    expected: (version) => (version === 17 ? "none" : version >= 3 ? "structure-ends" : "bad-structure"),
  },
  { field: "last_comp_version", to: "18", words: () => [18], expected: "bad-version" },
  {
    field: "last_comp_version",
    to: "one above the version",
    words: (_, { version }) => [version + 1],
    expected: "bad-version",
  },
  {
    field: "last_comp_version",
    to: "0, which says nothing to those who know the version",
    words: () => [0],
    expected: "none",
  },
  { field: "boot_cpuid_phys", to: "any other", words: () => [0xffffffff], expected: "none" },
  { field: "size_dt_strings", to: "0", words: () => [0], expected: "bad-property-name" },
  {
    field: "size_dt_strings",
    to: "one byte less",
    words: (blob) => [blob.readUInt32BE(32) - 1],
    expected: "bad-property-name",
  },
  {
    field: "size_dt_strings",
    to: "one byte more",
    words: (blob) => [blob.readUInt32BE(32) + 1],
    expected: "bad-strings",
  },
  { field: "size_dt_strings", to: "the largest number", words: () => [0xffffffff], expected: "bad-strings" },
  { field: "size_dt_struct", to: "0", words: () => [0], expected: "structure-ends" },
  ...[1, 2, 3, 4].map(
    (less): Breakage => ({
      field: "size_dt_struct",
      to: `${less} bytes less`,
      words: (blob) => [blob.readUInt32BE(36) - less],
      expected: "structure-ends",
    }),
  ),
  {
    field: "size_dt_struct",
    to: "a word more, behind the end of the tree",
    words: (blob) => [blob.readUInt32BE(36) + 4],
    expected: "none",
  },
  {
    field: "size_dt_struct",
    to: "more than there is",
    words: (blob, { structure }) => [blob.length - structure + 1],
    expected: "bad-structure",
  },
  { field: "size_dt_struct", to: "the largest number", words: () => [0xffffffff], expected: "bad-structure" },
  { field: "reserve-address", to: "another", words: () => [0, 0x5000], expected: "none" },
  {
    field: "reserve-address",
    to: "what its size passes 2^64 by",
    words: () => [0xffffffff, 0xffffffff],
    expected: "bad-reserve-map",
  },
  { field: "reserve-size", to: "0, which is the end", words: () => [0, 0], expected: "none" },
  {
    field: "reserve-size",
    to: "the largest number",
    words: () => [0xffffffff, 0xffffffff],
    expected: "bad-reserve-map",
  },
  {
    field: "reserve-end",
    to: "no end, and past 2^64",
    words: () => [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    expected: "bad-reserve-map",
  },
  // Nothing, what never was, one that is no more, and a token of the other byte order.
  ...(["begin-node", "property", "end-node", "end"] as const).flatMap((field) =>
    [0, 5, 10, 0x01000000, 0xffffffff].map(
      (token): Breakage => ({
        field,
        to: `0x${token.toString(16)}`,
        words: () => [token],
        expected: "bad-token",
      }),
    ),
  ),
  { field: "begin-node", to: "the end of a node that never began", words: () => [2], expected: "bad-token" },
  { field: "begin-node", to: "a property of nothing", words: () => [3], expected: "bad-token" },
  { field: "begin-node", to: "the end of a tree without a root", words: () => [9], expected: "bad-token" },
  {
    field: "end",
    to: "nothing said, up to the end",
    words: () => [4],
    expected: (version) => (knowsStructure(version) ? "structure-ends" : "bad-token"),
  },
  { field: "end", to: "a second root", words: () => [1], expected: "second-root" },
  { field: "end", to: "one node ended too often", words: () => [2], expected: "bad-token" },
  { field: "end-node", to: "the end, inside nodes", words: () => [9], expected: "bad-token" },
  {
    field: "end-node",
    to: "nothing said: a node that never ends",
    words: () => [4],
    expected: (version) => (version < 16 ? "bad-node-name" : "bad-token"),
  },
  { field: "length", to: "the largest number", words: () => [0xffffffff], expected: "bad-property-length" },
  { field: "length", to: "the whole blob's", words: (blob) => [blob.length], expected: "bad-property-length" },
  {
    field: "length",
    to: "one byte more than there is",
    words: (blob, { strings, version }, at) => [(knowsStructure(version) ? strings : blob.length) - at - 8 + 1],
    expected: "bad-property-length",
  },
  {
    field: "name-offset",
    to: "the end of the strings",
    words: (blob, { strings }) => [blob.length - strings],
    expected: "bad-property-name",
  },
  { field: "name-offset", to: "the largest number", words: () => [0xffffffff], expected: "bad-property-name" },
  {
    field: "name-offset",
    to: "a NUL",
    words: (blob, { strings }) => [blob.indexOf(0, strings) - strings],
    expected: "bad-property-name",
  },
];

describe("with one field changed:", () => {
  for (const { field, nth = 0, to, words, expected } of breakages) {
    const having = [...soundBlobs].filter(([, blob]) => tourOf(blob).fields.some((each) => each.field === field));
    test.each(having)(`${field} to ${to}, in version %d`, (version, blob) => {
      const tour = tourOf(blob);
      const { at } = present(tour.fields.filter((each) => each.field === field)[nth]);
      const broken = changed(blob, at, ...words(blob, tour, at));
      expect(broken.equals(blob)).toBe(false);
      expect(faultOf(broken)).toBe(typeof expected === "function" ? expected(version) : expected);
    });
  }

  test("every field is among them", () => {
    const fields = new Set([...soundBlobs.values()].flatMap((blob) => tourOf(blob).fields.map(({ field }) => field)));
    expect(new Set(breakages.map(({ field }) => field))).toEqual(fields);
  });
});

describe("with other bytes in it:", () => {
  test.each([...soundBlobs])("any byte of a value is a value's, in version %d", (_, blob) => {
    for (const { start, end } of tourOf(blob).values) {
      for (let at = start; at < end; at++) expect(faultOf(flipped(blob, at, 0xff))).toBe("none");
    }
  });

  test.each([...soundBlobs])("any byte of a property's name is a name's, in version %d", (_, blob) => {
    for (const { start, end } of tourOf(blob).propertyNames) {
      for (let at = start; at < end - 1; at++) expect(faultOf(flipped(blob, at, 0x80))).toBe("none");
    }
  });

  test.each([...soundBlobs])(
    "a node's name may be any, but a path its parent's and a name, in version %d",
    (version, blob) => {
      const {
        nodeNames: [root, ...others],
        strings,
      } = tourOf(blob);
      expect(faultOf(flipped(blob, present(root).start, 0x51))).toBe("bad-node-name");
      for (const { start, end } of others) {
        const path = blob.toString("latin1", start, end - 1);
        const name = start + path.lastIndexOf("/") + 1;
        const leads =
          version < 16 &&
          others.some((other) => blob.toString("latin1", other.start, other.end).startsWith(`${path}/`));
        for (const at of range(name, end - 1)) {
          expect(faultOf(flipped(blob, at, 0x80))).toBe(leads ? "bad-node-name" : "none");
          expect(faultOf(written(blob, at, 0x2f))).toBe("bad-node-name");
        }
        for (const at of range(start, name)) expect(faultOf(flipped(blob, at, 0x80))).toBe("bad-node-name");
        expect(faultOf(written(blob, name, 0))).toBe("bad-node-name");
        // In others it would end in the strings, where something else is wrong.
        if (version === 17)
          expect(faultOf(written(blob, end - 1, ...Array<number>(strings - end + 1).fill(0x51)))).toBe("bad-node-name");
      }
    },
  );

  test.each([...soundBlobs])("what fills a gap says nothing, in version %d", (version, blob) => {
    const { header, nodeNames, values } = tourOf(blob);
    const behind = [...nodeNames, ...values].flatMap(({ end }) => range(end, Math.ceil(end / 4) * 4));
    expect(behind.length).toBeGreaterThan(3);
    for (const at of [...range(header, blob.readUInt32BE(16)), ...behind]) {
      expect(meaning(read(flipped(blob, at, 0xff)) as DeviceTree)).toBe(meaning(present(INTACT.get(version))));
    }
  });
});

describe("cut off after any byte, in version", () => {
  test.each([...soundBlobs])("%d, is not all there", (_, blob) => {
    for (const length of range(0, blob.length)) {
      expect(faultOf(blob.subarray(0, length))).toBe(length < 28 ? "bad-magic" : "bad-totalsize");
    }
  });

  test.each([...soundBlobs])("%d, with a size that says so, lacks a part", (version, blob) => {
    const { header } = tourOf(blob);
    for (const length of range(28, blob.length)) {
      const fault = faultOf(changed(blob, 4, length).subarray(0, length));
      if (length < header) expect(fault).toBe("bad-totalsize");
      // The strings stand last.
      else if (knowsStrings(version)) expect(fault).toBe("bad-strings");
      else
        expect([
          "bad-strings",
          "bad-structure",
          "structure-ends",
          "bad-property-length",
          "bad-property-name",
        ]).toContain(fault);
    }
  });
});

/** "" where there is none. */
function refusalOf(blob: Uint8Array): string {
  try {
    treeFromBlob(blob, "blob");
    return "";
  } catch (error) {
    return (error as Failure).fact;
  }
}

describe("any change at all, in version", () => {
  test.each([...soundBlobs])(
    "%d, makes another sound blob or one that is refused by name",
    (_, blob) => {
      const faults = changesOf(blob).map((broken) => faultOf(broken));
      expect(faults.filter((fault) => fault === "none").length).toBeGreaterThan(500);
      expect(faults.filter((fault) => fault !== "none").length).toBeGreaterThan(500);
    },
    60_000,
  );
});

describe("a structure that is well formed word by word", () => {
  const X = 0x78000000;
  const child = [1, X, 2];
  const chain = (depth: number): number[] => [
    1,
    0,
    ...Array.from({ length: depth }, () => [1, X]).flat(),
    ...Array<number>(depth + 1).fill(2),
    9,
  ];
  const emptyProperties = (count: number): Uint8Array =>
    Buffer.concat([cells(1, 0), Buffer.alloc(12 * count, cells(3, 0, 0)), cells(2, 9)]);

  test.each<[string, readonly number[], Fault | "none"]>([
    ["nothing but the root", [1, 0, 2, 9], "none"],
    ["words that say nothing anywhere", [4, 1, 0, 4, 3, 0, 0, 4, ...child, 4, 2, 4, 9], "none"],
    ["a property behind a child", [1, 0, ...child, 3, 0, 0, 2, 9], "property-after-node"],
    ["a second root", [1, 0, 2, 1, 0, 2, 9], "second-root"],
    ["64 nodes, one in the other", chain(64), "none"],
    ["65 nodes, one in the other", chain(65), "too-deep"],
    ["a node whose name is of the root", [1, 0, 1, 0, 2, 2, 9], "bad-node-name"],
    ["a root with a name", [1, X, 2, 9], "bad-node-name"],
  ])("of %s", (_, words, expected) => {
    const blob = blobOfWords(...words);
    expect(faultOf(blob)).toBe(expected);
  });

  test("has its reserve map at a multiple of 8, though it would be one at half of that", () => {
    const blob = blobOfStructure(cells(1, 0, 2, 9), undefined, cells(0, 0, 0, 0, 0, 0));
    expect(faultOf(blob)).toBe("none");
    expect(faultOf(changed(blob, 16, 48))).toBe("none");
    expect(faultOf(changed(blob, 16, 44))).toBe("bad-reserve-map");
  });

  test("may have a million nodes and properties, with the reservations, and not one more", () => {
    const most = emptyProperties(999_999);
    expect(treeFromBlob(blobOfStructure(most), "blob").root.properties).toHaveLength(999_999);
    const one = cells(0, 0, 0, 8, 0, 0, 0, 0);
    for (const blob of [blobOfStructure(emptyProperties(1_000_000)), blobOfStructure(most, undefined, one)]) {
      expect(refusalOf(blob)).toMatch(/: too-many: more than 1000000 nodes, properties and reservations$/);
    }
    proven.add("too-many");
  }, 60_000);

  test("may have 16 MiB of names, though they share their bytes in the blob", () => {
    const length = 1024 * 1024;
    const strings = Buffer.alloc(length + 1, "s");
    strings[length] = 0;
    const withNames = (count: number): Buffer =>
      blobOfStructure(cells(1, 0, ...range(0, count).flatMap((offset) => [3, 0, offset]), 2, 9), strings);
    // 16 of them, each one byte shorter than the one before, leave room for none of that size: the 17th, at this place.
    const place = 56 + 8 + 12 * 16;
    expect(() => treeFromBlob(withNames(17), "blob")).toThrow(
      `blob: at 0x${place.toString(16)}: too-many: more than 16777216 bytes of paths and names`,
    );
  }, 60_000);

  test("may have 16 MiB of them, though many properties have the same long one", () => {
    const named = (length: number, count: number): Buffer =>
      blobOfStructure(
        cells(1, 0, ...range(0, count).flatMap(() => [3, 0, 0]), 2, 9),
        Buffer.from(`${"s".repeat(length)}\0`),
      );
    expect(() => treeFromBlob(named(2 ** 20, 16), "blob")).not.toThrow();
    expect(() => treeFromBlob(named(2 ** 20, 17), "blob")).toThrow("more than 16777216 bytes of paths and names");
  }, 60_000);
});

afterAll(() => {
  // Each name in the table was a refusal above.
  expect([...proven].sort()).toEqual((Object.keys(faults) as Fault[]).sort());
});
