// Twelve hostile inputs: what each is, and what is typed to have a program read it.

import { MAGIC, TOKEN } from "../../src/devicetree/format.ts";

/** A file that no honest program writes, as a path in the guest, and its readers. */
export interface Hostile {
  /** As the page calls it. */
  readonly what: string;
  /** Absent where `before` makes it. */
  readonly content?: () => Uint8Array;
  /** Lines of a shell that make the rest of it. */
  readonly before?: readonly string[];
  /** What is typed; a program that reads no such files has no line. `FILE` stands for the input's path. */
  readonly typed: Readonly<Partial<Record<Reader, readonly string[]>>>;
  readonly asNobody?: true;
}

export type Reader = "kexecbox" | "dtc" | "fdtdump" | "kexec-tools";

export const READERS: readonly Reader[] = ["kexecbox", "dtc", "fdtdump", "kexec-tools"];

/** Numbers of a blob's header (Devicetree Specification 0.4, 5.2), by their places. */
const HEADER = ["magic", "totalsize", "structAt", "stringsAt", "reserveAt", "version", "lastVersion", "cpu"] as const;
const HEADER_SIZE = 40;

type Header = Partial<Record<(typeof HEADER)[number] | "stringsSize" | "structSize", number>>;

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, 4 * index);
  return bytes;
}

function name(text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** Names of properties, and where the second one begins. */
const STRINGS = Buffer.from("interrupt-parent\0interrupts\0");
const INTERRUPTS = 17;
const ROOT = Buffer.concat([words(TOKEN.beginNode), name("")]);

function property(length: number, nameAt: number, value: Uint8Array): Buffer {
  return Buffer.concat([words(TOKEN.property, length, nameAt), value, Buffer.alloc(-value.length & 3)]);
}

/** A blob of this structure block, with numbers of its header replaced. */
function blob(structure: Uint8Array, changed: Header = {}): Buffer {
  const reserveAt = HEADER_SIZE;
  const structAt = reserveAt + 16;
  const stringsAt = structAt + structure.length;
  const totalsize = stringsAt + STRINGS.length;
  const honest = { magic: MAGIC, totalsize, structAt, stringsAt, reserveAt, version: 17, lastVersion: 16, cpu: 0 };
  const sizes = { stringsSize: STRINGS.length, structSize: structure.length };
  const header = { ...honest, ...sizes, ...changed };
  const first = words(...HEADER.map((field) => header[field]), header.stringsSize, header.structSize);
  return Buffer.concat([first, Buffer.alloc(16), structure, STRINGS]);
}

function nodes(count: number, text: string): Buffer {
  const node = Buffer.concat([words(TOKEN.beginNode), name(text), words(TOKEN.endNode)]);
  return Buffer.concat(new Array<Buffer>(count).fill(node));
}

const END = words(TOKEN.endNode, TOKEN.end);
const EMPTY = Buffer.concat([ROOT, END]);

/** 100,000 nodes, each in the one before. */
function deep(): Buffer {
  const open = Buffer.concat([words(TOKEN.beginNode), name("n")]);
  const all = new Array<Buffer>(100_000);
  return blob(Buffer.concat([ROOT, ...all.fill(open), ...all.map(() => words(TOKEN.endNode)), END]));
}

/** An Image for arm64 (Documentation/arch/arm64/booting.rst) that says it needs all but 64 KiB of 2^64 bytes. */
function endlessImage(): Buffer {
  const image = Buffer.alloc(0x10_0000);
  image.writeBigUInt64LE(0xffff_ffff_ffff_0000n, 16);
  image.write("ARM\x64", 56, "latin1");
  return image;
}

/** An ELF core for arm64 of 4 KiB with notes of 2^48 bytes, of which the first says that its name has 2^32-1. */
function endlessNotes(): Buffer {
  const core = Buffer.alloc(0x1000);
  core.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  core.writeUInt16LE(4, 16);
  core.writeUInt16LE(183, 18);
  core.writeUInt32LE(1, 20);
  core.writeBigUInt64LE(64n, 32);
  for (const [at, value] of [
    [52, 64],
    [54, 56],
    [56, 1],
  ] as const)
    core.writeUInt16LE(value, at);
  core.writeUInt32LE(4, 64);
  core.writeBigUInt64LE(0x100n, 72);
  core.writeBigUInt64LE(1n << 48n, 96);
  core.writeBigUInt64LE(1n << 48n, 104);
  core.writeUInt32LE(0xffff_ffff, 0x100);
  return core;
}

const TREE = {
  kexecbox: ["dtdump FILE", "kexec -l /vmlinuz --dtb=FILE --append=quiet"],
  dtc: ["dtc -q -I dtb -O dts FILE"],
  fdtdump: ["fdtdump FILE"],
  "kexec-tools": ["kexec -c -l /vmlinuz --dtb=FILE --append=quiet"],
};

export const HOSTILE: readonly Hostile[] = [
  {
    what: "a blob of 40 bytes that says it has 4 GiB",
    content: () => blob(EMPTY, { totalsize: 0xffff_ffff }).subarray(0, HEADER_SIZE),
    typed: TREE,
  },
  {
    what: "a blob that ends in the middle",
    content: () => {
      const whole = blob(Buffer.concat([ROOT, nodes(1000, "node"), END]));
      return whole.subarray(0, whole.length >> 1);
    },
    typed: TREE,
  },
  {
    what: "a structure block that begins 16 bytes below 4 GiB",
    content: () => blob(EMPTY, { structAt: 0xffff_fff0 }),
    typed: TREE,
  },
  {
    what: "a property of 4 GiB in a blob of 116 bytes",
    content: () => blob(Buffer.concat([ROOT, property(0xffff_fff0, 0, words(1)), END])),
    typed: TREE,
  },
  {
    what: "a property whose name lies 2 GiB behind the names",
    content: () => blob(Buffer.concat([ROOT, property(4, 0x7fff_ffff, words(1)), END])),
    typed: TREE,
  },
  { what: "100,000 nodes, each in the one before", content: deep, typed: TREE },
  {
    what: "an interrupt-parent of five bytes",
    content: () =>
      blob(Buffer.concat([ROOT, property(5, 0, Buffer.from("12345")), property(4, INTERRUPTS, words(1)), END])),
    typed: TREE,
  },
  {
    what: "a node's name that nothing ends, as the last bytes of the blob",
    content: () => {
      const structure = Buffer.concat([ROOT, words(TOKEN.beginNode), Buffer.from("name")]);
      const totalsize = blob(structure).length - STRINGS.length;
      return Buffer.from(blob(structure, { totalsize, stringsSize: 0 }).subarray(0, totalsize));
    },
    typed: TREE,
  },
  {
    what: "40,000 nodes of one name in one place",
    content: () => blob(Buffer.concat([ROOT, nodes(40_000, "n"), END])),
    typed: TREE,
  },
  {
    what: "a directory with a property that may not be read",
    before: ["busybox mkdir FILE", "echo secret > FILE/property", "busybox chmod 0 FILE/property"],
    typed: { kexecbox: ["fs2dt -b 0 FILE"], dtc: ["dtc -q -I fs -O dtb FILE"] },
    asNobody: true,
  },
  {
    what: "a kernel of 1 MiB that says it needs 2^64 bytes",
    content: endlessImage,
    typed: {
      kexecbox: ["kexec -l FILE --append=quiet"],
      "kexec-tools": ["kexec -c -l FILE --append=quiet"],
    },
  },
  {
    what: "a dump of 4 KiB with notes of 2^48 bytes",
    content: endlessNotes,
    typed: { kexecbox: ["vmcore-dmesg FILE"], "kexec-tools": ["vmcore-dmesg FILE"] },
  },
];
