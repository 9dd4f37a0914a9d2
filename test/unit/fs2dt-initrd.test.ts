// What fs2dt says of the running kernel's initrd, which it hands on as the tree tells of it.

import { describe, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { bytesAt, nodeOf, readBlob } from "../support/blob-reader.ts";
import { type FakeRun, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

const TREE: Tree = [
  ["compatible", "test\0"],
  [
    "chosen",
    [
      ["bootargs", "quiet\0"],
      ["linux,initrd-start", cells(0, 0x300_0000)],
      ["linux,initrd-end", cells(0, 0x312_3456)],
    ],
  ],
];

const PROPERTIES = ["linux,initrd-start", "linux,initrd-end"];

const LINE =
  "fs2dt: /chosen: the initrd at 0x3000000-0x3123456 is the running kernel's, whose memory has other things by now " +
  "(no retain_initrd): -i gives another, --no-initrd none\n";

interface World {
  readonly commandLine?: string;
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
  readonly machine?: "ppc64" | "ppc64le" | "aarch64";
  readonly tree?: Tree;
  readonly stdin?: Uint8Array;
}

/** A machine whose /proc/device-tree is a link into /sys, as it is on Linux. */
function machineWith({ tree = TREE }: World): string {
  const root = folder.in(`machine${Bun.randomUUIDv7()}`);
  mkdirSync(`${root}/sys/firmware/devicetree`, { recursive: true });
  mkdirSync(`${root}/proc`);
  makeTree(`${root}/sys/firmware/devicetree/base`, tree);
  symlinkSync(`${root}/sys/firmware/devicetree/base`, `${root}/proc/device-tree`);
  return root;
}

/** fs2dt with these arguments, in which ROOT is the machine's root. */
function run(world: World, ...args: string[]): FakeRun {
  const root = machineWith(world);
  const files = { "/proc/cmdline": world.commandLine ?? "quiet panic=1\n", ...world.files };
  const words = args.map((word) => word.replaceAll("ROOT", root));
  const { machine = "ppc64", stdin } = world;
  return runInside(
    { root, machine, files, ...(stdin === undefined ? {} : { stdin }) },
    "fs2dt",
    "-b",
    "0x8000",
    ...words,
  );
}

/** What it says; the tree is handed on in any case. */
function said(world: World, ...args: string[]): string {
  const { code, err } = run(world, ...args);
  expect(code).toBe(0);
  return err;
}

function initrdIn(blob: Buffer): string[] {
  const { root } = readBlob(blob);
  return nodeOf(root, "/chosen")
    .properties.filter(({ name }) => PROPERTIES.includes(name))
    .map(({ name }) => bytesAt(root, "/chosen", name).toString("hex"));
}

describe("the running kernel's initrd, which nothing keeps", () => {
  test.each(["ppc64", "ppc64le"] as const)("is handed on with one line, on %s", (machine) => {
    const { code, err, out } = run({ machine }, "/proc/device-tree");
    expect({ code, err }).toEqual({ code: 0, err: LINE });
    expect(initrdIn(out).sort()).toEqual(["0000000003000000", "0000000003123456"]);
    expect(readBlob(out).reserved).toContainEqual({ start: 0x300_0000n, size: 0x12_3456n });
  });

  test("is known by whatever path leads to the tree, and in the blob that the kernel was started with", () => {
    for (const path of ["/proc/device-tree/", "/sys/firmware/devicetree/base", "ROOT/proc/device-tree"])
      expect([path, said({}, path)]).toEqual([path, LINE]);
    const { out } = run({}, "/proc/device-tree");
    expect(said({ files: { "/sys/firmware/fdt": out } }, "/sys/firmware/fdt")).toBe(LINE);
  });

  test("gets no line where another tree tells of one: what kernel's it is, nobody knows", () => {
    const { out } = run({}, "/proc/device-tree");
    const copy = folder.in("copy");
    makeTree(copy, TREE);
    writeFileSync(folder.in("blob"), out);
    expect(said({}, copy)).toBe("");
    expect(said({ files: { "/sys/firmware/fdt": out } }, folder.in("blob"))).toBe("");
    expect(said({ stdin: out }, "-")).toBe("");
  });

  test("gets none where an edit has its say, though it were the same place", () => {
    expect(said({}, "-i", "0x5000000,0x5123456", "/proc/device-tree")).toBe("");
    expect(said({}, "-i", "0x3000000,0x3123456", "/proc/device-tree")).toBe("");
    expect(said({}, "--no-initrd", "/proc/device-tree")).toBe("");
    expect(said({}, "--delete-node", "/chosen", "/proc/device-tree")).toBe("");
    expect(said({}, "--set", "/chosen/linux,initrd-end=<0 0x3123450>", "/proc/device-tree")).toBe("");
    expect(said({}, "-B", "console=hvc0", "/proc/device-tree")).toBe(LINE);
  });

  test("gets none where the tree tells of none", () => {
    expect(said({ tree: [["chosen", [["bootargs", "quiet\0"]]]] }, "/proc/device-tree")).toBe("");
    expect(said({ tree: [["compatible", "test\0"]] }, "/proc/device-tree")).toBe("");
  });

  test("gets none on arm64, where it is not handed on", () => {
    const psci: Tree[number] = ["psci", [["compatible", "arm,psci\0"]]];
    const files = { "/sys/firmware/fdt": run({}, "/proc/device-tree").out };
    const { code, err, out } = run({ machine: "aarch64", tree: [...TREE, psci], files }, "/proc/device-tree");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(initrdIn(out)).toEqual([]);
  });
});

describe("one that the running kernel keeps gets no line", () => {
  test.each(["retain_initrd\n", "a retain_initrd b\n", "a\tretain-initrd"])("told by %j", (commandLine) => {
    expect(said({ commandLine }, "/proc/device-tree")).toBe("");
  });

  test("as Linux 6.9 and later show it", () => {
    expect(said({ files: { "/sys/firmware/initrd": "x" } }, "/proc/device-tree")).toBe("");
  });

  test.each([
    "retain_initrd=1\n",
    "xretain_initrd\n",
    "retain_initrd_\n",
    "-- retain_initrd\n",
    'a="b retain_initrd"\n',
  ])("but %j keeps nothing", (commandLine) => {
    expect(said({ commandLine }, "/proc/device-tree")).toBe(LINE);
  });
});

describe("-i", () => {
  const refused = (value: string): string => {
    const { code, err, out } = run({}, "-i", value, "/proc/device-tree");
    expect({ code, out: out.length }).toEqual({ code: 2, out: 0 });
    return err.replace(/^fs2dt: -i: /, "").trimEnd();
  };

  test("takes an older initrd's memory out of the reserve map, also where that has it in whole pages", () => {
    const older = (reserved: string) => run({}, "--reserve", reserved, "ROOT/proc/device-tree").out;
    const left = (reserved: string, ...options: string[]) => {
      const { code, out } = run({ stdin: older(reserved) }, ...options, "-");
      expect(code).toBe(0);
      return readBlob(out).reserved.slice(0, -1);
    };
    const next = { start: 0x5000000n, size: 0x1000n };
    // prom_init reserves by pages of 4 KiB, or of 64 KiB.
    for (const size of ["0x123456", "0x124000", "0x130000"]) {
      expect(left(`0x3000000,${size}`, "-i", "0x5000000,0x5001000")).toEqual([next]);
      expect(left(`0x3000000,${size}`, "--no-initrd")).toEqual([]);
    }
    const other = { start: 0x3000000n, size: 0x150000n };
    expect(left("0x3000000,0x150000", "-i", "0x5000000,0x5001000")).toEqual([other, next]);
  });

  test.each([
    "my.cpio.gz",
    "0x4600000,my.cpio.gz",
    "my.cpio.gz,0x4600000",
    "/initrd",
    "@0x4600000",
    "initrd:0x4600000",
    "",
  ])("of %j, which has a file and no address, asks where it is to lie", (value) => {
    expect(refused(value)).toBe(`'${value}' is neither START,END nor FILE@ADDR: where is it to lie?`);
  });

  test.each([
    ["0x4600000", "'0x4600000' is not START,END"],
    ["1,2,3", "'1,2,3' is not START,END"],
    ["0x4600000,0x", "'0x' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)"],
    ["0x4600000,0x46_0", "'0x46_0' is not a number below 2^64 (decimal, 0x hexadecimal or 0 octal)"],
  ])("of %s, which are numbers, says what is wrong with them", (value, says) => {
    expect(refused(value)).toBe(says);
  });

  test("of files that would end above 2^64 is refused, not wrapped", () => {
    writeFileSync(folder.in("initrd"), new Uint8Array(0x1001));
    const at = (address: string) => `${folder.in("initrd")}@${address}`;
    expect(refused(at("0xfffffffffffff000"))).toBe("0xfffffffffffff000-0x10000000000000001 ends above 2^64");
    writeFileSync(folder.in("initrd"), new Uint8Array(0x1000));
    expect(refused(at("0xfffffffffffff000"))).toBe(
      "0xfffffffffffff000-0x10000000000000000 ends at 2^64, which is no address",
    );
  });
});
