// Directories and option lines for fs2dt: mostly sound, often odd, sometimes wrong.

import fc from "fast-check";
import { hexadecimal, joined, nameText, option, sometimes, words } from "./arbitraries.ts";
import { cells, type Tree } from "./tree.ts";

export interface Case {
  readonly tree: Tree;
  /** Links and FIFOs cannot be values: commands for a shell inside the tree. */
  readonly extras: readonly string[];
  /** Without the applet's name and DIR. */
  readonly options: readonly string[];
}

type Entry = Tree[number];

/** Around what is read at once: a page, a large page, an arena of the reader. */
const EDGES = [4096, 65536, 262144].flatMap((size) => [size - 1, size, size + 1]);

const value: fc.Arbitrary<Uint8Array> = bytes(
  fc.oneof(
    { withCrossShrink: true },
    { weight: 80, arbitrary: fc.nat(23) },
    { weight: 16, arbitrary: fc.nat(4999) },
    { weight: 4, arbitrary: fc.constantFrom(...EDGES) },
  ),
);

/** Bytes that follow from few numbers, so that large values are made and shrunk at once. */
function bytes(length: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(length, fc.nat(127))
    .map(([length, half]) => Uint8Array.from({ length }, (_, at) => at * (1 + 2 * half) + (at >> 8)));
}

const ADDRESSES = ["", "0", "8", "10", "f", "F", "0a", "1,2", "1,10", "x", "1@2", "20000000000000", "20000000000001"];

/** Any bytes but the two that no name has. */
const name: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      { weight: 100, arbitrary: fc.constantFrom("n", "cpu", "memory", "pci", "ibm,dynamic-memory") },
      { weight: 19, arbitrary: nameText(1, 12) },
      { weight: 1, arbitrary: nameText(1, 240) },
    ),
    fc.oneof(
      { withCrossShrink: true },
      { weight: 7, arbitrary: fc.constant("") },
      { weight: 13, arbitrary: fc.constantFrom(...ADDRESSES).map((address) => `@${address}`) },
      { weight: 1, arbitrary: fc.nat(2 ** 31 - 1).map((address) => `@${address.toString(16)}`) },
    ),
  )
  .map(([base, address]) => `${base}${address}`)
  .map((whole) => (whole === "." || whole === ".." ? "dots" : whole));

const property: fc.Arbitrary<Entry> = fc.tuple(name, value);

const word = fc.nat(2 ** 31 - 1);
const oneCell = word.map((low) => cells(low));
const twoCells = word.map((low) => cells(0, low));

/** What fs2dt reads, empties or warns of. */
const special: fc.Arbitrary<Tree> = fc.oneof(
  { withCrossShrink: true },
  { weight: 95, arbitrary: fc.constant([]) },
  { weight: 4, arbitrary: pair(["linux,rtas-base", oneCell], ["rtas-size", fc.oneof(oneCell, twoCells)]) },
  {
    weight: 4,
    arbitrary: pair(["linux,tce-size", fc.constantFrom(cells(0), cells(4096))], ["linux,tce-base", twoCells]),
  },
  { weight: 4, arbitrary: pair(["linux,initrd-end", oneCell], ["linux,initrd-start", twoCells]) },
  { weight: 4, arbitrary: fc.constant<Tree>([["security-password", "secret"]]) },
  {
    weight: 4,
    arbitrary: pair(["reg", bytes(fc.nat(19))], ["interrupt-parent", bytes(fc.integer({ min: 3, max: 5 }))]),
  },
  { weight: 4, arbitrary: fc.constantFrom("other\0", "n\0").map((own): Tree => [["name", own]]) },
  { weight: 1, arbitrary: bytes(fc.constant(8)).map((base): Tree => [["opal-base-address", base]]) },
);

type Named = readonly [name: string, value: fc.Arbitrary<Uint8Array>];

function pair(...[[first, one], [second, other]]: readonly [Named, Named]): fc.Arbitrary<Tree> {
  return fc.tuple(one, other).map(([a, b]) => [
    [first, a],
    [second, b],
  ]);
}

/** Of two entries of one name a directory has but the first. */
function distinct(entries: Tree): Tree {
  const names = new Set<string>();
  return entries.filter(([entry]) => !names.has(entry) && names.add(entry));
}

/** A node with properties, and with others inside down to `depth` more. */
function node(depth: number): fc.Arbitrary<Tree> {
  const properties = fc.array(property, { maxLength: 11, size: "max" });
  const children =
    depth === 0
      ? fc.constant<Tree>([])
      : fc.array<Entry>(fc.tuple(name, node(depth - 1)), { maxLength: 4, size: "max" });
  return joined(properties, special, children).map(distinct);
}

const machine: fc.Arbitrary<Tree> = fc.constantFrom(2, 2, 1).map((count) => {
  const numbers = (...values: readonly number[]): Uint8Array =>
    cells(...values.flatMap((value) => (count === 2 ? [0, value] : [value])));
  const memory = (start: number, size: number): Entry => [
    `memory@${start.toString(16)}`,
    [
      ["device_type", "memory\0"],
      ["reg", numbers(start, size)],
    ],
  ];
  return [
    ["#address-cells", cells(count)],
    ["#size-cells", cells(count)],
    memory(0, 0x40000000),
    memory(0x40000000, 0x8000000),
  ];
});

/** Nodes one inside the other, about as deep as Linux takes them. */
const chain: fc.Arbitrary<Tree> = fc
  .tuple(value, fc.array(fc.tuple(name, value), { minLength: 54, maxLength: 64, size: "max" }))
  .map(([deepest, levels]) =>
    levels.reduce<Tree>(
      (inner, [name, value]) =>
        distinct([
          [name, inner],
          ["p", value],
        ]),
      [["deepest", deepest]],
    ),
  );

/** More nodes in one than are read at once. */
const row: fc.Arbitrary<Tree> = fc
  .array(value, { minLength: 150, maxLength: 299, size: "max" })
  .map((values) => values.map((value, index) => [`cpu@${index.toString(16)}`, [["reg", value]]]));

export const directories: fc.Arbitrary<Tree> = fc.oneof(
  { withCrossShrink: true },
  { weight: 6, arbitrary: joined(sometimes(2, machine), node(3)).map(distinct) },
  { weight: 1, arbitrary: chain },
  { weight: 1, arbitrary: row },
);

const extras = joined(
  sometimes(6, words("ln -s nowhere link")),
  sometimes(6, words("mkdir -p 'n' && ln -s .. n/up")),
  sometimes(30, words("mkfifo pipe")),
);

const options = joined(
  option(
    "-b",
    fc.oneof(
      { weight: 13, arbitrary: fc.constantFrom("0", "0x5000100", "4096", "0777770", "0xfffffffffff00000") },
      {
        weight: 1,
        arbitrary: fc.constantFrom("0x5000104", "-8", "1e3", "0x10000000000000000", "", "\xff", "0xfffffffffffffff8"),
      },
    ),
  ),
  sometimes(2, option("-V", fc.constantFrom("2", "3", "16", "17", "2", "3", "16", "1"))),
  sometimes(3, option("-B", nameText(0, 39))),
  sometimes(
    3,
    option(
      "-i",
      fc.oneof(
        { weight: 11, arbitrary: fc.nat(2 ** 20 - 1).map((page) => `${hexadecimal(page * 4096)},0xffffffffffffff`) },
        { weight: 1, arbitrary: fc.constant("0x2000,0x1000") },
      ),
    ),
  ),
  sometimes(
    7,
    fc.nat(2 ** 13 - 1).map((page) => [`--usable=${hexadecimal(page * 65536)},0x8000000`]),
  ),
  sometimes(4, words("--secrets")),
  sometimes(12, words("--strict")),
  sometimes(16, option("--max-size", fc.nat(19_999).map(String))),
  sometimes(2, words("-v")),
  sometimes(30, words("--nonesuch")),
);

export const fs2dtCases: fc.Arbitrary<Case> = fc.record({ tree: directories, extras, options });
