// What fs2dt renews and leaves out in the tree of a riscv64 machine.

import { describe, expect, test } from "bun:test";
import { nodeOf, readBlob } from "../support/blob-reader.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

const CHOSEN: Tree = [
  ["bootargs", "quiet\0"],
  ["kaslr-seed", cells(0, 0)],
  ["linux,elfcorehdr", cells(0, 1, 0, 1)],
  ["linux,initrd-end", cells(0x6000)],
  ["linux,initrd-start", cells(0x5000)],
  ["linux,usable-memory-range", cells(0, 1, 0, 1)],
  ["rng-seed", cells(0, 0)],
];

function chosen(cpu: Tree, ...options: string[]) {
  const path = folder.in(`tree${Bun.randomUUIDv7()}`);
  makeTree(path, [
    ["#address-cells", cells(2)],
    ["#size-cells", cells(2)],
    ["chosen", CHOSEN],
    ["cpus", [["cpu@0", [["device_type", "cpu\0"], ...cpu]]]],
  ]);
  const { code, err, out } = runInside({ machine: "riscv64" }, "fs2dt", "-b", "0x8000", ...options, path);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const { root, reserved } = readBlob(out);
  const { properties } = nodeOf(root, "/chosen");
  return {
    names: properties.map(({ name }) => name),
    of: new Map(properties.map(({ name, value }) => [name, value])),
    reserved,
  };
}

describe.each(["riscv,isa", "riscv,isa-base"])("a tree of riscv64, known by %s", (name) => {
  const cpu: Tree = [[name, "rv64i\0"]];

  test("loses what the running kernel was told for itself, and gets fresh seeds", () => {
    const { names, of } = chosen(cpu);
    expect(names).toEqual(["bootargs", "kaslr-seed", "rng-seed"]);
    for (const seed of ["kaslr-seed", "rng-seed"]) expect(of.get(seed)?.every((byte) => byte === 0)).toBe(false);
  });

  test("tells of an initrd in 64 bits, whatever it did before", () => {
    const { of } = chosen(cpu, "-i", "0x90000000,0x90001000");
    expect(of.get("linux,initrd-start")).toEqual(Buffer.from(cells(0, 0x9000_0000)));
  });

  test("--usable and --elfcorehdr are told in /chosen", () => {
    const { of } = chosen(cpu, "--usable", "0xa0000000,0x10000000", "--elfcorehdr", "0xaff00000,0x1000");
    expect(of.get("linux,usable-memory-range")).toEqual(Buffer.from(cells(0, 0xa000_0000, 0, 0x1000_0000)));
    expect(of.get("linux,elfcorehdr")).toEqual(Buffer.from(cells(0, 0xaff0_0000, 0, 0x1000)));
  });
});

test("a tree whose cpus say nothing of the kind is handed on as it is", () => {
  expect(chosen([]).names).toEqual(CHOSEN.map(([name]) => name));
});
