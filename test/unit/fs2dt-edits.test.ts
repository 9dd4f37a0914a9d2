// What -B, -i and --usable make of a tree.

import { describe, expect, test } from "bun:test";
import { bytesAt, nodeOf, type ReadBlob, readBlob, valueAt } from "../support/blob-reader.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { cells, makeTree, type Tree } from "../support/tree.ts";

const folder = temporaryFolder();
let turn = 0;

function attempt(tree: Tree, ...options: string[]): { code: number; err: string; out: Buffer } {
  const path = folder.in(`tree${turn++}`);
  makeTree(path, tree);
  const { code, err, out } = runInside({}, "fs2dt", "-b", "0x8000", ...options, path);
  return { code, err: err.replaceAll(path, ""), out };
}

function edited(tree: Tree, ...options: string[]): ReadBlob {
  const { code, err, out } = attempt(tree, ...options);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return readBlob(out);
}

describe("-B", () => {
  const before: Tree = [
    [
      "chosen",
      [
        ["bootargs", "root=/dev/sda\0"],
        ["stdout-path", "hvc0\0"],
      ],
    ],
  ];

  test("replaces the command line, byte for byte, and leaves the rest", () => {
    for (const text of ["quiet", "", "a longer line than the one before, = with 'quotes'\n", "\xe9\xff"]) {
      const { root } = edited(before, "-B", text);
      expect(bytesAt(root, "/chosen", "bootargs").toString("latin1")).toBe(`${text}\0`);
      expect(bytesAt(root, "/chosen", "stdout-path").toString("latin1")).toBe("hvc0\0");
    }
  });

  test("makes /chosen where there is none", () => {
    const { root } = edited(
      [
        ["memory@0", []],
        ["aliases", []],
      ],
      "-B",
      "x",
    );
    expect(root.children.map(({ name }) => name)).toEqual(["aliases", "chosen", "memory@0"]);
    expect(bytesAt(root, "/chosen", "bootargs").toString("latin1")).toBe("x\0");
  });

  test("takes what looks like an option as its text", () => {
    for (const words of [["-B", "-x"], ["-B-x"], ["--bootargs", "-x"], ["--bootargs=-x"]]) {
      expect(bytesAt(edited(before, ...words).root, "/chosen", "bootargs").toString("latin1")).toBe("-x\0");
    }
  });
});

describe("a command line that Linux cuts off", () => {
  const cpu = (compatible: string): Tree => [
    ["cpus", [["cpu@0", [["compatible", `${compatible}\0`]]]]],
    ["psci", []],
  ];
  /** What is said, on the tree of that cpu, of a command line of so many bytes. */
  const said = (compatible: string, length: number, ...options: string[]) =>
    attempt([...cpu(compatible), ["chosen", [["bootargs", `${"x".repeat(length)}\0`]]]], ...options).err;
  const line = (length: number, kept: number) =>
    `fs2dt: /chosen/bootargs: ${length} bytes, of which Linux takes ${kept}: it is cut off after "${"x".repeat(20)}"\n`;

  test.each([
    ["PowerPC,POWER9", 2047],
    ["arm,cortex-a57", 2047],
    ["arm,cortex-a53", 2047],
    ["arm,cortex-a7", 1023],
    ["arm,arm1176jzf-s", 1023],
    ["marvell,sheeva-v7", 1023],
    ["sifive,u54-mc\0riscv", 1023],
    ["brcm,bmips5000", 4095],
    ["loongson,gs264", 4095],
  ])("is told of where it is cut: %j takes %d bytes and a NUL", (compatible, kept) => {
    expect(said(compatible, kept)).toBe("");
    expect(said(compatible, kept + 1)).toBe(line(kept + 1, kept));
  });

  test("is handed on whole all the same, and is told of once", () => {
    const bootargs = "x".repeat(3000);
    const { code, err, out } = attempt([["n", []]], "-B", bootargs);
    expect({ code, err }).toEqual({ code: 0, err: line(3000, 2047) });
    expect(bytesAt(readBlob(out).root, "/chosen", "bootargs").toString()).toBe(`${bootargs}\0`);
    const { err: checked } = attempt([["n", []]], "--check", "-B", bootargs);
    expect(checked.split("\n").filter((each) => each.includes("cut off"))).toHaveLength(1);
    expect(said("arm,cortex-a57", 3000, "-B", "quiet")).toBe("");
  });

  test("is told of by dtedit too", () => {
    const path = folder.in(`tree${turn++}`);
    makeTree(path, cpu("arm,cortex-a57"));
    const { code, err } = runInside({}, "dtedit", "-B", "x".repeat(2048), path, "-");
    expect({ code, err }).toEqual({ code: 0, err: line(2048, 2047).replace("fs2dt", "dtedit") });
  });

  test("counts up to its NUL, in whatever is there", () => {
    for (const value of [`${"x".repeat(100)}\0${"y".repeat(3000)}`, "", "\0"])
      expect(attempt([["chosen", [["bootargs", value]]]]).err).toBe("");
    const bare = [
      ["cpus", [["cpu@0", [["compatible", "riscv"]]]]],
      ["chosen", [["bootargs", "x".repeat(1024)]]],
    ] as const;
    expect(attempt(bare as unknown as Tree).err).toBe(line(1024, 1023));
  });

  test("loses its last byte where it has no NUL, however short it is", () => {
    const bare = (text: string) => attempt([["chosen", [["bootargs", text]]]]).err;
    expect(bare("quiet")).toBe(
      `fs2dt: /chosen/bootargs: 5 bytes, of which Linux takes 4: it is cut off after "quie"\n`,
    );
    // What no terminal should get is escaped, once.
    expect(bare("a\nb\\c")).toEndWith('it is cut off after "a\\x0ab\\\\"\n');
    for (const length of [2046, 2047, 2048]) expect(bare("x".repeat(length))).toBe(line(length, length - 1));
    expect(bare("x".repeat(2049))).toBe(line(2049, 2047));
  });
});

describe("-i", () => {
  test("sets start and end in two cells each, and reserves what lies between", () => {
    const { root, reserved } = edited([["chosen", []]], "-i", "0x7000000,0x7123456");
    expect(bytesAt(root, "/chosen", "linux,initrd-start").toString("hex")).toBe("0000000007000000");
    expect(bytesAt(root, "/chosen", "linux,initrd-end").toString("hex")).toBe("0000000007123456");
    expect(reserved[0]).toEqual({ start: 0x7000000n, size: 0x123456n });
  });

  test("takes the place of the initrd that the tree had, and of its reservation", () => {
    const old: Tree = [
      [
        "chosen",
        [
          ["linux,initrd-end", cells(0x9000)],
          ["linux,initrd-start", cells(0x8000)],
        ],
      ],
    ];
    const { root, reserved } = edited(old, "-i", "0xffffffff00000000,0xffffffffffffffff");
    expect(bytesAt(root, "/chosen", "linux,initrd-end").toString("hex")).toBe("ffffffffffffffff");
    expect(reserved.slice(0, -1)).toEqual([{ start: 0xffffffff00000000n, size: 0xffffffffn }]);
  });

  test("heals a pair that would be refused", () => {
    expect(edited([["chosen", [["linux,initrd-start", "xyz"]]]], "-i", "4096,8192").reserved[0]).toEqual({
      start: 4096n,
      size: 4096n,
    });
  });

  test("refuses an end that is not above the start, and what is no pair", () => {
    expect(attempt([], "-i", "0x2000,0x2000")).toMatchObject({
      code: 2,
      err: "fs2dt: -i: the end 0x2000 is not above the start 0x2000\n",
    });
    expect(attempt([], "-i", "0x2000,0x1fff").code).toBe(2);
    for (const text of ["", "1", "1,", ",2", "1,2,3", "1-2", "1,x", "0,0x10000000000000000"]) {
      expect(attempt([], "-i", text)).toMatchObject({ code: 2, out: Buffer.alloc(0) });
    }
  });
});

describe("--usable", () => {
  const memory = (...reg: number[]): Tree => [
    ["device_type", "memory\0"],
    ["reg", cells(...reg)],
  ];
  const machine: Tree = [
    ["#address-cells", cells(2)],
    ["#size-cells", cells(2)],
    ["memory@0", memory(0, 0, 0, 0x40000000)],
    ["memory@40000000", memory(0, 0x40000000, 0, 0x40000000)],
    ["memory@100000000", memory(1, 0, 2, 0)],
    ["cpus", [["memory-like", [["reg", cells(0)]]]]],
  ];
  const usable = (blob: ReadBlob, node: string): string | undefined =>
    valueAt(blob.root, `/${node}`, "linux,usable-memory")?.toString("hex");

  test("leaves a crash kernel the memory from 0 to the end of its own, and reserves the old kernel's", () => {
    const blob = edited(machine, "--usable", "0x8000000,0x10000000");
    expect(usable(blob, "memory@0")).toBe("00000000000000000000000018000000");
    // One pair of nothing: with an empty value a NUMA kernel reads reg again.
    expect(usable(blob, "memory@40000000")).toBe("0".repeat(32));
    expect(usable(blob, "memory@100000000")).toBe("0".repeat(32));
    expect(blob.reserved.slice(0, -1)).toEqual([{ start: 0x10000n, size: 0x7ff0000n }]);
    expect(nodeOf(blob.root, "/cpus/memory-like").properties.map(({ name }) => name)).toEqual(["reg"]);
    expect(bytesAt(blob.root, "/memory@0", "reg").toString("hex")).toBe("00000000000000000000000040000000");
  });

  test.each(["--usable", "--elfcorehdr"])("%s is given once: what the first one reserves would stay", (option) => {
    const { code, err } = attempt(machine, option, "0x140000000,0x1000", option, "0x150000000,0x1000");
    expect({ code, err }).toEqual({ code: 2, err: expect.stringContaining(`: ${option} is given twice\n`) });
  });

  test("leaves memory nodes below it whole", () => {
    const blob = edited(machine, "--usable", "0x140000000,0x1000");
    expect(usable(blob, "memory@0")).toBe("00000000000000000000000040000000");
    expect(usable(blob, "memory@100000000")).toBe("00000001000000000000000040001000");
  });

  test("reserves nothing where nothing but the vectors lies below", () => {
    expect(edited(machine, "--usable", "0x10000,0x10000").reserved).toHaveLength(1);
    expect(edited(machine, "--usable", "0x10001,0x10000").reserved[0]).toEqual({ start: 0x10000n, size: 1n });
  });

  test("counts in the cells that the root names, and in 2 and 1 where it names none", () => {
    const one: Tree = [
      ["#address-cells", cells(1)],
      ["#size-cells", cells(1)],
      ["memory@0", memory(0, 0x20000000)],
    ];
    expect(usable(edited(one, "--usable", "0x1000000,0x1000000"), "memory@0")).toBe("0000000002000000");
    expect(
      usable(edited([["memory@0", memory(0, 0, 0x20000000)]], "--usable", "0x1000000,0x1000000"), "memory@0"),
    ).toBe("000000000000000002000000");
  });

  test("clips each range of a node that has several", () => {
    const banks: Tree = [
      ["#address-cells", cells(1)],
      ["#size-cells", cells(1)],
      ["memory@0", memory(0, 0x1000000, 0x2000000, 0x2000000, 0x8000000, 0x1000000)],
    ];
    expect(usable(edited(banks, "--usable", "0x2000000,0x1000000"), "memory@0")).toBe(
      "00000000010000000200000001000000",
    );
  });

  describe("leaves a crash kernel the memory that firmware goes on using,", () => {
    const opal: Tree[number] = [
      "ibm,opal",
      [
        ["opal-base-address", cells(0, 0x30000000)],
        ["opal-runtime-size", cells(0, 0x3600000)],
      ],
    ];
    const rtas: Tree[number] = [
      "rtas",
      [
        ["linux,rtas-base", cells(0x7fff0000)],
        ["rtas-size", cells(0x10000)],
      ],
    ];
    const bridge = (name: string, high: number, low: number): Tree[number] => [
      name,
      [
        ["linux,tce-base", cells(high, low)],
        ["linux,tce-size", cells(0x800000)],
      ],
    ];
    const keeps = (...nodes: Tree): ReadBlob => edited([...machine, ...nodes], "--usable", "0x8000000,0x10000000");

    test("OPAL's, in the same node as its own", () => {
      const blob = keeps(opal);
      expect(usable(blob, "memory@0")).toBe("00000000000000000000000018000000" + "00000000300000000000000003600000");
      expect(usable(blob, "memory@40000000")).toBe("0".repeat(32));
      expect(blob.reserved.slice(0, -1)).toEqual([
        { start: 0x10000n, size: 0x7ff0000n },
        { start: 0x30000000n, size: 0x3600000n },
      ]);
    });

    test("RTAS's in another node, and no more of that than it has", () => {
      const blob = keeps(rtas);
      expect(usable(blob, "memory@0")).toBe("00000000000000000000000018000000");
      expect(usable(blob, "memory@40000000")).toBe("000000007fff00000000000000010000");
      expect(usable(blob, "memory@100000000")).toBe("0".repeat(32));
    });

    test("tables of several bridges, one of which lies over the end of the region", () => {
      const blob = keeps(bridge("pci@1", 0, 0x17c00000), bridge("pci@2", 1, 0x2000000));
      expect(usable(blob, "memory@0")).toBe("00000000000000000000000018400000");
      expect(usable(blob, "memory@100000000")).toBe("00000001020000000000000000800000");
    });

    test("but not an initrd of the old boot", () => {
      const old: Tree[number] = [
        "chosen",
        [
          ["linux,initrd-end", cells(0x30100000)],
          ["linux,initrd-start", cells(0x30000000)],
        ],
      ];
      expect(usable(keeps(old), "memory@0")).toBe("00000000000000000000000018000000");
    });
  });

  describe("confines a partition that can gain and lose memory:", () => {
    const node = "ibm,dynamic-reconfiguration-memory";
    const rtas: Tree[number] = [
      "rtas",
      [
        ["linux,rtas-base", cells(0x2fff0000)],
        ["rtas-size", cells(0x10000)],
      ],
    ];
    // Two blocks in the memory node, three that the partition has, one that it has not, one that it has again.
    const list = [
      4, 2, 0, 0, 0, 0, 0x80, 3, 0, 0x20000000, 2, 0, 8, 1, 0, 0x50000000, 5, 0, 0, 1, 0, 0x60000000, 6, 0, 8,
    ];
    const partition = (...blocks: Tree): Tree => [
      ["#address-cells", cells(2)],
      ["#size-cells", cells(2)],
      [node, [["ibm,lmb-size", cells(0, 0x10000000)], ...blocks]],
      ["memory@0", memory(0, 0, 0, 0x20000000)],
      rtas,
    ];
    const v2 = partition(["ibm,dynamic-memory-v2", cells(...list)]);
    const perBlock = (blob: ReadBlob): string =>
      bytesAt(blob.root, `/${node}`, "linux,drconf-usable-memory").toString("hex");
    const confined = (tree: Tree, range: string): ReadBlob => {
      const { code, out } = attempt(tree, "--usable", range);
      expect(code).toBe(0);
      return readBlob(out);
    };
    /** So many ranges, each of an address and a size, in hexadecimal digits. */
    const entry = (count: number, ...numbers: number[]): string =>
      [count, ...numbers].map((each) => each.toString(16).padStart(16, "0")).join("");
    const none = entry(0);

    test("each block that Linux takes has an entry, of what is usable in it", () => {
      const blob = confined(v2, "0x8000000,0x8000000");
      expect(usable(blob, "memory@0")).toBe("00000000000000000000000010000000");
      expect(perBlock(blob)).toBe(entry(1, 0x2fff0000, 0x10000) + none + none + none);
      const wider = confined(v2, "0x10000000,0x28000000");
      expect(usable(wider, "memory@0")).toBe("00000000000000000000000020000000");
      expect(perBlock(wider)).toBe(entry(1, 0x20000000, 0x10000000) + entry(1, 0x30000000, 0x8000000) + none + none);
    });

    test("a block with the end of the region and firmware's memory has both", () => {
      const blob = confined(v2, "0x20000000,0x8000000");
      expect(perBlock(blob)).toBe(entry(2, 0x20000000, 0x8000000, 0x2fff0000, 0x10000) + none + none + none);
    });

    test("the older list, one block an entry, has the same", () => {
      const v1 = [0, 0x10000000, 0x20000000, 0x30000000, 0x40000000, 0x50000000, 0x60000000];
      const flags = [0x80, 0x80, 8, 8, 8, 0, 8];
      const words = v1.flatMap((start, index) => [0, start, index, 0, 0, flags[index] ?? 0]);
      const old = partition(["ibm,dynamic-memory", cells(7, ...words)]);
      for (const range of ["0x8000000,0x8000000", "0x20000000,0x8000000", "0x60000000,0x10000000"]) {
        expect(perBlock(confined(old, range))).toBe(perBlock(confined(v2, range)));
      }
    });

    test("a region in a block that the partition does not have is refused", () => {
      const line = "fs2dt: /: no memory node holds the whole usable range\n";
      expect(attempt(v2, "--usable", "0x50000000,0x1000")).toMatchObject({ code: 1, err: line });
      expect(attempt(v2, "--usable", "0x4ffff000,0x2000")).toMatchObject({ code: 1, err: line });
      expect(attempt(v2, "--usable", "0x70000000,0x1000")).toMatchObject({ code: 1, err: line });
      expect(attempt(v2, "--usable", "0x60000000,0x10000000").code).toBe(0);
    });

    test("more blocks than a property can tell of are refused before there is a value", () => {
      const endless = partition(["ibm,dynamic-memory-v2", cells(1, 0xffffffff, 0, 0x20000000, 0, 0, 8)]);
      expect(attempt(endless, "--usable", "0x8000000,0x8000000")).toMatchObject({
        code: 1,
        err: `fs2dt: /${node}: 4294967295 blocks are more than 2097152\n`,
        out: Buffer.alloc(0),
      });
    });

    test("a list that ends early is refused", () => {
      const broken = partition(["ibm,dynamic-memory-v2", cells(...list.slice(0, -1))]);
      expect(attempt(broken, "--usable", "0x8000000,0x8000000")).toMatchObject({
        code: 1,
        err: `fs2dt: /${node}/ibm,dynamic-memory-v2: 96 bytes do not hold 4 entries of 24\n`,
      });
    });
  });

  test("takes a region that lies in several nodes, of which one continues the other", () => {
    const blob = edited(machine, "--usable", "0x3ffff000,0x2000");
    expect(usable(blob, "memory@0")).toBe("00000000000000000000000040000000");
    expect(usable(blob, "memory@40000000")).toBe("00000000400000000000000000001000");
    expect(usable(blob, "memory@100000000")).toBe("0".repeat(32));
    expect(blob.reserved[0]).toEqual({ start: 0x10000n, size: 0x3ffef000n });
  });

  test("refuses what is not all memory, and a tree without any", () => {
    for (const region of ["0x7ffff000,0x2000", "0x80000000,0x1000", "0x3ffff000,0xd0000000"]) {
      expect(attempt(machine, "--usable", region)).toMatchObject({
        code: 1,
        err: "fs2dt: /: no memory node holds the whole usable range\n",
        out: Buffer.alloc(0),
      });
    }
    expect(attempt([["n", []]], "--usable", "0,4096").err).toBe("fs2dt: /: no memory node to confine\n");
  });

  test("refuses a tree with memory of a kind that it cannot confine", () => {
    const partition: Tree = [
      ...machine,
      ["ibm,dynamic-reconfiguration-memory", [["ibm,lmb-size", cells(0, 0x10000000)]]],
    ];
    expect(attempt(partition, "--usable", "0x8000000,0x10000000")).toMatchObject({
      code: 1,
      err: "fs2dt: /ibm,dynamic-reconfiguration-memory: memory that is listed here cannot be confined\n",
      out: Buffer.alloc(0),
    });
  });

  test("refuses a reg or cells that make no ranges", () => {
    const broken: Tree = [
      ["#address-cells", cells(2)],
      ["#size-cells", cells(2)],
      ["memory@0", memory(0, 0, 0)],
    ];
    expect(attempt(broken, "--usable", "0,4096")).toMatchObject({
      code: 1,
      err: "fs2dt: /memory@0/reg: 12 bytes are not entries of 4 cells\n",
    });
    for (const value of [cells(3), cells(0), new Uint8Array(2)]) {
      expect(
        attempt(
          [
            ["#address-cells", value],
            ["memory@0", memory(0, 0, 1)],
          ],
          "--usable",
          "0,1",
        ),
      ).toMatchObject({ code: 1, err: "fs2dt: /#address-cells: memory has neither one cell nor two here\n" });
    }
  });

  test("refuses no memory at all, and what passes 2^64", () => {
    expect(attempt(machine, "--usable", "0x1000,0").code).toBe(2);
    expect(attempt(machine, "--usable", "0xffffffffffffffff,2")).toMatchObject({
      code: 2,
      err: "fs2dt: --usable: no memory has 0x2 bytes at 0xffffffffffffffff\n",
    });
  });
});

test("command line, initrd and usable memory together are all in the tree and in the map", () => {
  const tree: Tree = [
    ["#address-cells", cells(2)],
    ["#size-cells", cells(2)],
    [
      "memory@0",
      [
        ["device_type", "memory\0"],
        ["reg", cells(0, 0, 0, 0x40000000)],
      ],
    ],
    [
      "rtas",
      [
        ["linux,rtas-base", cells(0x2fff0000)],
        ["rtas-size", cells(0x1000)],
      ],
    ],
  ];
  const { root, reserved } = edited(
    tree,
    "-B",
    "irqpoll",
    "-i",
    "0x9000000,0x9100000",
    "--usable",
    "0x8000000,0x8000000",
  );
  expect(bytesAt(root, "/chosen", "bootargs").toString()).toBe("irqpoll\0");
  expect(reserved.slice(0, -1)).toEqual([
    { start: 0x9000000n, size: 0x100000n },
    { start: 0x10000n, size: 0x7ff0000n },
    { start: 0x2fff0000n, size: 0x1000n },
  ]);
});
