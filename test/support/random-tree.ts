// Trees and option lines for comparing the engines: mostly sound, often odd, sometimes wrong.

import { randomNumbers, type Tree } from "./tree.ts";

export interface Case {
  readonly tree: Tree;
  /** Links and FIFOs cannot be values: commands for a shell inside the tree. */
  readonly extras: readonly string[];
  /** Without the applet's name and DIR. */
  readonly options: readonly string[];
}

type Random = (limit: number) => number;

/** Around what is read at once: a page, a large page, an arena of the reader. */
const EDGES = [4096, 65536, 262144].flatMap((size) => [size - 1, size, size + 1]);

export function randomCase(seed: number): Case {
  const random = randomNumbers(seed);
  const extras = [
    ...(random(6) === 0 ? ["ln -s nowhere link"] : []),
    ...(random(6) === 0 ? ["mkdir -p 'n' && ln -s .. n/up"] : []),
    ...(random(30) === 0 ? ["mkfifo pipe"] : []),
  ];
  return { tree: randomTree(random), extras, options: randomOptions(random) };
}

function randomTree(random: Random): Tree {
  const shape = random(8);
  if (shape === 0) return chain(random, 55 + random(11));
  if (shape === 1)
    return distinct(
      Array.from({ length: 150 + random(150) }, (_, index) => [`cpu@${index.toString(16)}`, [["reg", value(random)]]]),
    );
  const cells = random(3) === 0 ? 1 : 2;
  const machine: Tree = [
    ["#address-cells", word(cells)],
    ["#size-cells", word(cells)],
    [
      "memory@0",
      [
        ["device_type", "memory\0"],
        ["reg", numbers(cells, 0, 0x40000000)],
      ],
    ],
    [
      "memory@40000000",
      [
        ["device_type", "memory\0"],
        ["reg", numbers(cells, 0x40000000, 0x8000000)],
      ],
    ],
  ];
  return distinct([...(random(2) === 0 ? machine : []), ...grown(random, 3)]);
}

function chain(random: Random, depth: number): Tree {
  let tree: Tree = [["deepest", value(random)]];
  for (let level = 1; level < depth; level++)
    tree = distinct([
      [name(random), tree],
      ["p", value(random)],
    ]);
  return tree;
}

function grown(random: Random, depth: number): Tree {
  const properties = Array.from({ length: random(12) }, (): Tree[number] => [name(random), value(random)]);
  const children =
    depth === 0 ? [] : Array.from({ length: random(5) }, (): Tree[number] => [name(random), grown(random, depth - 1)]);
  return distinct([...properties, ...special(random), ...children]);
}

function distinct(entries: Tree): Tree {
  return entries.filter(([entry], index) => entries.findIndex(([other]) => other === entry) === index);
}

/** What fs2dt reads, empties or warns of. */
function special(random: Random): Tree {
  switch (random(30)) {
    case 0:
      return [
        ["linux,rtas-base", word(random(2 ** 31))],
        ["rtas-size", numbers(1 + random(2), random(2 ** 31))],
      ];
    case 1:
      return [
        ["linux,tce-size", word(random(2) * 4096)],
        ["linux,tce-base", numbers(2, random(2 ** 31))],
      ];
    case 2:
      return [
        ["linux,initrd-end", word(random(2 ** 31))],
        ["linux,initrd-start", numbers(2, random(2 ** 29))],
      ];
    case 3:
      return [["security-password", "secret"]];
    case 4:
      return [
        ["reg", bytes(random, random(20))],
        ["interrupt-parent", bytes(random, 3 + random(3))],
      ];
    case 5:
      return [["name", random(2) === 0 ? "other\0" : "n\0"]];
    case 6:
      return random(4) === 0 ? [["opal-base-address", bytes(random, 8)]] : [];
    default:
      return [];
  }
}

/** Any bytes but the two that no name has. */
function name(random: Random): string {
  const base = [
    "cpu",
    "memory",
    "pci",
    "n",
    "ibm,dynamic-memory",
    text(random, 1 + random(random(20) === 0 ? 240 : 12)),
  ][random(6)]!;
  const addresses = [
    "",
    "0",
    "8",
    "10",
    "f",
    "F",
    "0a",
    "1,2",
    "1,10",
    "x",
    "1@2",
    "20000000000000",
    "20000000000001",
    random(2 ** 31).toString(16),
  ];
  const whole = random(3) === 0 ? base : `${base}@${addresses[random(addresses.length)]}`;
  return whole === "." || whole === ".." ? "dots" : whole;
}

function text(random: Random, length: number): string {
  return Array.from({ length }, () => String.fromCharCode(1 + random(255)))
    .join("")
    .replaceAll("/", "|");
}

function value(random: Random): Uint8Array {
  if (random(25) === 0) return bytes(random, EDGES[random(EDGES.length)]!);
  return bytes(random, random(random(6) === 0 ? 5000 : 24));
}

function bytes(random: Random, length: number): Uint8Array {
  const made = new Uint8Array(length);
  const step = 1 + 2 * random(128);
  for (let at = 0; at < length; at++) made[at] = at * step + (at >> 8);
  return made;
}

function word(value: number): Uint8Array {
  return numbers(1, value);
}

function numbers(cells: number, ...values: readonly number[]): Uint8Array {
  const made = Buffer.alloc(4 * cells * values.length);
  values.forEach((each, index) => made.writeUInt32BE(each, 4 * (cells * (index + 1) - 1)));
  return made;
}

function randomOptions(random: Random): string[] {
  const addresses = ["0", "0x5000100", "4096", "0777770", "0xfffffffffff00000"];
  const wrong = ["0x5000104", "-8", "1e3", "0x10000000000000000", "", "\xff", "0xfffffffffffffff8"];
  const sometimes = (chance: number, ...words: string[]): string[] => (random(chance) === 0 ? words : []);
  return [
    "-b",
    random(14) === 0 ? wrong[random(wrong.length)]! : addresses[random(addresses.length)]!,
    ...sometimes(2, "-V", ["2", "3", "16", "17", "2", "3", "16", "1"][random(8)]!),
    ...sometimes(3, "-B", text(random, random(40))),
    ...sometimes(
      3,
      "-i",
      random(12) === 0 ? "0x2000,0x1000" : `0x${(random(2 ** 20) * 4096).toString(16)},0xffffffffffffff`,
    ),
    ...sometimes(7, `--usable=0x${(random(2 ** 13) * 65536).toString(16)},0x8000000`),
    ...sometimes(4, "--secrets"),
    ...sometimes(12, "--strict"),
    ...sometimes(16, "--max-size", String(random(20_000))),
    ...sometimes(2, "-v"),
    ...sometimes(30, "--nonesuch"),
  ];
}
