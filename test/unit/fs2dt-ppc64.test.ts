// What a powerpc kernel wrote of itself into the tree, and whether fs2dt hands it on.

import { describe, expect, test } from "bun:test";
import { nodeOf, readBlob } from "../support/blob-reader.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();
let turn = 0;

const CRASHKERNEL: Tree = [
  ["linux,crashkernel-base", cells(0, 0x8000000)],
  ["linux,crashkernel-size", cells(0, 0x10000000)],
];
const REST: Tree = [
  ["linux,kernel-end", cells(0, 0x2880000)],
  ["linux,memory-limit", cells(0, 0)],
  ["linux,stdout-path", "/vdevice/vty@71000000\0"],
];
const kept = REST.map(([name]) => name);
const crashkernel = CRASHKERNEL.map(([name]) => name);

function chosenNames(chosen: Tree, ...options: string[]): string[] {
  const path = folder.in(`tree${turn++}`);
  makeTree(path, [
    ["chosen", chosen],
    ["cpus", []],
  ]);
  const { code, err, out } = runInside({}, "fs2dt", "-b", "0x8000", ...options, path);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { properties, children } = nodeOf(readBlob(out).root, "/chosen");
  expect(children).toEqual([]);
  return properties.map(({ name }) => name).filter((name) => name !== "bootargs");
}

describe("the region that crashkernel= gave the running kernel", () => {
  const told: Tree = [["bootargs", "crashkernel=256M@128M quiet\0"], ...CRASHKERNEL, ...REST];

  test.each([
    ["another one", ["-B", "quiet"]],
    ["an empty one", ["-B", ""]],
    ["one with words that look like it", ["-B", "nocrashkernel=1 crashkernel"]],
    ["none", ["--delete", "/chosen/bootargs"]],
  ] as const)("is not handed on where the next command line does not ask for one: %s", (_, options) => {
    expect(chosenNames(told, ...options)).toEqual(kept);
  });

  test.each([
    ["the same", []],
    ["another one", ["-B", "quiet crashkernel=1G"]],
    ["one with tabs", ["-B", "crashkernel=512M\tquiet"]],
  ] as const)("is handed on where it asks for one: %s", (_, options) => {
    expect(chosenNames(told, ...options)).toEqual([...crashkernel, ...kept]);
  });

  test("is not handed on where there is no command line at all, or one half of it", () => {
    expect(chosenNames([...CRASHKERNEL, ...REST])).toEqual(kept);
    expect(chosenNames([...CRASHKERNEL.slice(1), ...REST])).toEqual(kept);
  });

  test("is handed on where an edit has set it, to whatever", () => {
    const set = (value: string) => ["-B", "quiet", "--set", `/chosen/linux,crashkernel-size=${value}`];
    expect(chosenNames(told, ...set("<0 0x20000000>"))).toEqual(["linux,crashkernel-size", ...kept]);
    expect(chosenNames(told, ...set("<0 0x10000000>"))).toEqual(["linux,crashkernel-size", ...kept]);
    const anew = ["--delete", "/chosen/linux,crashkernel-size", ...set("<0 0x10000000>")];
    expect(chosenNames(told, ...anew)).toEqual(["linux,crashkernel-size", ...kept]);
  });

  test("may be gone by an edit before, with /chosen too", () => {
    const gone = ["--delete", "/chosen/linux,crashkernel-base", "--delete", "/chosen/linux,crashkernel-size"];
    expect(chosenNames(told, ...gone, "-B", "quiet")).toEqual(kept);
    expect(chosenNames(told, "--delete-node", "/chosen", "-B", "quiet")).toEqual([]);
  });
});

describe("the limit that mem= gave the running kernel", () => {
  const limited: Tree = [
    ["bootargs", "mem=1G\0"],
    ["linux,memory-limit", cells(0, 0x40000000)],
  ];

  test("is handed on with mem= alone", () => {
    expect(chosenNames(limited)).toEqual(["linux,memory-limit"]);
    expect(chosenNames(limited, "-B", "mem=2G")).toEqual(["linux,memory-limit"]);
    expect(chosenNames(limited, "-B", "highmem=2G crashkernel=1G")).toEqual([]);
  });

  test("stays where it is none", () => {
    expect(chosenNames(REST, "-B", "quiet")).toEqual(kept);
  });
});

test("a tree of arm64 keeps them: no kernel reads them there", () => {
  const path = folder.in("arm64");
  makeTree(path, [
    ["chosen", CRASHKERNEL],
    ["psci", []],
  ]);
  const { out } = runInside({}, "fs2dt", "-b", "0x8000", path);
  expect(nodeOf(readBlob(out).root, "/chosen").properties.map(({ name }) => name)).toEqual(
    expect.arrayContaining(crashkernel),
  );
});
