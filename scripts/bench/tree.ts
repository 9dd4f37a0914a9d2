// Trees that tests and npm run bench make: as values, as directories, and one large one from a fixed seed.

import { mkdirSync, writeFileSync } from "node:fs";
import { present } from "./present.ts";

/** Entries in the order of their creation: a property's bytes (or byte string), or a node's own entries. */
export type Tree = readonly (readonly [name: string, content: Uint8Array | string | Tree])[];

function isNode(content: Uint8Array | string | Tree): content is Tree {
  return Array.isArray(content);
}

/** Names and the path are byte strings. */
export function makeTree(path: string, tree: Tree): void {
  mkdirSync(Buffer.from(path, "latin1"));
  fillTree(path, tree);
}

/** The same in a directory that is there. */
export function fillTree(path: string, tree: Tree): void {
  for (const [name, content] of tree) {
    const place = `${path}/${name}`;
    if (isNode(content)) makeTree(place, content);
    else
      writeFileSync(
        Buffer.from(place, "latin1"),
        typeof content === "string" ? Buffer.from(content, "latin1") : content,
      );
  }
}

/** Big endian cells. */
export function cells(...words: readonly number[]): Uint8Array {
  const value = new Uint8Array(4 * words.length);
  const view = new DataView(value.buffer);
  for (const [index, word] of words.entries()) view.setUint32(4 * index, word);
  return value;
}

/** Numbers from 0 to below `limit`, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

interface GrowingNode {
  readonly name: string;
  readonly depth: number;
  readonly properties: Map<string, Uint8Array | string>;
  readonly children: Map<string, GrowingNode>;
}

/**
 * `nodes` nodes with the root, `properties` properties in all, most of the sizes that firmware writes, a few far
 * larger; names as in real trees, each fifth node with its `name`.
 */
export function largeTree(seed: number, nodes: number, properties: number): Tree {
  const random = randomNumbers(seed);
  const pick = <T>(from: readonly T[]): T => present(from[random(from.length)], "thing to pick");
  const root: GrowingNode = { name: "", depth: 0, properties: new Map(), children: new Map() };
  const all = [root];
  while (all.length < nodes) {
    const parent = pick(all);
    if (parent.depth === 20) continue;
    const base = pick([
      "cpu",
      "memory",
      "pci",
      "ethernet",
      "scsi",
      "l2-cache",
      "vdevice",
      "interrupt-controller",
      "node",
    ]);
    const name = random(8) === 0 ? `${base}-${random(1000)}` : `${base}@${random(0x10000).toString(16)}`;
    if (parent.children.has(name)) continue;
    const made: GrowingNode = { name, depth: parent.depth + 1, properties: new Map(), children: new Map() };
    parent.children.set(name, made);
    all.push(made);
  }
  all.forEach((node, index) => {
    if (index % 5 === 0) node.properties.set("name", `${node.name.split("@")[0]}\0`);
  });
  let count = all.filter(({ properties: own }) => own.size > 0).length;
  for (let turn = 0; count < properties; turn = (turn + 1) % all.length) {
    const node = present(all[turn], "node");
    const name =
      random(100) === 0
        ? `vendor,option-${random(5000)}`
        : `${pick(["ibm,", "linux,", "", "#"])}${pick(stems)}${random(6)}`;
    if (node.properties.has(name)) continue;
    node.properties.set(name, valueFrom(random));
    count++;
  }
  return frozen(root);
}

const stems = [
  "associativity",
  "drc-index",
  "loc-code",
  "segment-page-sizes",
  "slot",
  "assigned-addresses",
  "timebase",
  "compatible",
  "model",
  "status",
  "d-cache-size",
  "pa-features",
  "my-dma-window",
  "used-by-rtas",
  "bus-range",
  "clock-frequency",
] as const;

function valueFrom(random: (limit: number) => number): Uint8Array | string {
  switch (random(10)) {
    case 0:
      return new Uint8Array(0);
    case 1:
    case 2:
      return `IBM,text-${random(10000)}\0`;
    case 3:
      return Uint8Array.from({ length: random(64) }, () => random(256));
    case 4:
      return random(400) === 0 ? Buffer.alloc(random(100_000), random(256)) : cells(0, random(0x7fffffff));
    default:
      return cells(random(0x7fffffff));
  }
}

function frozen(node: GrowingNode): Tree {
  return [...node.properties, ...[...node.children.values()].map((child) => [child.name, frozen(child)] as const)];
}
