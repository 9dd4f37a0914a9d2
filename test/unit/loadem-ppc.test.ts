// A program of 32 bits: on a kernel of 64, which it has to name, and on an e500, whose kernels want a place of their own.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { choosePlaces } from "../../src/recipes/next-places.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, runPretended, withoutPlace } from "../support/loading.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

/** One node of 512 MiB; what qemu's ppce500 tells of its cpu. */
const E500: Pretended = {
  machine: "ppc",
  files: {
    "/proc/device-tree/#address-cells": cells(1),
    "/proc/device-tree/#size-cells": cells(1),
    "/proc/device-tree/memory@0/reg": cells(0, 0x2000_0000),
    "/proc/device-tree/memory@40000000/reg": undefined,
    "/proc/device-tree/memory@40000000/device_type": undefined,
    "/proc/device-tree/chosen/linux,kernel-end": undefined,
    "/proc/cpuinfo": "processor\t: 0\ncpu\t\t: e500v2\nclock\t\t: 400.000000MHz\n",
    "/proc/meminfo": "MemTotal:  480000 kB\n",
  },
};

const OF_64_BITS: Pretended = { machine: "ppc", kernel: "ppc64" };

interface Places {
  readonly stub?: number;
  readonly kernel?: number;
  /** Of the tree. */
  readonly cpus?: number;
  readonly line?: string;
  /** Bytes behind the tree that count as its own. */
  readonly pad?: number;
}

function load(
  machine: Pretended,
  { stub = 0x432_0000, kernel = 0x400_0000, cpus = 1, line = "", pad = 0 }: Places,
  ...options: string[]
): LoadRun {
  const path = folder.in(`tree${Bun.randomUUIDv7()}`);
  const nodes = Array.from({ length: cpus }, (_, index): Tree[number] => [`cpu@${index}`, [["device_type", "cpu\0"]]]);
  makeTree(path, [
    ["compatible", "fsl,qemu-e500\0"],
    ["chosen", [["bootargs", `${line}\0`]]],
    ["cpus", nodes],
  ]);
  const { out } = runInside({ machine: "ppc" }, "fs2dt", "-b", `${stub + 0x100}`, "--pad", `${pad}`, path);
  writeFileSync(folder.in("kernel"), Buffer.alloc(0x2000, 0x60));
  const segments = ["-a", `${stub}`, "-e", "-w", "-s", "-a", `${kernel}`, "-c", "0x100", "-f", folder.in("kernel")];
  return loadem(folder.path, { ...machine, stdin: out }, ...options, "-r", "0x1000", ...segments);
}

/** What it says, without the segment's place and the tool's name; nothing was loaded. */
function refusal({ code, err, changes }: LoadRun): string {
  expect({ code, changes }).toEqual({ code: 1, changes: [] });
  return withoutPlace(err)
    .replace(/^loadem: segment (\d) \(.*?\): /, "$1 ")
    .trimEnd();
}

describe("on a kernel of 64 bits", () => {
  test("its machine has to be named, and the message says how", () => {
    const { code, err, changes } = load(OF_64_BITS, {});
    expect({ code, err, changes }).toEqual({
      code: 3,
      err: "loadem: -t: from a 32-bit program this machine's kernel takes -t 21, not 0\n",
      changes: [],
    });
    expect(load(OF_64_BITS, {}, "-t", "20").err).toContain("takes -t 21, not 20");
  });

  test("the stub is that machine's, and so is the word of its kernel's address", () => {
    const { code, out } = load(OF_64_BITS, {}, "-t", "21", "-n", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(out.toString())).toMatchObject({ elfMachine: 21, arch: 21 });
    expect(out.toString()).toContain('"at":"0x43200f8"');
  });

  test("an address that 32 bits do not hold is refused by name, whether checks are made or not", () => {
    for (const [places, place] of [
      [{ kernel: 0x1_0000_0000 }, "segment 1 (0x100000000-0x100002000"],
      [{ stub: 0x1_0432_0000 }, "segment 0 (0x104320000-"],
    ] as const) {
      for (const options of [[], ["--no-checks"]]) {
        const { code, err, changes } = load(OF_64_BITS, places, "-t", "21", ...options);
        expect({ code, changes }).toEqual({ code: 1, changes: [] });
        expect(err).toContain("a 32-bit program cannot tell the kernel an address from 0x100000000 on");
        expect(err).toContain(place);
      }
    }
  });

  test("kexec names it by itself, and places nothing that it cannot tell", () => {
    const facts = {
      ...{ pageSize: 0x1_0000n, elfMachine: 21, taken: [], totalRam: undefined },
      memory: [
        { start: 0n, end: 0x1000_0000n },
        { start: 0x1_0000_0000n, end: 0x2_0000_0000n },
      ],
    };
    const kernel = { length: 0x1000, memsz: 0x1000n, head: new Uint8Array(0x1000), setup: undefined };
    const needs = { kernel, argumentSize: 0x1000n, initrdSize: 0x2000_0000n, crash: false };
    expect(choosePlaces("ppc64", facts, needs).initrd).toBe(0x1_0000_0000n);
    const narrow = { ...facts, reach: { start: 0n, end: 0x1_0000_0000n } };
    expect(() => choosePlaces("ppc64", narrow, needs)).toThrow(/cannot tell the kernel an address from 0x100000000 on/);
  });
});

describe("on an e500", () => {
  test("a kernel that begins 64 MiB, with its tree in them, passes", () => {
    expect(load(E500, {}, "-n")).toMatchObject({ code: 0, err: "" });
    expect(load(E500, { kernel: 0x800_0000, stub: 0xbf0_0000 }, "-n")).toMatchObject({ code: 0, err: "" });
  });

  test.each([
    ["at 32 MiB", 0x200_0000],
    ["64 KiB behind a multiple", 0x401_0000],
  ] as const)("a kernel %s is refused", (_, kernel) => {
    expect(refusal(load(E500, { kernel }))).toBe("1 an e500's kernel has to begin at a multiple of 0x4000000");
  });

  test("several cpus are refused where the kernel is not at 0, and its command line does not leave them alone", () => {
    const lost =
      "1 an e500's kernel starts other cpus, 3 in its tree, from 0 alone: load it there, or give it maxcpus=1";
    expect(refusal(load(E500, { cpus: 4 }))).toBe(lost);
    expect(refusal(load(E500, { cpus: 4, line: "quiet maxcpus=2" }))).toBe(lost);
    for (const line of ["nr_cpus=1 quiet", "maxcpus=1", "maxcpus=0", "nosmp"])
      expect(load(E500, { cpus: 4, line }, "-n")).toMatchObject({ code: 0, err: "" });
    expect(load(E500, { cpus: 4, kernel: 0, stub: 0x300_0000 }, "-n", "--no-checks").code).toBe(0);
    expect(load(E500, { cpus: 4, kernel: 0, stub: 0x300_0000 }, "-n").err).not.toContain("cpus");
  });

  test("a tree in another 64 MiB than the kernel is refused", () => {
    expect(refusal(load(E500, { stub: 0xa00_0000 }))).toStartWith(
      "0 the device tree blob at 0xa000100 is not within 0x4000000-0x8000000, all that an e500's kernel maps",
    );
  });

  test("what begins in them and ends behind them is refused, too", () => {
    expect(refusal(load(E500, { stub: 0x7ff_f000, pad: 0x1000 }))).toStartWith("0 the device tree blob at 0x7fff100");
  });

  test("no rule is made of it for another cpu of 32 bits", () => {
    const g4 = { ...E500, files: { ...E500.files, "/proc/cpuinfo": "processor\t: 0\ncpu\t\t: 7447A\n" } };
    expect(load(g4, { kernel: 0x200_0000 }, "-n")).toMatchObject({ code: 0 });
  });

  test("the places of a plan obey it: the lowest 64 MiB that have room for kernel and tree", () => {
    const facts = {
      ...{ pageSize: 0x1000n, elfMachine: 20, totalRam: undefined, kernelBlock: 0x400_0000n },
      memory: [{ start: 0n, end: 0x2000_0000n }],
      taken: [
        { start: 0n, end: 0x100_0000n, name: "the running kernel" },
        { start: 0x410_0000n, end: 0x800_0000n, name: "something" },
      ],
    };
    const kernel = { length: 0x8_0000, memsz: 0x10_0000n, head: new Uint8Array(16), setup: undefined };
    const needs = { kernel, argumentSize: 0x2000n, initrdSize: 0x1000n, crash: false };
    expect(choosePlaces("ppc", facts, needs)).toMatchObject({ kernel: 0x800_0000n, argument: 0x810_0000n });
    const none = { ...facts, memory: [{ start: 0n, end: 0x410_0000n }] };
    expect(() => choosePlaces("ppc", none, needs)).toThrow(/has its tree in the block that it begins/);
  });
});

test("nothing is placed where a kernel of 32 bits maps no memory", () => {
  const facts = {
    ...{ pageSize: 0x1000n, elfMachine: 20, totalRam: undefined },
    memory: [{ start: 0n, end: 0x6000_0000n }],
    taken: [{ start: 0x100_0000n, end: 0x2fff_0000n, name: "something" }],
  };
  const kernel = { length: 0x8_0000, memsz: 0x10_0000n, head: new Uint8Array(16), setup: undefined };
  const needs = { kernel, argumentSize: 0x2000n, initrdSize: 0x100_0000n, crash: false };
  expect(() => choosePlaces("ppc", facts, needs)).toThrow(/a 32-bit kernel maps no more than 768 MiB/);
  expect(choosePlaces("ppc", facts, { ...needs, initrdSize: 0x1_0000n }).initrd).toBeLessThan(0x3000_0000n);
});

test("the commands of a plan name the machine where a program of 32 bits has to", () => {
  writeFileSync(folder.in("vmlinux"), Buffer.alloc(0x2000, 0x60).fill("run0", 0x5c, 0x60, "latin1"));
  const plan = (machine: Pretended) =>
    runPretended(folder.path, machine, "kexec", "--plan", "--append=quiet", folder.in("vmlinux")).out.toString();
  expect(plan(OF_64_BITS)).toContain("loadem -t 21 ");
  expect(plan({ machine: "ppc64" })).not.toContain("-t 21");
});
