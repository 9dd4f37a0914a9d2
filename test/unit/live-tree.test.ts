// What loading asks of the running machine's tree: the same answers from a tree that was read as a whole, as kexec does, and
// from one that is asked for its nodes one by one, as loadem does.

import { expect, test } from "bun:test";
import { LIVE_TREE } from "../../src/kexec/live-paths.ts";
import {
  type LiveTree,
  ReadTree,
  readChosenNumber,
  readKeptMemory,
  readTreeMemory,
  UnreadTree,
} from "../../src/kexec/live-tree.ts";
import { readNextTree } from "../../src/recipes/next-tree.ts";
import { System } from "../../src/sys/system.ts";
import { fakeEngine } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { pretendedWorld } from "../support/loading.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

const TCE = (start: number) => ({ "linux,tce-base": cells(0, start), "linux,tce-size": cells(0x10000) });

/** Nodes by their paths, with their properties. */
const NODES: Readonly<Record<string, Readonly<Record<string, Uint8Array | string>>>> = {
  rtas: { "linux,rtas-base": cells(0x2fff0000), "rtas-size": cells(0x10000) },
  "ibm,opal": { "opal-base-address": cells(0, 0x30000000), "opal-runtime-size": cells(0, 0x1c50000) },
  "pciex@3fffe40000000": TCE(0x70000000),
  "pciex@3fffe40000000/pci@0": TCE(0x71000000),
  "bus@0/pci@1": TCE(0x72000000),
  // Linux looks at neither.
  "bus@0/disk@2": TCE(0x73000000),
  "pciex@3fffe40000000/disk@3": TCE(0x74000000),
  "reserved-memory": { "#address-cells": cells(2), "#size-cells": cells(2) },
  "reserved-memory/log@1": { reg: cells(0, 0x31000000, 0, 0x1000) },
};

const FILES = Object.fromEntries(
  Object.entries(NODES).flatMap(([path, properties]) =>
    Object.entries(properties).map(([name, value]) => [`${LIVE_TREE}/${path}/${name}`, value]),
  ),
);

/** All of the tree can be read. */
function refuse(why: string): never {
  throw new Error(why);
}

/** The same tree, asked in two ways. */
function treesOf(): LiveTree[] {
  const system = new System(fakeEngine(pretendedWorld(folder.path, { files: FILES }).world));
  const rules = { maxSize: 1 << 20, strict: false, secrets: false, notice: () => {} };
  const { root } = readNextTree(system, { source: LIVE_TREE, bytes: undefined, rules });
  return [new UnreadTree(system), new ReadTree(root)];
}

test("what is kept is told alike, and by the nodes alone that Linux looks at", () => {
  const told = treesOf().map((tree) =>
    readKeptMemory(tree, refuse)
      .map(({ name, start, end }) => `${name} ${start.toString(16)}-${end.toString(16)}`)
      .sort(),
  );
  expect(told[0]).toEqual([
    "/reserved-memory/log@1 31000000-31001000",
    "OPAL 30000000-31c50000",
    "RTAS 2fff0000-30000000",
    "a TCE table 70000000-70010000",
    "a TCE table 71000000-71010000",
    "a TCE table 72000000-72010000",
  ]);
  expect(told[1]).toEqual(told[0]);
});

test("so are memory, numbers in /chosen, and nodes that are there or not", () => {
  const told = treesOf().map((tree) => ({
    memory: readTreeMemory(tree),
    kernelEnd: readChosenNumber(tree, "linux,kernel-end"),
    none: readChosenNumber(tree, "linux,htab-base"),
    cpus: tree.node("cpus")?.children.map(({ name }) => name),
    absent: tree.node("vdevice"),
    children: tree.childrenOf("").toSorted(),
  }));
  expect(told[0]?.kernelEnd).toBe(0x288_0000n);
  expect(told[0]?.cpus).toEqual(["PowerPC,POWER9@0", "PowerPC,POWER9@8"]);
  expect(told[0]?.absent).toBeUndefined();
  expect(told[1]).toEqual(told[0]);
});
