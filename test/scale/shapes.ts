// For each command the shapes of input that make programs slow: lists in lists, many names, long lines, each of any size.

import { applets } from "../../src/applets/table.ts";
import type { Node } from "../../src/devicetree/tree.ts";
import type { Machine } from "../../src/sys/engine.ts";
import { bytesOf } from "../fuzz/target.ts";
import { shapes as treeShapes } from "../support/adversity.ts";
import { coreBytes } from "../support/core-file.ts";
import { coreFile, crashFiles } from "../support/core-files.ts";
import { crashedCore, type LogForm } from "../support/crashed-kernel.ts";
import { blobOf } from "../support/device-trees.ts";
import { elf, portableExecutable } from "../support/forms.ts";
import { cells } from "../support/tree.ts";
import type { Case } from "./case.ts";

type Contents = Readonly<Record<string, Uint8Array | string>>;

export interface ScaleShape {
  readonly applet: string;
  readonly name: string;
  /** x86_64 unless said. */
  readonly machine?: Machine;
  /** As process 1. */
  readonly isFirst?: true;
  /** Whether every command has it. */
  readonly isOfAll?: true;
  /** The command line behind the applet's name. */
  words(size: number): readonly string[];
  /** Files besides the machine's own. */
  files?(size: number): Contents;
  stdin?(size: number): string;
  /** The smallest size at which work is counted; 128 unless said. */
  readonly least?: number;
  /** The largest size there can be, where a MiB of input would be more. */
  readonly most?: number;
}

export const nameOf = ({ applet, name }: ScaleShape): string => `${applet}: ${name}`;

/** What the shape has of its own: the machine's own files are under it. */
export function caseOf({ applet, machine = "x86_64", isFirst, words, files, stdin }: ScaleShape, size: number): Case {
  const own = Object.entries(files?.(size) ?? {}).map(
    ([path, content]) => [path, typeof content === "string" ? bytesOf(content) : new Uint8Array(content)] as const,
  );
  return {
    machine,
    isFirst: isFirst === true,
    words: [applet, ...words(size)],
    stdin: bytesOf(stdin?.(size) ?? ""),
    files: new Map(own),
  };
}

function list<T>(size: number, make: (index: number) => T): T[] {
  return Array.from({ length: size }, (_, index) => make(index));
}

/** Numbers from 0 up, in an order that is neither up nor down. */
function shuffled<T>(size: number, make: (index: number) => T): T[] {
  return list(size, (index) => make((index * 7919) % size));
}

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

function property(name: string, value: Uint8Array | string = "") {
  return { name, value: typeof value === "string" ? bytesOf(value) : value };
}

function node(name: string, properties: Node["properties"] = [], children: Node[] = []): Node {
  return { name, properties, children };
}

function tree(properties: Node["properties"], children: Node[], reserved = 0): Uint8Array {
  const reservations = shuffled(reserved, (at) => ({ start: BigInt(at) << 16n, end: (BigInt(at) << 16n) + 0x1000n }));
  return blobOf({ root: node("", properties, children), reservations, address: undefined, bootCpu: 0 });
}

const CELLS = [property("#address-cells", cells(2)), property("#size-cells", cells(2))];
const CHOSEN = node("chosen", [property("bootargs", "quiet\0")]);

const memory = (at: number, length = 0x8000) =>
  node(`memory@${at.toString(16)}`, [
    property("device_type", "memory\0"),
    property("reg", cells(Math.floor(at / 2 ** 32), at % 2 ** 32, 0, length)),
  ]);

/** Trees that say the same thing many times. */
const TREES: Readonly<Record<string, (size: number) => Uint8Array>> = {
  "memory nodes": (size) => tree(CELLS, [CHOSEN, ...list(size, (index) => memory(0x10000 * index))]),
  "memory nodes side by side": (size) => tree(CELLS, [CHOSEN, ...list(size, (index) => memory(0x8000 * index))]),
  "entries of the reserve map": (size) => tree(CELLS, [CHOSEN, memory(0, 0x4000_0000)], size),
  "reserved memory": (size) =>
    tree(CELLS, [
      CHOSEN,
      memory(0, 0x4000_0000),
      node(
        "reserved-memory",
        [...CELLS, property("ranges")],
        shuffled(size, (index) => node(`r@${index}`, [property("reg", cells(0, 0x10000 * index, 0, 0x1000))])),
      ),
    ]),
  "names of a node, and nodes of many properties": (size) =>
    tree(CELLS, [
      node(
        "big",
        [],
        list(size, (index) => node(`n${index}`)),
      ),
      ...list(size, (index) =>
        node(
          `o${index}`,
          list(33, (number) => property(`p${number}`)),
        ),
      ),
    ]),
  "interrupts, each of a parent of its own": (size) =>
    tree(
      CELLS,
      list(size, (index) =>
        node(`n${index}`, [
          property("interrupt-controller"),
          property("#interrupt-cells", cells(1)),
          property("phandle", cells(index + 1)),
          property("interrupt-parent", cells(((index + 1) % size) + 1)),
          property("interrupts", cells(1, 2, 3)),
        ]),
      ),
    ),
  "interrupts of one parent, which has a map of all": (size) =>
    tree(CELLS, [
      node("pic", [
        property("interrupt-controller"),
        property("#interrupt-cells", cells(1)),
        property("phandle", cells(1)),
      ]),
      node("nexus", [
        property("#interrupt-cells", cells(1)),
        property("#address-cells", cells(0)),
        property("interrupt-map-mask", cells(0xffff)),
        property("phandle", cells(2)),
        property("interrupt-map", new Uint8Array(Buffer.concat(list(size, (index) => cells(index, 1, index))))),
      ]),
      ...list(size, (index) =>
        node(`d${index}`, [property("interrupt-parent", cells(2)), property("interrupts", cells(index))]),
      ),
    ]),
  "a bus in a bus, with as many ranges each": (size) =>
    tree(CELLS, [
      node(
        "bus",
        [
          ...CELLS,
          property(
            "ranges",
            new Uint8Array(
              Buffer.concat(list(size, (index) => cells(0, 0x1000 * index, 0, 0x1000 * index, 0, 0x1000))),
            ),
          ),
        ],
        list(size, (index) =>
          node(`d@${(0x1000 * index).toString(16)}`, [property("reg", cells(0, 0x1000 * index, 0, 0x100))]),
        ),
      ),
    ]),
  "a reg of many ranges": (size) =>
    tree(CELLS, [
      CHOSEN,
      node("memory@0", [
        property("device_type", "memory\0"),
        property("reg", new Uint8Array(Buffer.concat(list(size, (index) => cells(0, 0x10000 * index, 0, 0x8000))))),
      ]),
    ]),
  "names that are the same, and others": (size) =>
    tree(
      CELLS,
      list(size, (index) => node(index % 2 === 0 ? "n" : `n@${index}`, [property("p"), property("p")])),
    ),
  "one name, the same values in another order": (size) =>
    tree(
      CELLS,
      shuffled(size, (index) => node("n", [property("x", cells(index))])),
    ),
  cpus: (size) =>
    tree(CELLS, [
      node(
        "cpus",
        [property("#address-cells", cells(1)), property("#size-cells", cells(0))],
        list(size, (index) =>
          node(`cpu@${index.toString(16)}`, [
            property("device_type", "cpu\0"),
            property("reg", cells(index)),
            property("ibm,ppc-interrupt-server#s", cells(2 * index, 2 * index + 1)),
          ]),
        ),
      ),
    ]),
  texts: (size) =>
    tree(
      [...CELLS, property("compatible", list(size, (index) => `v${index},d\0`).join(""))],
      [CHOSEN, memory(0, 0x4000_0000)],
    ),
  "names of names": (size) =>
    tree(
      CELLS,
      list(size, (index) => node(`n${index}`, [property(`p${index}`, `n${index}\0`)])),
    ),
  clocks: (size) =>
    tree(CELLS, [
      ...list(size, (index) =>
        node(`c${index}`, [property("#clock-cells", cells(0)), property("phandle", cells(index + 1))]),
      ),
      node("user", [property("clocks", new Uint8Array(Buffer.concat(shuffled(size, (index) => cells(index + 1)))))]),
    ]),
  "blocks of a partition": (size) =>
    tree(CELLS, [
      CHOSEN,
      memory(0, 0x8000),
      node("ibm,dynamic-reconfiguration-memory", [
        property("ibm,lmb-size", cells(0, 0x10000)),
        property(
          "ibm,dynamic-memory",
          new Uint8Array(
            Buffer.concat([cells(size), ...list(size, (index) => cells(0, 0x20000 * index + 0x10000, index, 0, 0, 8))]),
          ),
        ),
      ]),
    ]),
};

/** Trees that are directories: the paths of their files. */
const FOLDERS: Readonly<Record<string, (size: number) => string[]>> = {
  "files in a directory": (size) => shuffled(size, (index) => `p${index}`),
  "directories in a directory": (size) => shuffled(size, (index) => `n${index}/p`),
  // Deeper than 64 nodes a tree is refused.
  "directories in one another": (size) => list(Math.ceil(size / 32), (index) => `${index}/${"n/".repeat(31)}p`),
};

/** Every command of trees has all of these. */
const TREE_COMMANDS: readonly (readonly [applet: string, how: string, words: readonly string[]])[] = [
  ["dtdump", "", ["tree"]],
  ["dtdump", ", with comments", ["-a", "tree"]],
  ["dtdump", ", as JSON", ["--json", "tree"]],
  ["dtdiff", "", ["tree", "other"]],
  ["dtdiff", ", as a patch", ["--patch", "tree", "other"]],
  ["dtcheck", "", ["tree"]],
  ["dtedit", ", confined, as a blob", ["--usable", "0x0,0x8000", "tree", "new"]],
  ["dtedit", ", as a directory", ["-O", "dir", "tree", "new"]],
  ["fs2dt", "", ["-b", "0", "--check", "tree"]],
  ["fs2dt", ", of version 2", ["-b", "0", "-V", "2", "tree"]],
];

function ofTrees(): ScaleShape[] {
  const made = TREE_COMMANDS.flatMap(([applet, how, words]) =>
    Object.entries(TREES).map(
      ([name, of]): ScaleShape => ({
        ...{ applet, name: `${name}${how}`, machine: "ppc64", words: () => words },
        // Fewer texts are shorter than what a program takes in one piece.
        ...(name === "texts" ? { least: 1024 } : {}),
        files: (size) => ({ tree: of(size), other: of(size + 1) }),
      }),
    ),
  );
  const folders = TREE_COMMANDS.flatMap(([applet, how, words]) =>
    Object.entries(FOLDERS).map(
      ([name, of]): ScaleShape => ({
        ...{ applet, name: `${name}${how}`, machine: "ppc64" },
        // The pretended machine knows its files by whole paths.
        ...(name === "directories in one another" && { most: 4000 }),
        // The machine has files of those names.
        words: () => words.map((word) => (word === "tree" || word === "other" ? `${word}-folder` : word)),
        files: (size) =>
          Object.fromEntries(
            ["tree", "other"].flatMap((root) => of(size).map((path) => [`${root}-folder/${path}`, "x"])),
          ),
      }),
    ),
  );
  const known = treeShapes.map(
    ({ name, tree }): ScaleShape => ({
      ...{ applet: "dtcheck", name, machine: "ppc64", words: () => ["tree"] },
      files: (size) => ({ tree: blobOf(tree(size)) }),
    }),
  );
  return [...made, ...folders, ...known];
}

/** A file of edits over a tree of as many things. */
const EDITS: Readonly<Record<string, readonly [of: string, edit: (index: number) => string]>> = {
  "properties set": ["names of names", (index) => `set /n${index}/x=<1>`],
  "properties set by label": ["names of names", (index) => `set /n${index}/x=<&{/n${index}}>`],
  "properties deleted": ["names of names", (index) => `delete /n${index}/p${index}`],
  "nodes added in nodes": ["names of names", (index) => `add-node /n${index}/m`],
  "nodes deleted": ["names of names", (index) => `delete-node /n${index}`],
  "nodes deleted, and others changed, in turn": [
    "names of a node, and nodes of many properties",
    (index) => `delete-node /big/n${index}\nset /o${index}/p3=<1>`,
  ],
  "command lines": ["memory nodes", (index) => `bootargs x${index}`],
  initrds: ["entries of the reserve map", (index) => `initrd ${hex(index * 16 + 16)},${hex(index * 16 + 24)}`],
  "ranges reserved": ["entries of the reserve map", (index) => `reserve ${hex(index * 32 + 1)},0x8`],
  "ranges given up": ["entries of the reserve map", (index) => `unreserve ${hex(index * 0x10000)},0x1000`],
  seeds: ["names of names", () => "seeds"],
  "boot cpus": ["cpus", (index) => `boot-cpu ${index}`],
};

/** A part of a long value. */
const PARTS: Readonly<Record<string, (index: number) => string>> = {
  texts: () => '"a"',
  cells: (index) => `<${index}>`,
  bytes: () => "[00]",
  references: (index) => `<&{/n${index % 8}}>`,
  paths: (index) => `&{/n${index % 8}}`,
};

function ofValues(): ScaleShape[] {
  return Object.entries(PARTS).map(
    ([name, part]): ScaleShape => ({
      ...{ applet: "dtedit", name: `a value of many ${name}`, least: 1024 },
      words: () => ["--from", "edits", "tree", "new"],
      files: (size) => ({ tree: TREES["names of names"]?.(8) ?? "", edits: `set /x=${list(size, part).join(",")}\n` }),
    }),
  );
}

function ofEdits(): ScaleShape[] {
  return Object.entries(EDITS).flatMap(([name, [of, edit]]) =>
    (["dtedit", "fs2dt"] as const).map(
      (applet): ScaleShape => ({
        // Lists of less than 1,024 are changed at once.
        ...{ applet, name: `${name}, line by line`, machine: "ppc64", least: 1024 },
        words: () =>
          applet === "dtedit" ? ["--from", "edits", "tree", "new"] : ["-b", "0", "--from", "edits", "tree"],
        files: (size) => ({ tree: TREES[of]?.(size) ?? "", edits: `${shuffled(size, edit).join("\n")}\n` }),
      }),
    ),
  );
}

/** /proc/iomem of so many lines. */
const IOMEM: Readonly<Record<string, (size: number) => string>> = {
  "ranges of RAM": (size) =>
    [
      ...list(
        size,
        (index) => `${(0x20000 * index).toString(16)}-${(0x20000 * index + 0xffff).toString(16)} : System RAM`,
      ),
      BIG,
    ].join("\n"),
  "ranges that are taken": (size) =>
    `${BIG}\n${shuffled(size, (index) => `  ${(0x1_1000_0000 + 0x2000 * index).toString(16)}-${(0x1_1000_0fff + 0x2000 * index).toString(16)} : taken ${index}`).join("\n")}\n`,
  "ranges that are no RAM": (size) =>
    `${list(size, (index) => `${(0x4_0000_0000 + 0x2000 * index).toString(16)}-${(0x4_0000_0fff + 0x2000 * index).toString(16)} : PCI ${index}`).join("\n")}\n${BIG}\n`,
  "ranges of RAM, and one that is no RAM between two": (size) =>
    [
      ...list(size, (index) =>
        [0, 0x10000].map((at) => {
          const start = 0x20000 * index + at;
          return `${start.toString(16)}-${(start + 0xffff).toString(16)} : ${at === 0 ? "System RAM" : `PCI ${index}`}`;
        }),
      ).flat(),
      BIG,
    ].join("\n"),
  "crash kernels": (size) =>
    `${BIG}\n${list(size, (index) => `  ${(0x1_1000_0000 + 0x2000 * index).toString(16)}-${(0x1_1000_0fff + 0x2000 * index).toString(16)} : Crash kernel`).join("\n")}\n  150000000-15fffffff : Crash kernel\n`,
};

/** Where there is room for everything. */
const BIG = "100000000-17fffffff : System RAM";

const MEMINFO = { "/proc/meminfo": "MemTotal:        12097152 kB\nMemAvailable:     11638400 kB\n" };

const KEXEC = ["--append=quiet", "kernel"];

/** Every way to make a plan, or to load. */
const PLANS: readonly (readonly [how: string, words: readonly string[]])[] = [
  ["--plan", ["--plan", ...KEXEC]],
  ["--plan --json", ["--plan", "--json", ...KEXEC]],
  ["--plan --svg", ["--plan", "--svg", "svg", ...KEXEC]],
  ["--save", ["--save", "dir", ...KEXEC]],
  ["-l -d", ["-l", "-d", ...KEXEC]],
  ["-p", ["-p", "-n", ...KEXEC]],
  ["--diagnose", ["--diagnose", ...KEXEC]],
];

const memoryMap = (size: number): Contents =>
  Object.fromEntries(
    list(size, (index) =>
      Object.entries({
        start: hex(0x20000 * index),
        end: hex(0x20000 * index + (index % 3 === 0 ? 0x1ffff : 0xffff)),
        type: index % 2 === 0 ? "System RAM" : "Reserved",
      }).map(([name, value]) => [`/sys/firmware/memmap/${index}/${name}`, `${value}\n`] as const),
    ).flat(),
  );

/** A /proc/kcore, or a dump, of so many pieces, sparse as it is. */
const pieces = (size: number) =>
  list(size, (index) => ({
    address: 0xffff_8880_0000_0000n + 0x20000n * BigInt(index),
    physical: 0x20000n * BigInt(index),
    length: 0x10000n,
  }));

function kcore(size: number): Uint8Array {
  const bytes = coreFile("x86_64", []);
  const made = new Uint8Array(64 + 56 * size + 4096);
  made.set(bytes.subarray(0, 64));
  const view = new DataView(made.buffer);
  view.setUint16(56, size, true);
  for (const [index, { address, physical, length }] of pieces(size).entries()) {
    view.setUint32(64 + 56 * index, 1, true);
    for (const [field, value] of [0n, address, physical, length, length].entries())
      view.setBigUint64(64 + 56 * index + 8 + 8 * field, value, true);
  }
  return made;
}

/** An ELF kernel of so many PT_LOADs. */
function manyLoads(size: number): Uint8Array {
  const bytes = new Uint8Array(64 + 56 * size + 16 * size);
  bytes.set(elf({ machine: 21, bigEndian: true }).subarray(0, 64));
  const view = new DataView(bytes.buffer);
  view.setUint16(54, 56);
  view.setUint16(56, size);
  view.setBigUint64(32, 64n);
  view.setBigUint64(24, 0n);
  for (let index = 0; index < size; index++) {
    const at = 64 + 56 * index;
    view.setUint32(at, 1);
    const start = BigInt((index * 7919) % size);
    const fields = [BigInt(64 + 56 * size) + 16n * start, 16n * start, 16n * start, 16n, 16n, 16n];
    for (const [field, value] of fields.entries()) view.setBigUint64(at + 8 + 8 * field, value);
  }
  return bytes;
}

/** Its headers may have 16 KiB. */
function unifiedImage(size: number): Uint8Array {
  const bytes = portableExecutable(0x8664, [".linux", ...list(size, (index) => `.s${index}`)]);
  // The size of .linux in memory and in the file, and where that is: the last bytes.
  for (const [field, value] of Object.entries({ 8: 16, 16: 16, 20: 0x1ff0 }))
    bytes.writeUInt32LE(value, 0x188 + Number(field));
  return bytes;
}

function ofKexec(): ScaleShape[] {
  const applet = "kexec";
  const file = (name: string, words: (size: number) => string[]): ScaleShape => ({
    ...{ applet, name: `${name}, -s`, words: (size) => ["-s", "-l", ...words(size), "kernel"] },
  });
  const byFile = [
    file("a command line of many words", (size) => [`--append=${list(size, (index) => `a${index}=1`).join(" ")}`]),
    file("initrds", (size) => ["--append=x", ...list(size, () => "--initrd=odd")]),
  ];
  const machines = PLANS.flatMap(([how, words]) => [
    ...Object.entries(IOMEM).map(
      ([name, of]): ScaleShape => ({
        ...{ applet, name: `${name}, ${how}`, words: () => words },
        files: (size) => ({ ...MEMINFO, "/proc/iomem": of(size) }),
      }),
    ),
    {
      ...{ applet, name: `entries of the firmware's map, ${how}`, words: () => words },
      files: (size: number) => ({ ...MEMINFO, "/proc/iomem": `${BIG}\n`, ...memoryMap(size) }),
    },
  ]);
  const words: ScaleShape[] = [
    {
      ...{ applet, name: "a command line of many words" },
      words: (size) => ["--plan", `--append=${list(size, (index) => `a${index}=1`).join(" ")}`, "kernel"],
    },
    {
      ...{ applet, name: "a running command line of many words", words: () => ["--plan", "kernel"] },
      files: (size) => ({ "/proc/cmdline": `${list(size, (index) => `a${index}=1 crashkernel=1M`).join(" ")}\n` }),
    },
    {
      ...{ applet, name: "initrds" },
      words: (size) => ["--plan", ...list(size, () => "--initrd=initrd"), ...KEXEC],
    },
    { ...{ applet, name: "operands" }, words: (size) => ["-l", ...list(size, () => "kernel")] },
    {
      ...{ applet, name: "options of other tools" },
      words: (size) => ["-l", ...list(size, (index) => `--o${index}`), "kernel"],
    },
    {
      ...{ applet, name: "pieces of kernel memory, -p", words: () => ["-p", "-n", ...KEXEC] },
      files: (size) => ({
        ...MEMINFO,
        "/proc/iomem": `${IOMEM["ranges of RAM"]?.(size)}\n  150000000-15fffffff : Crash kernel\n`,
        "/proc/kcore": kcore(size),
      }),
    },
    {
      ...{ applet, name: "cpus, -p", words: () => ["-p", "-n", ...KEXEC] },
      files: (size) => ({ ...crashFiles(size), "/proc/iomem": `${BIG}\n  150000000-15fffffff : Crash kernel\n` }),
    },
  ];
  const unified: ScaleShape = {
    ...{ applet, name: "sections of a unified kernel image, --extract", least: 48, most: 195 },
    words: () => ["--extract", "kernel"],
    files: (size) => ({ kernel: unifiedImage(size) }),
  };
  const ppc64: ScaleShape[] = [
    {
      ...{ applet, name: "PT_LOADs, --extract", machine: "ppc64", words: () => ["--extract", "kernel"] },
      files: (size) => ({ kernel: manyLoads(size) }),
    },
    ...Object.entries(TREES).map(
      ([name, of]): ScaleShape => ({
        ...{ applet, name: `${name}, --qemu --dtb`, machine: "ppc64" },
        words: () => ["--qemu", "dir", "--append=x", "--dtb", "tree", "vmlinux"],
        files: (size) => ({ tree: of(size) }),
      }),
    ),
  ];
  return [...machines, ...byFile, ...words, unified, ...ppc64];
}

/**
 * A plan has at most 256 segments, and its picture goes through all of them for each one. So what is counted is how more
 * are refused; what is timed is nearly the largest plan.
 */
const FEW = { least: 260, most: 250 } as const;

/** Segments as loadem's directives. */
const SEGMENTS: Readonly<Record<string, (size: number) => string[]>> = {
  segments: (size) => [
    "-r",
    "0x1000",
    ...shuffled(size, (index) => ["-a", hex(0x1_0000_0000 + 0x2000 * index), "-f", "page"]).flat(),
  ],
  "segments on one another": (size) => [
    "-r",
    "0x1000",
    ...list(size, () => ["-a", "0x110000000", "-f", "page"]).flat(),
  ],
  "addresses stored": (size) => [
    "-a",
    "0x110000000",
    "-e",
    "-f",
    "page",
    ...list(size, (index) => ["-a", hex(0x1_1100_0000 + 0x2000 * index), "-c", "0x100", "-f", "page"]).flat(),
  ],
};

/** What one segment is made of. */
const OF_A_SEGMENT: typeof SEGMENTS = {
  "files of a segment": (size) => ["-a", "0x110000000", "-e", ...list(size, () => ["-f", "odd", "-4"]).flat()],
  "words stored": (size) => [
    "-a",
    "0x110000000",
    "-e",
    "-f",
    "page",
    "-z",
    "0x1000",
    ...list(size, (index) => ["--poke", `${4 * (index % 1000)}=${index}`]).flat(),
  ],
  zeros: (size) => ["-a", "0x110000000", "-e", "-f", "page", ...list(size, () => ["-z", "1"]).flat()],
};

const WAYS: readonly (readonly [how: string, words: readonly string[]])[] = [
  ["-n", ["-n"]],
  ["-n --no-checks", ["-n", "--no-checks"]],
  ["-n --json", ["-n", "--json"]],
  ["-n --svg", ["-n", "--svg", "svg"]],
  ["-v", ["-v"]],
  ["-v --no-checks", ["-v", "--no-checks"]],
  ["--diagnose", ["--diagnose"]],
  ["--qemu", ["--qemu", "dir"]],
];

function ofLoadem(): ScaleShape[] {
  const applet = "loadem";
  const lines = WAYS.flatMap(([how, way]) =>
    Object.entries({ ...SEGMENTS, ...OF_A_SEGMENT }).map(
      ([name, of]): ScaleShape => ({
        ...{ applet, name: `${name}, ${how}`, ...(name in SEGMENTS && FEW) },
        words: (size) => [...way, ...of(size)],
        files: () => ({ ...MEMINFO, "/proc/iomem": `${BIG}\n` }),
      }),
    ),
  );
  const grounds = WAYS.filter(([how]) => how !== "--qemu").flatMap(([how, way]) =>
    Object.entries(IOMEM).map(
      ([name, of]): ScaleShape => ({
        ...{ applet, name: `${name}, ${how}` },
        words: () => [
          ...way,
          "-r",
          "0x1000",
          "-a",
          "0x140000000",
          "-e",
          "-f",
          "page",
          "-a",
          "0x142000000",
          "-f",
          "page",
        ],
        files: (size) => ({ ...MEMINFO, "/proc/iomem": of(size) }),
      }),
    ),
  );
  const both = WAYS.map(
    ([how, way]): ScaleShape => ({
      ...{ applet, name: `segments over as many ranges that are taken, ${how}`, ...FEW },
      words: (size) => [
        ...way,
        "-r",
        "0x1000",
        ...list(size, (index) => ["-a", hex(0x1_1000_0000 + 0x2000 * index), "-f", "page"]).flat(),
      ],
      files: (size) => ({ ...MEMINFO, "/proc/iomem": IOMEM["ranges that are taken"]?.(size) ?? "" }),
    }),
  );
  return [...lines, ...grounds, ...both];
}

function ofX86(): ScaleShape[] {
  const zeropage = (
    name: string,
    words: (size: number) => string[],
    files?: (size: number) => Contents,
  ): ScaleShape => ({
    ...{ applet: "zeropage", name, words: (size) => ["-v", "-b", "0x4400100", ...words(size), "kernel"] },
    ...(files === undefined ? {} : { files }),
  });
  const header = (name: string, words: (size: number) => string[], files: (size: number) => Contents): ScaleShape => ({
    ...{ applet: "elfcorehdr", name, words: (size) => ["-v", "-b", "0x10000000", ...words(size)], files },
  });
  const crash = "  150000000-15fffffff : Crash kernel\n";
  return [
    zeropage("entries of the firmware's map", () => ["-B", "x"], memoryMap),
    zeropage("entries of the firmware's map, confined", () => ["-B", "x", "--usable", "0x0,0x1000000"], memoryMap),
    zeropage(
      "ranges that are usable, and as many entries",
      (size) => ["-B", "x", "--usable", list(size, (index) => `${hex(0x40000 * index)},0x1000`).join(",")],
      memoryMap,
    ),
    zeropage("a header told of, and as many entries", () => ["-B", "x", "--elfcorehdr", "0x100000,0x1000"], memoryMap),
    zeropage("a command line of many words", (size) => [
      "-B",
      list(size, (index) => `a${index}`).join(" "),
      "--elfcorehdr",
      "0x100000,0x1000",
    ]),
    zeropage(
      "a running command line of many words",
      () => [],
      (size) => ({ "/proc/cmdline": list(size, (index) => `a${index}`).join(" ") }),
    ),
    zeropage("files of an initrd", (size) => ["-B", "x", "-i", `${list(size, () => "initrd").join(",")}@0x6000000`]),
    header(
      "cpus",
      () => [],
      (size) => ({ ...crashFiles(size), "/proc/iomem": `${BIG}\n${crash}` }),
    ),
    header(
      "ranges of RAM",
      () => [],
      (size) => ({ "/proc/iomem": `${IOMEM["ranges of RAM"]?.(size)}\n${crash}` }),
    ),
    header(
      "ranges of RAM, and as many pieces",
      () => [],
      (size) => ({ "/proc/iomem": `${IOMEM["ranges of RAM"]?.(size)}\n${crash}`, "/proc/kcore": kcore(size) }),
    ),
    header(
      "pieces that are the kernel's, and as many ranges",
      () => [],
      (size) => ({ "/proc/iomem": `${IOMEM["ranges of RAM"]?.(size)}\n${crash}`, "/proc/kcore": textPieces(size) }),
    ),
    header(
      "ranges left out",
      (size) => list(size, (index) => ["--without", `${hex(0x1_0000_0000 + 0x4000 * index)},0x1000`]).flat(),
      () => ({ "/proc/iomem": `${BIG}\n${crash}` }),
    ),
  ];
}

/** Each mapped at an address of its own. */
function textPieces(size: number): Uint8Array {
  const bytes = kcore(size);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < size; index++)
    view.setBigUint64(64 + 56 * index + 16, 0xffff_8880_0000_0000n + 0x40000n * BigInt(index), true);
  return bytes;
}

/** A copy to standard output. */
const COPY_OUT = ", --copy -";

const FORMS: readonly LogForm[] = ["ring", "printk_log", "log", "bytes"];

const status = new Uint8Array(112 + 27 * 8 + 8);

/** A dump whose log has so many records. */
function dumpOf(form: LogForm, size: number, text: (index: number) => string, cpus = 1): Uint8Array {
  const records = list(size, (index) => ({ time: BigInt(index) * 1000n, text: text(index) }));
  const bits = (bytes: number) => Math.ceil(Math.log2(bytes));
  const length = records.reduce((sum, { text }) => sum + text.length + 24, 0);
  const notes = list(cpus, () => ({ name: "CORE", type: 1, contents: status }));
  return crashedCore({ form, little: true, records, notes, sizeBits: bits(length) + 1, countBits: bits(size) + 1 });
}

function ofDumps(): ScaleShape[] {
  const texts: Readonly<Record<string, (index: number) => string>> = {
    "short records": () => "x",
    "records of many lines": () => "a\nb\nc\nd",
    "records that are not text": () => "\x01\xff\x02",
  };
  const logs = FORMS.flatMap((form) =>
    Object.entries(texts).flatMap(([name, text]) =>
      [["vmcore-dmesg", []] as const, ["vmcore", []] as const].map(
        ([applet, words]): ScaleShape => ({
          ...{ applet, name: `${name}, ${form}`, words: () => [...words, "dump"] },
          files: (size) => ({ dump: dumpOf(form, size, text) }),
        }),
      ),
    ),
  );
  const one = FORMS.map(
    (form): ScaleShape => ({
      ...{ applet: "vmcore-dmesg", name: `one long record, ${form}`, least: 2048, words: () => ["dump"] },
      files: (size) => ({ dump: dumpOf(form, 2, () => "\x01y".repeat(size / 2)) }),
    }),
  );
  const ring = (name: string, spoil: (view: DataView, at: number, size: number) => void): ScaleShape => ({
    ...{ applet: "vmcore-dmesg", name, words: () => ["dump"] },
    files: (size) => {
      const bytes = new Uint8Array(dumpOf("ring", size, () => "xy"));
      spoil(new DataView(bytes.buffer, bytes.byteOffset), bytes.length, size);
      return { dump: bytes };
    },
  });
  const spoilt = [
    ring("a ring that is damaged at its ends", (view, length, size) => {
      const memory = length - ringLength(size);
      view.setBigUint64(memory + 0x200 + 8 * 3, 5n, true);
    }),
    ring("records that share their text", (view, length, size) => {
      const descs = length - ringLength(size) + 0x1000;
      for (let index = 0; index < size; index++) {
        view.setBigUint64(descs + 24 * index + 8, 0n, true);
        view.setBigUint64(descs + 24 * index + 16, 4096n, true);
      }
    }),
  ];
  const core = (name: string, words: readonly string[], make: (size: number) => Uint8Array): ScaleShape => ({
    ...{ applet: "vmcore", name, words: () => [...words, "dump"], files: (size) => ({ dump: make(size) }) },
  });
  const loads = (size: number, bytes = 16): Uint8Array =>
    coreBytes({
      ...{ little: true, machine: 62, extended: size > 60_000 },
      loads: shuffled(size, (index) => ({
        physical: BigInt(0x20000 * index),
        bytes: new Uint8Array(bytes).fill(index),
      })),
      notes: [
        [
          {
            name: "VMCOREINFO",
            type: 0,
            contents: bytesOf("OSRELEASE=6.1\nPAGESIZE=4096\nSYMBOL(_stext)=ffffffff81000000\n"),
          },
        ],
      ],
    });
  const notes = (size: number): Uint8Array => dumpOf("ring", 4, () => "x", size);
  const info = (size: number): Uint8Array =>
    coreBytes({
      ...{ little: true, machine: 62, loads: [] },
      notes: [
        [
          {
            name: "VMCOREINFO",
            type: 0,
            contents: bytesOf(`OSRELEASE=6.1\n${list(size, (index) => `SYMBOL(s${index})=ff\n`).join("")}`),
          },
        ],
      ],
    });
  const manyNotes = (size: number): Uint8Array =>
    coreBytes({
      little: true,
      machine: 62,
      loads: [],
      notes: list(size, () => [{ name: "CORE", type: 1, contents: status }]),
    });
  const zeros = (size: number): Uint8Array =>
    coreBytes({
      little: true,
      machine: 62,
      loads: [{ physical: 0n, bytes: Uint8Array.from({ length: 4096 * size }, (_, at) => (at >> 12) & 1) }],
    });
  const ways = [
    ["", []],
    [", --json", ["--json"]],
    [", --copy", ["--copy", "copy"]],
    [COPY_OUT, ["--copy", "-"]],
  ] as const;
  return [
    ...logs,
    ...one,
    ...spoilt,
    ...ways.flatMap(([how, words]) => [
      core(`PT_LOADs${how}`, words, loads),
      core(`registers of cpus${how}`, words, notes),
      core(`PT_NOTEs${how}`, words, manyNotes),
      core(`lines of VMCOREINFO${how}`, words, info),
      // Fewer pages are copied in one piece.
      { ...core(`pages that are zeros by turns${how}`, words, zeros), ...(how === COPY_OUT && { least: 1024 }) },
    ]),
  ];
}

function ofInit(): ScaleShape[] {
  const script = (name: string, of: (size: number) => string): ScaleShape[] => [
    {
      ...{ applet: "init", name: `a script of ${name}`, isFirst: true, words: () => ["script"] },
      files: (size) => ({ script: of(size) }),
    },
    { ...{ applet: "init", name: `the prompt is given ${name}`, isFirst: true, words: () => [] }, stdin: of },
  ];
  return [
    ...script("lines", (size) => "- echo x\n".repeat(size)),
    ...script("one line of words", (size) => `echo ${"x ".repeat(size)}\n`),
    ...script("one long word", (size) => `echo ${"x".repeat(size)}\n`),
    ...script("one long word in quotes", (size) => `echo "${'\\"'.repeat(size)}"\n`),
    ...script("one pipeline", (size) => `cat${" | cat".repeat(size)}\n`),
    ...script("lines that continue one another", (size) => `echo ${"x\\\n".repeat(size)}\n`),
    ...script("comments", (size) => "# x\n".repeat(size)),
    ...script("one long comment", (size) => `#${" x".repeat(size)}\n`),
    ...script("blanks", (size) => `${" ".repeat(size)}\n`),
    ...script("names of no program", (size) => "- x\n".repeat(size)),
    {
      ...{ applet: "init", name: "words that are no files", isFirst: true },
      words: (size) => list(size, (index) => `w${index}`),
    },
  ];
}

function ofLittleOnes(): ScaleShape[] {
  const simple = (applet: string, name: string, words: (size: number) => string[]): ScaleShape => ({
    applet,
    name,
    words,
  });
  const names = (size: number): Contents => Object.fromEntries(shuffled(size, (index) => [`dir/${index}\x01`, ""]));
  return [
    simple("cat", "files", (size) => list(size, () => "edits")),
    simple("cat", "files that are not there", (size) => list(size, (index) => `none${index}`)),
    simple("echo", "words", (size) => list(size, () => "word")),
    {
      ...{ applet: "ls", name: "directories, with their sizes", words: () => ["-l", "dir"] },
      files: (size) => Object.fromEntries(list(size, (index) => [`dir/${index}/x`, ""])),
    },
    { ...{ applet: "ls", name: "names", words: () => ["dir"], files: names } },
    { ...{ applet: "ls", name: "names, with their sizes", words: () => ["-l", "dir"], files: names } },
    simple("insmod", "parameters", (size) => ["page", ...list(size, (index) => `a${index}=1`)]),
    simple("poweroff", "operands", (size) => list(size, () => "x")),
    simple("v2wrap", "operands", (size) => list(size, () => "x")),
  ];
}

/** What every command is given too: by name the smallest size, and the words. */
const WORDS: Readonly<Record<string, readonly [least: number, words: (size: number) => string[]]>> = {
  "words that are nothing": [128, (size) => list(size, (index) => `w${index}`)],
  "options that there are not": [128, (size) => list(size, (index) => `--w${index}`)],
  "a word of many characters": [4096, (size) => ["/".repeat(size)]],
  "an option of many characters": [4096, (size) => [`--${"x".repeat(size)}`]],
  "an option of many letters": [1024, (size) => [`-${"x".repeat(size)}`]],
};

function ofAll(): ScaleShape[] {
  return applets.flatMap(({ name: applet }) =>
    Object.entries(WORDS).map(([name, [least, words]]): ScaleShape => ({ applet, name, least, words, isOfAll: true })),
  );
}

export const scaleShapes: readonly ScaleShape[] = [
  ...ofKexec(),
  ...ofLoadem(),
  ...ofX86(),
  ...ofDumps(),
  ...ofTrees(),
  ...ofEdits(),
  ...ofValues(),
  ...ofInit(),
  ...ofLittleOnes(),
  ...ofAll(),
];

const everyApplet = applets.map(({ name }) => name);

/** Why the work of these does not grow with their input. That of every other one has to. */
const CONSTANT: Readonly<Record<string, readonly string[]>> = {
  "pages are not looked at": ["", ", --json"].map((how) => `vmcore: pages that are zeros by turns${how}`),
  "copied as one piece": ["registers of cpus", "lines of VMCOREINFO"].flatMap((name) =>
    [", --copy", COPY_OUT].map((how) => `vmcore: ${name}${how}`),
  ),
  // To echo all are words, and kexec has an option of that letter.
  "refused by its first letter": everyApplet
    .filter((applet) => !["echo", "kexec"].includes(applet))
    .map((applet) => `${applet}: an option of many letters`),
  "refused since more is missing": ["fs2dt", "zeropage", "dtedit", "dtdiff"].map(
    (applet) => `${applet}: a word of many characters`,
  ),
  "refused since it is not process 1": ["a word", "an option"].map((what) => `init: ${what} of many characters`),
};

export const constantShapes: ReadonlySet<string> = new Set(Object.values(CONSTANT).flat());

/** Bytes of ringMemory() of test/support/crashed-kernel.ts, by which its arrays are found from the end. */
function ringLength(size: number): number {
  const count = 2 ** (Math.ceil(Math.log2(size)) + 1);
  const text = 2 ** (Math.ceil(Math.log2(26 * size)) + 1);
  return 0x1000 + (24 + 88) * count + text;
}
