// Reads a device tree blob, and refuses whatever is not exactly as the formats 1, 2, 3, 16 and 17 have it.
// Written from the Devicetree Specification and booting-without-of.txt, and from nothing in src/.

import { present } from "./present.ts";
import type { Tree } from "./tree.ts";

export interface ReadProperty {
  readonly name: string;
  readonly value: Buffer;
  /** Where the value begins, in bytes from the blob's start. */
  readonly at: number;
}

export interface ReadNode {
  /** The unit name, also where the blob has full paths. */
  readonly name: string;
  readonly properties: ReadProperty[];
  readonly children: ReadNode[];
}

export interface ReadBlob {
  readonly totalsize: number;
  readonly version: number;
  readonly compatible: number;
  readonly bootCpu: number;
  readonly structureAt: number;
  readonly stringsAt: number;
  readonly reserveMapAt: number;
  /** Without the end. */
  readonly reserved: readonly { readonly start: bigint; readonly size: bigint }[];
  readonly root: ReadNode;
}

const HEADER_SIZES: Readonly<Record<number, number>> = { 1: 28, 2: 32, 3: 36, 16: 36, 17: 40 };

function demand(condition: boolean, fact: string): asserts condition {
  if (!condition) throw new Error(`blob: ${fact}`);
}

export function readBlob(blob: Buffer): ReadBlob {
  const word = (at: number): number => blob.readUInt32BE(at);
  demand(word(0) === 0xd00dfeed, "magic");
  const [totalsize, structureAt, stringsAt, reserveMapAt, version, compatible] = [4, 8, 12, 16, 20, 24].map(word) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const bootCpu = version >= 2 ? word(28) : 0;
  demand(totalsize === blob.length, `totalsize ${totalsize} of ${blob.length} bytes`);
  const headerSize = present(HEADER_SIZES[version]);
  demand(headerSize !== undefined, `version ${version}`);
  demand(reserveMapAt >= headerSize && reserveMapAt % 8 === 0, "the reserve map's place");
  demand(
    blob.subarray(headerSize, reserveMapAt).every((byte) => byte === 0),
    "nothing between header and reserve map",
  );
  demand(structureAt % 8 === 0, "the structure's place");

  const reserved: { start: bigint; size: bigint }[] = [];
  let at = reserveMapAt;
  for (; blob.readBigUInt64BE(at + 8) !== 0n; at += 16) {
    reserved.push({ start: blob.readBigUInt64BE(at), size: blob.readBigUInt64BE(at + 8) });
  }
  demand(blob.readBigUInt64BE(at) === 0n && at + 16 === structureAt, "the reserve map's end");

  const stringsEnd = version >= 3 ? stringsAt + word(32) : totalsize;
  demand(stringsEnd <= totalsize && totalsize - stringsEnd < 8, "the strings' end");
  const { root, end } = readStructure(blob, { structureAt, stringsAt, stringsEnd, fullPaths: version < 16 });
  demand(end === stringsAt, "the strings begin where the structure ends");
  if (version >= 17) demand(structureAt + word(36) === end, "the structure's size");
  return { totalsize, version, compatible, bootCpu, structureAt, stringsAt, reserveMapAt, reserved, root };
}

interface Places {
  readonly structureAt: number;
  readonly stringsAt: number;
  readonly stringsEnd: number;
  readonly fullPaths: boolean;
}

function readStructure(
  blob: Buffer,
  { structureAt, stringsAt, stringsEnd, fullPaths }: Places,
): { root: ReadNode; end: number } {
  let at = structureAt;
  const text = (from: number, limit: number): string => {
    const end = blob.indexOf(0, from);
    demand(end >= 0 && end < limit, `no end of the string at ${from}`);
    return blob.toString("latin1", from, end);
  };
  const alignTo = (size: number): void => {
    for (; at % size !== 0; at++) demand(blob[at] === 0, `padding at ${at}`);
  };
  const open: { node: ReadNode; path: string }[] = [];
  let root: ReadNode | undefined;
  for (;;) {
    const token = blob.readUInt32BE(at);
    at += 4;
    if (token === 1) {
      const written = text(at, stringsAt);
      at += written.length + 1;
      alignTo(4);
      const parent = open.at(-1);
      const name = fullPaths ? written.slice(written.lastIndexOf("/") + 1) : written;
      const path = parent === undefined ? "" : `${parent.path}/${name}`;
      if (fullPaths) demand(written === (path || "/"), `the path ${written} at ${path}`);
      else demand(!written.includes("/"), `the name ${written}`);
      const node: ReadNode = { name, properties: [], children: [] };
      demand((parent === undefined) === (root === undefined), "one root");
      root ??= node;
      parent?.node.children.push(node);
      open.push({ node, path });
    } else if (token === 2) {
      demand(open.pop() !== undefined, `a node ends at ${at} that never began`);
    } else if (token === 3) {
      const { node } = present(open.at(-1));
      demand(node.children.length === 0, "properties stand before child nodes");
      const length = blob.readUInt32BE(at);
      const name = text(stringsAt + blob.readUInt32BE(at + 4), stringsEnd);
      at += 8;
      if (fullPaths && length >= 8) alignTo(8);
      node.properties.push({ name, value: blob.subarray(at, at + length), at });
      at += length;
      alignTo(4);
    } else {
      demand(token === 9, `token ${token} at ${at - 4}`);
      demand(open.length === 0 && root !== undefined, "the end inside a node");
      return { root, end: at };
    }
  }
}

/** The node as entries, as makeTree takes them. */
export function treeOf(node: ReadNode): Tree {
  return [
    ...node.properties.map(({ name, value }) => [name, value] as const),
    ...node.children.map((child) => [child.name, treeOf(child)] as const),
  ];
}

/** The node at a path such as `/cpus/cpu@0`. */
export function nodeAt(root: ReadNode, path: string): ReadNode | undefined {
  return path
    .split("/")
    .filter((name) => name !== "")
    .reduce<ReadNode | undefined>((node, name) => node?.children.find((child) => child.name === name), root);
}

/** The same, of one that is there. */
export function nodeOf(root: ReadNode, path: string): ReadNode {
  return present(nodeAt(root, path), path);
}

export function valueAt(root: ReadNode, path: string, property: string): Buffer | undefined {
  return nodeAt(root, path)?.properties.find(({ name }) => name === property)?.value;
}

/** The same, of one that is there. */
export function bytesAt(root: ReadNode, path: string, property: string): Buffer {
  return present(valueAt(root, path, property), `${path}: ${property}`);
}
