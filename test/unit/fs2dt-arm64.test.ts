// What fs2dt renews, leaves out and reserves in the tree of an arm64 machine, and in no other.

import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blob } from "../../src/devicetree/to/blob.ts";
import { bytesAt, nodeOf, readBlob } from "../support/blob-reader.ts";
import { type FakeRun, type FakeWorld, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();
let turn = 0;

const STALE: Tree = [
  ["bootargs", "quiet\0"],
  ["kaslr-seed", cells(0, 0)],
  ["linux,booted-from-kexec", ""],
  ["linux,elfcorehdr", cells(0, 1, 0, 1)],
  ["linux,ima-kexec-buffer", cells(0, 1, 0, 1)],
  ["linux,initrd-end", cells(0x6000)],
  ["linux,initrd-start", cells(0x5000)],
  ["linux,uefi-mmap-size", cells(1)],
  ["linux,usable-memory-range", cells(0, 1, 0, 1)],
  ["stdout-path", "/pl011\0"],
];

const PSCI: Tree = [["compatible", "arm,psci-1.0\0"]];
const ITS: Tree = [["its", [["compatible", "arm,gic-600-its\0arm,gic-v3-its\0"]]]];

const LOG = [
  "<6>[    0.000000] ITS@0x0000000008080000: allocated 8192 Devices @421b0000 (indirect, esz 8, psz 64K, shr 1)",
  "<6>[    0.000000] GICv3: using LPI property table @0x00000000421a0000",
  "<6>[    0.000000] GICv3: CPU0: using allocated LPI pending table @0x00000000421b0000",
  "<6>[    0.012345] GICv3: CPU1: using reserved LPI pending table @0x00000000421c0000",
  "",
].join("\n");

function kernelLog(text: string): NonNullable<FakeWorld["on"]> {
  return {
    syslog: ([action, buffer]) => {
      if (action === 10) return 1 << 17;
      expect(action).toBe(3);
      return Buffer.from(text).copy(buffer as Uint8Array);
    },
  };
}

function run(
  tree: Tree,
  options: string[] = [],
  on: FakeWorld["on"] = {},
  files: NonNullable<FakeWorld["files"]> = {},
): FakeRun {
  const path = folder.in(`tree${turn++}`);
  makeTree(path, tree);
  const world: FakeWorld = { machine: "aarch64", on, root: folder.in(`machine${turn}`), files };
  return runInside(world, "fs2dt", "-b", "0x8000", ...options, path);
}

/** What the running kernel was started with: nothing of it is told. */
const STARTED = blob(
  { name: "", properties: [], children: [] },
  { version: 17, padding: 0, maxSize: 4096, address: undefined, reservations: [], bootCpu: 0 },
);

/** The same of the running machine's own tree. */
function runLive(
  tree: Tree,
  options: string[] = [],
  on: FakeWorld["on"] = {},
  files: NonNullable<FakeWorld["files"]> = {},
): FakeRun {
  const root = folder.in(`machine${turn++}`);
  mkdirSync(join(root, "proc"), { recursive: true });
  makeTree(join(root, "proc/device-tree"), tree);
  const world: FakeWorld = { machine: "aarch64", on, root, files: { "/sys/firmware/fdt": STARTED, ...files } };
  return runInside(world, "fs2dt", "-b", "0x8000", ...options, "/proc/device-tree");
}

function blobOf({ code, err, out }: FakeRun) {
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return readBlob(out);
}

function chosenNames(tree: Tree, ...options: string[]): string[] {
  return nodeOf(blobOf(run(tree, options)).root, "/chosen").properties.map(({ name }) => name);
}

const KEPT = ["bootargs", "kaslr-seed", "linux,uefi-mmap-size", "rng-seed", "stdout-path"];

describe("in a tree of arm64", () => {
  test("--usable sets linux,usable-memory-range, in the root's cells, and reserves nothing", () => {
    const root: Tree = [
      ["#address-cells", cells(2)],
      ["#size-cells", cells(2)],
      ["psci", PSCI],
      ["chosen", STALE],
    ];
    const blob = blobOf(run(root, ["--no-initrd", "--usable", "0x160000000,0x10000000"]));
    const chosen = nodeOf(blob.root, "/chosen");
    expect(chosen.properties.find(({ name }) => name === "linux,usable-memory-range")?.value).toEqual(
      Buffer.from(cells(1, 0x6000_0000, 0, 0x1000_0000)),
    );
    expect(blob.reserved).toHaveLength(1);
  });

  test.each(["--usable", "--elfcorehdr"])("%s refuses numbers that its cells cannot hold", (option) => {
    const root: Tree = [
      ["#address-cells", cells(1)],
      ["#size-cells", cells(1)],
      ["psci", PSCI],
    ];
    const refused = (number: string) => ({
      code: 1,
      err: `fs2dt: ${number}: does not fit into 32 bits, which such a number has in this tree\n`,
    });
    expect(run(root, [option, "0x100000000,0x1000"])).toMatchObject(refused("0x100000000"));
    expect(run(root, [option, "0x1000,0x100000000"])).toMatchObject(refused("0x100000000"));
    expect(run(root, [option, "0xffffffff,0xffffffff"])).toMatchObject({ code: 0 });
  });

  test.each<[string, Tree]>([
    [
      "that has PSCI",
      [
        ["chosen", STALE],
        ["psci", PSCI],
      ],
    ],
    [
      "whose cpus have an enable-method",
      [
        ["chosen", STALE],
        ["cpus", [["cpu@0", [["enable-method", "spin-table\0"]]]]],
      ],
    ],
    ["that an EFI stub has written", [["chosen", [...STALE, ["linux,uefi-system-table", cells(0, 0)]]]]],
  ])("%s, what was for the running kernel alone is left out, the rest stays", (_, tree) => {
    expect(chosenNames(tree).filter((name) => name !== "linux,uefi-system-table")).toEqual(KEPT);
  });

  test("the initrd's range stays when -i sets it, and is reserved", () => {
    const { root, reserved } = blobOf(
      run(
        [
          ["chosen", STALE],
          ["psci", PSCI],
        ],
        ["-i", "0x7000,0x7800"],
      ),
    );
    expect(bytesAt(root, "/chosen", "linux,initrd-start").readBigUInt64BE()).toBe(0x7000n);
    expect(bytesAt(root, "/chosen", "linux,initrd-end").readBigUInt64BE()).toBe(0x7800n);
    expect(reserved[0]).toEqual({ start: 0x7000n, size: 0x800n });
    expect(reserved.length).toBe(2);
  });

  test("--no-initrd is as it is elsewhere, though the hand-over leaves the initrd out already", () => {
    const psci: Tree[number] = ["psci", PSCI];
    expect(chosenNames([["chosen", STALE], psci], "--no-initrd")).toEqual(KEPT);
    const { code, err } = run([["chosen", [["bootargs", "quiet\0"]]], psci], ["--no-initrd"]);
    expect({ code, err }).toEqual({ code: 1, err: "fs2dt: /chosen: no initrd\n" });
    expect(run([["chosen", STALE], psci], ["--no-initrd", "--no-initrd"]).code).toBe(1);
  });

  test("both seeds are fresh each time, of 8 and of 64 bytes", () => {
    const seeds = [1, 2].map(() => {
      const { root } = blobOf(
        run([
          ["chosen", STALE],
          ["psci", PSCI],
        ]),
      );
      return ["kaslr-seed", "rng-seed"].map((name) => bytesAt(root, "/chosen", name).toString("hex"));
    });
    expect(seeds.flat().map((seed) => seed.length)).toEqual([16, 128, 16, 128]);
    expect(new Set([...seeds.flat(), "00".repeat(8)]).size).toBe(5);
  });

  test("that was given no seed, the next kernel gets both", () => {
    expect(
      chosenNames([
        ["chosen", [["bootargs", ""]]],
        ["psci", PSCI],
      ]),
    ).toEqual(["bootargs", "kaslr-seed", "rng-seed"]);
  });

  test("a kernel that gives no random bytes is an error, and nothing is written", () => {
    const { code, err, out } = run(
      [
        ["chosen", STALE],
        ["psci", PSCI],
      ],
      [],
      { getrandom: () => -38 },
    );
    expect({ code, err, out: out.length }).toEqual({
      code: 1,
      err: "fs2dt: getrandom: ENOSYS (function not implemented)\n",
      out: 0,
    });
  });
});

describe("a GICv3's tables", () => {
  const tree: Tree = [
    ["intc", ITS],
    ["psci", PSCI],
  ];

  test("are reserved where the kernel's log says they are, each once", () => {
    const { reserved } = blobOf(runLive(tree, [], kernelLog(LOG + LOG)));
    expect(reserved.slice(0, -1)).toEqual(
      [0x421a0000n, 0x421b0000n, 0x421c0000n].map((start) => ({ start, size: 0x10000n })),
    );
  });

  test("of which the log says nothing are worth a line, unless the kernel was told to use none", () => {
    const says =
      "fs2dt: /: a GICv3 ITS, but the kernel's log names no LPI tables: --reserve, or irqchip.gicv3_nolpi=1 " +
      "at its boot\n";
    expect(runLive(tree, [], kernelLog("")).err).toBe(says);
    expect(runLive(tree, [], { syslog: () => -1 }).err).toBe(says);
    const told: Tree = [...tree, ["chosen", [["bootargs", "quiet irqchip.gicv3_nolpi=1\0"]]]];
    expect(blobOf(runLive(told, ["-B", "other"])).reserved.length).toBe(1);
  });

  describe("of which the log does not name all", () => {
    const lines = LOG.split("\n");
    const half = (...dropped: string[]) =>
      kernelLog(lines.filter((line) => !dropped.some((part) => line.includes(part))).join("\n"));
    const online = (list: string) => ({ "/sys/devices/system/cpu/online": `${list}\n` });
    const says = (what: string) =>
      `fs2dt: /: a GICv3 ITS, but the kernel's log names ${what}: --reserve, or irqchip.gicv3_nolpi=1 at its boot\n`;
    const withCpus = (count: number, more: Tree = []): Tree => [
      ["cpus", Array.from({ length: count }, (_, index) => [`cpu@${index}`, [["device_type", "cpu\0"], ...more]])],
      ...tree,
    ];

    test("are worth a line, with those that it names reserved: it has lost its start", () => {
      const { code, err, out } = runLive(tree, [], half("property", "CPU0"), online("0-1"));
      expect({ code, err }).toEqual({ code: 0, err: says("no LPI property table, and no LPI pending table of cpu 0") });
      expect(readBlob(out).reserved[0]).toEqual({ start: 0x421c_0000n, size: 0x1_0000n });
      expect(runLive(tree, [], half("property"), online("0-1")).err).toBe(says("no LPI property table"));
    });

    test("are those of every cpu that is online, and of no other", () => {
      expect(runLive(withCpus(8), [], kernelLog(LOG), online("0-1")).err).toBe("");
      expect(runLive(tree, [], kernelLog(LOG), online("0-2")).err).toBe(says("no LPI pending table of cpu 2"));
      expect(runLive(tree, [], kernelLog(LOG), online("1,4-6,9")).err).toBe(
        says("no LPI pending table of cpu 4 5 6 9"),
      );
      expect(runLive(tree, [], half("CPU1"), online("0")).err).toBe("");
    });

    test("are one for each cpu of the tree where /sys does not tell which are online", () => {
      expect(runLive(withCpus(2), [], kernelLog(LOG)).err).toBe("");
      expect(runLive(withCpus(4), [], kernelLog(LOG)).err).toBe(says("LPI pending tables of 2 cpus of 4"));
      expect(runLive(withCpus(4, [["status", "fail\0"]]), [], kernelLog(LOG)).err).toBe("");
    });

    test("need not be known of a cpu that does without", () => {
      const log = LOG.replace(
        "GICv3: CPU1: using reserved LPI pending table @0x00000000421c0000",
        "CPU1: LPIs not supported",
      );
      expect(runLive(tree, [], kernelLog(log), online("0-1")).err).toBe("");
    });

    test("are known to the next kernel by EFI, where that has started this one", () => {
      const efi: Tree = [...tree, ["chosen", [["linux,uefi-system-table", cells(0, 0)]]]];
      expect(runLive(efi, [], half("property"), online("0-1")).err).toBe("");
    });
  });

  test("are not looked for where the one such controller is disabled", () => {
    const its: Tree = [
      [
        "its",
        [
          ["compatible", "arm,gic-v3-its\0"],
          ["status", "disabled\0"],
        ],
      ],
    ];
    expect(
      runLive([
        ["intc", its],
        ["psci", PSCI],
      ]).engine.asked("syslog"),
    ).toEqual([]);
  });

  test("are not looked for where the tree is of another machine, but where it is a copy of this one's", () => {
    const model = (name: string): Tree => [["model", `${name}\0`], ...tree];
    const own = folder.in("own.dtb");
    const { code, out } = runLive(model("own"), [], kernelLog(LOG.replaceAll("LPI", "")));
    expect(code).toBe(0);
    writeFileSync(own, out);
    const on = { ...kernelLog(LOG) };
    for (const [files, isOwn] of [
      [{}, false],
      [{ "/sys/firmware/fdt": STARTED }, false],
      [{ "/sys/firmware/fdt": out }, true],
    ] as const) {
      const world: FakeWorld = { machine: "aarch64", on, root: folder.in(`machine${turn++}`), files };
      const asked = runInside(world, "fs2dt", "-b", "0x8000", own);
      expect(asked.engine.asked("syslog").length > 0).toBe(isOwn);
      expect(blobOf(asked).reserved.length).toBe(isOwn ? 4 : 1);
    }
  });

  test("are not looked for on a machine without such an interrupt controller", () => {
    const { engine } = runLive([["psci", PSCI]]);
    expect(engine.asked("syslog")).toEqual([]);
  });
});

describe("a tree of another machine", () => {
  const ppc64: Tree = [
    ["chosen", STALE],
    [
      "cpus",
      [
        [
          "PowerPC,POWER9@0",
          [
            ["enable-method", "spin-table\0"],
            ["ibm,ppc-interrupt-server#s", cells(0)],
          ],
        ],
      ],
    ],
  ];

  test("gets seeds only with --seeds", () => {
    const tree: Tree = [["chosen", [["bootargs", ""]]]];
    expect(chosenNames(tree)).toEqual(["bootargs"]);
    expect(chosenNames(tree, "--seeds")).toEqual(["bootargs", "kaslr-seed", "rng-seed"]);
  });

  test("is left as it is, whatever machine this is", () => {
    expect(chosenNames(ppc64)).toEqual(STALE.map(([name]) => name));
    expect(bytesAt(blobOf(run(ppc64)).root, "/chosen", "kaslr-seed").equals(Buffer.alloc(8))).toBe(true);
  });
});

describe("--reserve", () => {
  test("reserves each range, in any tree", () => {
    const { reserved } = blobOf(run([["a", "b"]], ["--reserve", "0x1000,0x2000,0x100000000,4096"]));
    expect(reserved.slice(0, -1)).toEqual([
      { start: 0x1000n, size: 0x2000n },
      { start: 0x1_0000_0000n, size: 0x1000n },
    ]);
  });

  test.each([
    ["0x1000", "'0x1000' is not START,SIZE"],
    ["", "'' is not START,SIZE"],
    ["0x1000,1,0x2000", "'0x2000' is not START,SIZE"],
    ["0x1000,0", "no memory has 0x0 bytes at 0x1000"],
    ["0xffffffffffffffff,2", "no memory has 0x2 bytes at 0xffffffffffffffff"],
  ])("refuses '%s'", (text, fact) => {
    expect(run([["a", "b"]], ["--reserve", text])).toMatchObject({ code: 2, err: `fs2dt: --reserve: ${fact}\n` });
  });
});
