// What the next kernel is told of its initrd is held against what is loaded, on every machine: by the tree behind the
// stub, or by the zero page.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { bzImage } from "../support/bzimage.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, WITHOUT_TREE } from "../support/loading.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();

const STUB = 0x1000_0000;
const KERNEL = 0x2000_0000;
const INITRD = 0x3000_0000;
const PAGE = 0x1000;

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function range(start: number, size: number): string {
  return `${hex(start)}-${hex(start + size)}`;
}

/** Bytes without a zero, of a name of their own. */
function file(name: string, size: number): string {
  writeFileSync(folder.in(name), Buffer.alloc(size, 0x11));
  return folder.in(name);
}

/** Where an initrd begins and how many bytes it has. */
type Told = readonly [start: number, size: number];

interface Machine {
  readonly name: NonNullable<Pretended["machine"]>;
  readonly files: NonNullable<Pretended["files"]>;
  /** What goes behind the stub, with what fs2dt or zeropage is told by -i. */
  handed(told: Told | undefined): Buffer;
  /** The options of its kernel's segment. */
  readonly kernel: string;
  readonly by: string;
  readonly advice: string;
  /** Files in which a kernel started from this initrd tells of it. */
  running(told: Told): NonNullable<Pretended["files"]>;
}

function optionOf(told: Told | undefined): string[] {
  return told === undefined ? [] : ["-i", `${hex(told[0])},${hex(told[0] + told[1])}`];
}

function flattened(tree: Tree, ...options: string[]): Buffer {
  const path = folder.in(`tree${Bun.randomUUIDv7()}`);
  makeTree(path, tree);
  const { code, err, out } = runInside({ machine: "ppc64" }, "fs2dt", "-b", hex(STUB + 0x100), ...options, path);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

const TREE: Tree = [
  ["compatible", "test\0"],
  ["chosen", [["bootargs", "quiet\0"]]],
];

const tree = {
  handed: (told: Told | undefined) => flattened(TREE, ...optionOf(told)),
  by: "the tree",
  advice: "fs2dt -i gives another, --no-initrd none",
  running: ([start, size]: Told) => ({
    "/proc/device-tree/chosen/linux,initrd-start": cells(0, start),
    "/proc/device-tree/chosen/linux,initrd-end": cells(0, start + size),
  }),
};

function zeroPage(told: Told | undefined): Buffer {
  const image = folder.in("bzImage");
  writeFileSync(image, bzImage({ initSize: 0x4000 }));
  const files = {
    "/sys/firmware/memmap/0/start": "0x0\n",
    "/sys/firmware/memmap/0/end": "0x7fffffff\n",
    "/sys/firmware/memmap/0/type": "System RAM\n",
  };
  const { code, err, out } = runInside(
    { root: folder.in("zeropage"), files },
    "zeropage",
    "-b",
    hex(STUB + 0x100),
    "-B",
    "quiet",
    ...optionOf(told),
    image,
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

const machines: readonly Machine[] = [
  { name: "ppc64", files: {}, kernel: "-c 0x100", ...tree },
  { name: "ppc64le", files: {}, kernel: "-c 0x100", ...tree },
  {
    name: "aarch64",
    files: { "/proc/iomem": "00000000-7fffffff : System RAM\n" },
    kernel: "-c 0xf8",
    ...tree,
  },
  {
    name: "x86_64",
    files: { ...WITHOUT_TREE, "/proc/iomem": "00001000-7fffffff : System RAM\n" },
    kernel: "-c 0xf8 -z 0x3000",
    handed: zeroPage,
    by: "the zero page",
    advice: "zeropage -i gives another",
    running: (told) => ({ "/sys/kernel/boot_params/data": zeroPage(told).subarray(0, 4096) }),
  },
];

interface More {
  readonly files?: Pretended["files"];
  readonly handed?: Uint8Array;
  /** Before the stub's segment. */
  readonly before?: string;
}

/** Loads stub, what the machine hands over, a kernel of a page and `segments`. */
function load(machine: Machine, told: Told | undefined, segments: string, more: More = {}): LoadRun {
  const stub = `-r ${hex(PAGE)} -a ${hex(STUB)} -e -w -s`;
  const kernel = `-a ${hex(KERNEL)} -f ${file("kernel", PAGE)} ${machine.kernel}`;
  const line = `${more.before ?? ""} ${stub} ${kernel} ${segments}`;
  return loadem(
    folder.path,
    {
      machine: machine.name,
      files: { "/proc/cmdline": "quiet\n", ...machine.files, ...more.files },
      stdin: more.handed ?? machine.handed(told),
    },
    ...line.split(" ").filter((word) => word !== ""),
  );
}

function taken(...args: Parameters<typeof load>): boolean {
  const { code, err, loads } = load(...args);
  expect(err).toBe("");
  return code === 0 && loads.length === 1;
}

/** The number of the segment that is named, and what is said of it. */
function refused(...args: Parameters<typeof load>): string {
  const { code, err, changes } = load(...args);
  expect({ code, changes, lines: err.split("\n").length }).toEqual({ code: 1, changes: [], lines: 2 });
  return err.replace(/^loadem: segment (\d) \(.*?\): /, "$1 ").trimEnd();
}

describe.each(machines)("on $name", (machine) => {
  const { by, advice } = machine;

  test("an initrd in the bytes of one segment is loaded, and so is no initrd", () => {
    const segment = `-a ${hex(INITRD)} -f ${file("initrd", 0x1234)}`;
    expect(taken(machine, [INITRD, 0x1234], segment)).toBe(true);
    expect(taken(machine, undefined, segment)).toBe(true);
    expect(taken(machine, undefined, "")).toBe(true);
  });

  test("two archives, of which the second begins at a multiple of 4, are one initrd", () => {
    const segment = `-a ${hex(INITRD)} -f ${file("one", 0x1235)} -4 -f ${file("two", 0x10)}`;
    expect(taken(machine, [INITRD, 0x1248], segment)).toBe(true);
    expect(taken(machine, [INITRD, 0x1248], `${segment} -4`)).toBe(true);
  });

  test("one that no segment holds is refused", () => {
    const expected = `0 ${by} tells of an initrd at ${range(INITRD, 0x1234)}, which no segment holds: ${advice}`;
    expect(refused(machine, [INITRD, 0x1234], "")).toBe(expected);
    expect(refused(machine, [INITRD, 0x1234], `-a 0x30002000 -f ${file("initrd", 0x1234)}`)).toBe(expected);
  });

  test("one of which a part lies in no segment is refused: in front, behind, in between", () => {
    const initrd = file("initrd", 0x2000);
    const says = (told: Told, missing: string): string =>
      `0 ${by} tells of an initrd at ${range(...told)}, of which ${missing} is not loaded: ${advice}`;
    const front: Told = [INITRD - 0x800, 0x2000];
    expect(refused(machine, front, `-a ${hex(INITRD)} -f ${initrd}`)).toBe(says(front, range(INITRD - 0x800, 0x800)));
    const behind: Told = [INITRD, 0x2001];
    expect(refused(machine, behind, `-a ${hex(INITRD)} -f ${initrd}`)).toBe(says(behind, range(INITRD + 0x2000, 1)));
    const between: Told = [INITRD, 0x5000];
    const two = `-a ${hex(INITRD)} -f ${initrd} -a ${hex(INITRD + 0x3000)} -f ${initrd}`;
    expect(refused(machine, between, two)).toBe(says(between, range(INITRD + 0x2000, 0x1000)));
  });

  test("one that is longer than the bytes in its segment is refused, whatever zeros follow them there", () => {
    const told: Told = [INITRD, 0x1235];
    const says = `0 ${by} tells of an initrd at ${range(...told)}, of which ${range(INITRD + 0x1234, 1)} is not loaded: ${advice}`;
    const initrd = file("initrd", 0x1234);
    expect(refused(machine, told, `-a ${hex(INITRD)} -f ${initrd}`)).toBe(says);
    expect(refused(machine, told, `-a ${hex(INITRD)} -f ${initrd} -z 0x10000`)).toBe(says);
    const zeros = `0 ${by} tells of an initrd at ${range(...told)}, of which ${range(...told)} is not loaded: ${advice}`;
    expect(refused(machine, told, `-a ${hex(INITRD)} -z 0x2000`)).toBe(zeros);
  });

  test("one that ends in the middle of a file is refused, but not where only zeros follow", () => {
    const initrd = file("initrd", 0x2000);
    const told: Told = [INITRD, 0x1234];
    const says = `0 ${by} tells of an initrd at ${range(...told)}, which ends within a file that goes on to 0x30002000: ${advice}`;
    expect(refused(machine, told, `-a ${hex(INITRD)} -f ${initrd}`)).toBe(says);
    const padded = folder.in("padded");
    writeFileSync(padded, Buffer.concat([Buffer.alloc(0x1234, 1), Buffer.alloc(0xdcc)]));
    expect(taken(machine, told, `-a ${hex(INITRD)} -f ${padded}`)).toBe(true);
    expect(taken(machine, [INITRD, 0x2000], `-a ${hex(INITRD)} -f ${initrd} -f ${initrd}`)).toBe(true);
  });

  test("one in adjacent segments is one, in whatever order they are given, with zeros between its archives", () => {
    const [one, two, three] = [file("one", 0x2000), file("two", 0x1234), file("three", 0x777)];
    const told: Told = [INITRD, 0x4777];
    const segments = [
      `-a ${hex(INITRD)} -f ${one}`,
      `-a ${hex(INITRD + 0x2000)} -f ${two}`,
      `-a ${hex(INITRD + 0x4000)} -f ${three}`,
    ];
    expect(taken(machine, told, segments.join(" "))).toBe(true);
    expect(taken(machine, told, segments.toReversed().join(" "))).toBe(true);
    const [first = "", , last = ""] = segments;
    expect(taken(machine, told, `${first} -z 0x2000 ${last}`)).toBe(true);
    const missing = range(INITRD + 0x4777, 1);
    expect(refused(machine, [INITRD, 0x4778], segments.join(" "))).toContain(`of which ${missing} is not loaded`);
  });

  test("one that covers the stub and what follows it, or some of it, is refused", () => {
    const says = (told: Told) => `0 lies over the initrd that ${by} tells of, ${range(...told)}: ${advice}`;
    const large: Told = [STUB - 0x10_0000, 0x1000_0000];
    expect(refused(machine, large, "")).toBe(says(large));
    const tail: Told = [STUB + 0x180, 0x10];
    expect(refused(machine, tail, "")).toBe(says(tail));
    const below = `-a ${hex(STUB - 0x2000)} -f ${file("initrd", 0x2000)}`;
    expect(refused(machine, [STUB - 0x2000, 0x2001], below)).toBe(says([STUB - 0x2000, 0x2001]));
    expect(taken(machine, [STUB - 0x2000, 0x2000], below)).toBe(true);
  });

  test("one that covers the kernel, or some of it, is refused", () => {
    const says = (told: Told) => `1 lies over the initrd that ${by} tells of, ${range(...told)}: ${advice}`;
    for (const told of [
      [KERNEL, 0x800],
      [KERNEL + 0x800, 0x10],
      [KERNEL - 0x2000, 0x2001],
    ] as const) {
      expect(refused(machine, told, `-a ${hex(KERNEL - 0x2000)} -f ${file("initrd", 0x2000)}`)).toBe(says(told));
    }
  });

  test("the running kernel's own is there only if that was told to keep it", () => {
    const own: Told = [INITRD, 0x1234];
    const run = (commandLine: string | undefined, told = own, files: Pretended["files"] = {}) =>
      load(machine, told, "", { files: { ...machine.running(own), "/proc/cmdline": commandLine, ...files } }).code;
    expect(run("quiet\n")).toBe(1);
    expect(run(undefined)).toBe(1);
    for (const kept of ["retain_initrd\n", "quiet retain_initrd panic=1\n", 'x="a b" retain-initrd -- x\n'])
      expect([kept, run(kept)]).toEqual([kept, 0]);
    for (const lost of [
      "retain_initrd=1\n",
      "no_retain_initrd\n",
      'x="a retain_initrd b"\n',
      "quiet -- retain_initrd\n",
    ])
      expect([lost, run(lost)]).toEqual([lost, 1]);
    // So later kernels show what they keep.
    expect(run("quiet\n", own, { "/sys/firmware/initrd": "x" })).toBe(0);
    // Kept, but not what the next kernel is told of.
    expect(run("retain_initrd\n", [INITRD, 0x1235])).toBe(1);
    expect(run("retain_initrd\n", [INITRD - 4, 0x1000])).toBe(1);
    expect(run("retain_initrd\n", [INITRD + 4, 0x1000])).toBe(0);
  });

  test("the running kernel's own is refused where a segment is loaded over it", () => {
    const own: Told = [INITRD, 0x1234];
    const files = { ...machine.running(own), "/proc/cmdline": "retain_initrd\n" };
    const segments = `-a ${hex(INITRD + 0x1000)} -f ${file("other", 0x1000)}`;
    expect(refused(machine, own, segments, { files })).toContain(`of which ${range(INITRD, 0x1000)} is not loaded`);
    // What is loaded there in its place, as people did in 2005.
    expect(taken(machine, own, `-a ${hex(INITRD)} -f ${file("initrd", 0x1234)}`, { files })).toBe(true);
  });

  test("it is all left alone by --no-checks", () => {
    expect(load(machine, [INITRD, 0x1234], "--no-checks").code).toBe(0);
  });
});

test("arm64 has another word for keeping the running kernel's, which other machines do not know", () => {
  const own: Told = [INITRD, 0x1234];
  const codes = machines.map((machine) => {
    const files = { ...machine.running(own), "/proc/cmdline": "keepinitrd\n" };
    return load(machine, own, "", { files }).code;
  });
  expect(codes).toEqual([1, 1, 0, 1]);
});

test("a machine with ACPI, which has no directory, tells of the running kernel's own in its firmware's blob", () => {
  const [, , arm64] = machines;
  if (arm64 === undefined) throw new Error("no arm64");
  const own: Told = [INITRD, 0x1234];
  const blob = arm64.handed(own);
  const files = { ...WITHOUT_TREE, "/sys/firmware/fdt": blob, "/proc/cmdline": "retain_initrd\n" };
  expect(load(arm64, own, "", { files }).code).toBe(0);
  expect(load(arm64, [INITRD, 0x1235], "", { files }).code).toBe(1);
  for (const broken of [blob.subarray(0, 0x60), Buffer.from("text"), Buffer.alloc(0)])
    expect(load(arm64, own, "", { files: { ...files, "/sys/firmware/fdt": broken } }).code).toBe(1);
});

describe("of the tree behind the stub", () => {
  const [ppc64] = machines;
  if (ppc64 === undefined) throw new Error("no ppc64");

  test.each([1, 2, 3, 16, 17])("in version %i, the initrd is found, told in one cell or in two", (version) => {
    for (const [start, end] of [
      [cells(0, INITRD), cells(0, INITRD + 0x1234)],
      [cells(INITRD), cells(INITRD + 0x1234)],
      [cells(0, INITRD), cells(INITRD + 0x1234)],
    ] as const) {
      const chosen: Tree = [
        ["linux,initrd-start", start],
        ["linux,initrd-end", end],
      ];
      const nodes: Tree = [
        ["name", "\0"],
        ["aliases", [["name", "aliases\0"]]],
        ["chosen", [["name", "chosen\0"], ...chosen, ["below", [["name", "below\0"]]]]],
        ["memory@0", [["name", "memory\0"]]],
      ];
      const handed = flattened(nodes, "-V", String(version));
      expect(refused(ppc64, undefined, "", { handed })).toContain(`an initrd at ${range(INITRD, 0x1234)}, which no`);
    }
  });

  test("only /chosen is asked", () => {
    const told: Tree = [
      ["linux,initrd-start", cells(0, INITRD)],
      ["linux,initrd-end", cells(0, INITRD + 0x1234)],
    ];
    const handed = flattened([
      ["aliases", [["chosen", told]]],
      ["chosen", [["chosen", told]]],
    ]);
    expect(taken(ppc64, undefined, "", { handed })).toBe(true);
  });

  test("what makes no initrd tells of none", () => {
    for (const [start, end] of [
      [INITRD, INITRD],
      [INITRD, INITRD - 1],
    ] as const) {
      const handed = ppc64.handed([0x1111_1111, 0x1111_1111]);
      handed.set(cells(0, start), handed.indexOf(cells(0, 0x1111_1111), 0x60));
      const second = handed.lastIndexOf(cells(0, 0x2222_2222));
      handed.set(cells(0, end), second);
      expect(load(ppc64, undefined, "", { handed }).code).toBe(0);
    }
  });

  test.each([
    ["an undefined version", 20, 15, "at 0x14: bad-version"],
    ["a structure block that is not there", 8, 0xfffff000, "at 0x8: bad-structure"],
    ["a structure block that ends early", 36, 8, "structure-ends"],
    ["a word that begins nothing", 0x48, 7, "bad-token"],
  ])("%s is refused in one line", (_, at, value, says) => {
    const handed = flattened(TREE);
    // The structure block follows the reserve map, which has the blob's own entry.
    expect(handed.readUInt32BE(8)).toBe(0x48);
    handed.writeUInt32BE(value, at);
    expect(refused(ppc64, undefined, "", { handed })).toMatch(
      new RegExp(`^0 the device tree blob at 0x10000100.*${says}`),
    );
  });

  test("each cut and each changed word is a line or none, and never a fault of ours", () => {
    const sound = ppc64.handed([INITRD, 0x1234]);
    for (let at = 0; at < sound.length; at += 4) {
      for (const value of [3, 0xffffffff]) {
        const handed = Buffer.from(sound);
        handed.writeUInt32BE(value, at);
        const { code, err } = load(ppc64, undefined, "", { handed });
        expect([at, value, code, err.includes("internal")]).toEqual([at, value, code === 0 ? 0 : 1, false]);
      }
    }
  });
});

test("on ppc64 the running kernel's own is refused where the next kernel copies itself over it, its bss with it", () => {
  const [ppc64] = machines;
  if (ppc64 === undefined) throw new Error("no ppc64");
  const kernel = folder.in("vmlinux");
  const bytes = Buffer.alloc(0x3_0000);
  bytes.write("run0", 0x5c);
  writeFileSync(kernel, bytes);
  const run = (told: Told, zeros = ""): LoadRun => {
    const files = {
      ...ppc64.running(told),
      "/proc/cmdline": "retain_initrd",
      "/proc/device-tree/chosen/linux,kernel-end": cells(0, 0x1_0000),
    };
    const line = `-r 0x1000 -a ${hex(STUB)} -e -w -s -a ${hex(KERNEL)} -c 0x100 -f ${kernel}${zeros}`;
    return loadem(folder.path, { files, stdin: ppc64.handed(told) }, ...line.split(" "));
  };
  expect(run([0x2_f000, 0x2000]).err).toEndWith(
    "vmlinux): copies itself to 0x0-0x30000, over the initrd at 0x2f000-0x31000 that the tree tells of: " +
      "fs2dt -i gives another, --no-initrd none\n",
  );
  expect(run([0x3_0000, 0x2000])).toMatchObject({ code: 0, err: "" });
  expect(run([0x3_0000, 0x2000], " -z 0x1000").err).toContain("copies itself to 0x0-0x31000");
  expect(run([0x3_1000, 0x2000], " -z 0x1000")).toMatchObject({ code: 0, err: "" });
});

describe("a crash kernel's initrd", () => {
  const [ppc64] = machines;
  if (ppc64 === undefined) throw new Error("no ppc64");
  const files = {
    "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, STUB),
    "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x3000_0000),
  };

  test("is held against its segments in the same way", () => {
    const segment = `-a ${hex(INITRD)} -f ${file("initrd", 0x1234)}`;
    expect(load(ppc64, [INITRD, 0x1234], segment, { files, before: "-p" }).err).not.toContain("initrd that");
    expect(refused(ppc64, [INITRD, 0x1235], segment, { files, before: "-p" })).toContain("is not loaded");
    expect(refused(ppc64, [INITRD, 0x1234], "", { files, before: "-p" })).toContain("which no segment holds");
  });
});

test("a zero page tells of more than 4 GiB in two fields, which are both read", () => {
  const x86 = machines.find(({ name }) => name === "x86_64");
  if (x86 === undefined) throw new Error("no x86_64");
  const files = { "/proc/iomem": "00001000-7fffffff : System RAM\n100000000-8ffffffff : System RAM\n" };
  const told = [0x2_0000_0000, 0x1_8000_0000] as const;
  const fact = `an initrd at ${range(...told)}, which no segment holds`;
  expect(refused(x86, told, "", { files })).toContain(fact);
  const low = `-a ${hex(0x2_0000_0000)} -f ${file("initrd", 0x1000)}`;
  expect(refused(x86, told, low, { files })).toContain(`of which 0x200001000-0x380000000 is not loaded`);
});

test("files that are longer together than one segment can be go into two, and count as one initrd", () => {
  const x86 = machines.find(({ name }) => name === "x86_64");
  if (x86 === undefined) throw new Error("no x86_64");
  const part = folder.in("part");
  Bun.spawnSync(["truncate", "-s", String(2 ** 30), part]);
  const files = {
    "/proc/iomem": "00001000-7fffffff : System RAM\n100000000-8ffffffff : System RAM\n",
    "/proc/meminfo": "MemTotal:  16777216 kB\n",
  };
  const start = 0x1_0000_0000;
  const initrd = file("initrd", 0x1234);
  const segments = `-a ${hex(start)} -f ${part} -a ${hex(start + 2 ** 30)} -f ${part} -a ${hex(start + 2 ** 31)} -f ${part} -f ${initrd} -n`;
  const { code, err } = load(x86, [start, 3 * 2 ** 30 + 0x1234], segments, { files });
  expect({ code, err }).toEqual({ code: 0, err: "" });
});
