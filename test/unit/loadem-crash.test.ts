// A crash kernel has to stay in the memory that crashkernel= reserved: what tells it of more is refused.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { blob } from "../../src/devicetree/to/blob.ts";
import { limitMemory, parseSize } from "../../src/kexec/parameters.ts";
import { bzImage } from "../support/bzimage.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, runPretended, WITHOUT_TREE } from "../support/loading.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

/** What is wrong with it, as loadem says it; "" where it is loaded. */
function said({ code, err, loads }: LoadRun): string {
  const lines = err.replaceAll(`${folder.path}/`, "").trimEnd().split("\n");
  const text = lines.filter((line) => !line.includes(" is not checked: ")).join("\n");
  expect({ code, loads: loads.length }).toEqual(text === "" ? { code: 0, loads: 1 } : { code: 1, loads: 0 });
  return text.replace(/^loadem: segment 0 \([^)]*\): /, "");
}

describe("on ppc64, by the tree behind the stub,", () => {
  const region = {
    "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, 0x8000000),
    "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x8000000),
  };

  /** A machine of 2 GiB in two nodes with 128 MiB at 128 MiB for a crash kernel. */
  const machine = (files: Pretended["files"] = {}): Pretended => ({
    machine: "ppc64le",
    files: { "/proc/device-tree/chosen/linux,kernel-end": cells(0, 0x2880000), ...region, ...files },
  });

  const USABLE = ["--usable", "0x8000000,0x8000000"];

  /** Loads a crash kernel with the tree that fs2dt makes of the machine's own, changed by these options. */
  function load(options: readonly string[], files: Pretended["files"] = {}, ...more: readonly string[]): LoadRun {
    const made = runPretended(folder.path, machine(files), "fs2dt", "-b", "0xc000100", ...options, "/proc/device-tree");
    expect({ code: made.code, err: made.err.replace(/^fs2dt: .*: the name is longer.*\n/gm, "") }).toEqual({
      code: 0,
      err: "",
    });
    return loadTree(made.out, files, ...more);
  }

  function loadTree(blob: Uint8Array, files: Pretended["files"] = {}, ...more: readonly string[]): LoadRun {
    writeFileSync(folder.in("kernel"), new Uint8Array(0x1000));
    const words = "-r 0x10000 -a 0xc000000 -e -w -s -a 0x8000000 -c 0x100 -f".split(" ");
    const panic = more.includes("--for-reboot") ? [] : ["-p"];
    const options = more.filter((option) => option !== "--for-reboot");
    const stdin = { ...machine(files), stdin: blob };
    return loadem(folder.path, stdin, ...panic, ...options, ...words, folder.in("kernel"));
  }

  const option = "fs2dt --usable 0x8000000,0x8000000";
  const advice = `${option} confines it`;
  const beyond = (ranges: string) =>
    `by its tree the crash kernel takes ${ranges} for its own, beyond 0x8000000-0x10000000, which is kept for it: ${advice}`;

  test("one that is not confined is refused, with the option that confines it", () => {
    expect(said(load([]))).toBe(beyond("0x10000-0x8000000 0x10000000-0x80000000"));
    expect(said(load(USABLE))).toBe("");
  });

  test.each([
    ["reaches further up", ["--usable", "0x8000000,0x20000000"], "0x10000000-0x28000000"],
    ["begins lower", ["--usable", "0x7000000,0x9000000"], "0x7000000-0x8000000"],
    ["is another range", ["--usable", "0x20000000,0x8000000"], "0x20000000-0x28000000"],
    ["has no reservation of what lies between", [...USABLE, "--unreserve", "0x10000,0x7ff0000"], "0x10000-0x8000000"],
    [
      "has a memory node that is not confined",
      [...USABLE, "--delete", "/memory@40000000/linux,usable-memory"],
      "0x40000000-0x80000000",
    ],
    [
      "has usable memory elsewhere",
      [...USABLE, "--set", "/memory@40000000/linux,usable-memory=<0 0x50000000 0 0x10000>"],
      "0x50000000-0x50010000",
    ],
  ])("one that %s is refused", (_, options, ranges) => {
    expect(said(load(options))).toBe(beyond(ranges));
  });

  test("one that is confined to less is taken", () => {
    expect(said(load(["--usable", "0x9000000,0x6000000"]))).toBe("");
  });

  test("one that has not the memory of all that is loaded is refused: what lies there would be lost", () => {
    const lacks = (ranges: string) => `the crash kernel has by its tree only ${ranges}: ${option} gives it the region`;
    expect(said(load(["--usable", "0x8000000,0x1000000"]))).toBe(lacks("0x0-0x9000000"));
    // Of the first segment its bytes count, not the rest of their pages.
    expect(said(load(["--usable", "0x8000000,0x4000200"]))).toBe(lacks("0x0-0xc000200"));
    expect(said(load(["--usable", "0x8000000,0x4001000"]))).toBe("");
    const apart = "--set=/memory@0/linux,usable-memory=<0 0 0 0x8000000 0 0xc000000 0 0x4000000>";
    expect(load([...USABLE, apart]).err).toStartWith("loadem: segment 1 (0x8000000-0x8010000, ");
    expect(load([...USABLE, apart]).err).toEndWith(`: ${lacks("0x0-0x8000000 0xc000000-0x10000000")}\n`);
  });

  test("one whose device_type goes on behind its NUL, or ends without one, is memory to Linux", () => {
    for (const type of ['"memory", "more"', "[6d 65 6d 6f 72 79]"]) {
      const edits = [...USABLE, "--set", `/memory@40000000/device_type=${type}`];
      expect(said(load([...edits, "--delete", "/memory@40000000/linux,usable-memory"]))).toBe(
        beyond("0x40000000-0x80000000"),
      );
      expect(said(load([...edits.slice(2), ...USABLE]))).toBe("");
    }
  });

  test("memory that firmware keeps may be usable, whether it is reserved or not", () => {
    const firmware = {
      "/proc/device-tree/rtas/linux,rtas-base": cells(0x3fff0000),
      "/proc/device-tree/rtas/rtas-size": cells(0x83c),
    };
    const usable = "--set=/memory@0/linux,usable-memory=<0 0 0 0x10000000 0 0x3fff0000 0 0x83c>";
    expect(said(load([...USABLE, usable], firmware))).toBe("");
    expect(said(load([...USABLE, usable, "--delete-node", "/rtas"], firmware))).toBe(beyond("0x3fff0000-0x3fff083c"));
  });

  test("what the tree reserves otherwise is not taken for its own", () => {
    const more = ["--set", "/memory@0/linux,usable-memory=<0 0 0 0x10020000>"];
    expect(said(load([...USABLE, ...more]))).toBe(beyond("0x10000000-0x10020000"));
    expect(said(load([...USABLE, ...more, "--reserve", "0x10000000,0x20000"]))).toBe("");
    // Linux reserves whole pages.
    expect(said(load([...USABLE, ...more, "--reserve", "0x10000000,0x1f001"]))).toBe("");
    expect(said(load([...USABLE, ...more, "--reserve", "0x10000000,0x1f000"]))).toBe(beyond("0x1001f000-0x10020000"));
    const ranges = ["--set", "/reserved-ranges=<0 0x10000000 0 0x20000>"];
    expect(said(load([...USABLE, ...more, ...ranges]))).toBe("");
    const nodes = "--add-node /reserved-memory --add-node /reserved-memory/a@10000000".split(" ");
    const reg = ["--set", "/reserved-memory/a@10000000/reg=<0 0x10000000 0 0x20000>"];
    expect(said(load([...USABLE, ...more, ...nodes, ...reg]))).toBe("");
    const off = ["--set", '/reserved-memory/a@10000000/status="disabled"'];
    expect(said(load([...USABLE, ...more, ...nodes, ...reg, ...off]))).toBe(beyond("0x10000000-0x10020000"));
  });

  test("mem= confines too", () => {
    const between = ["--reserve", "0x10000,0x7ff0000"];
    expect(said(load([...between, "-B", "console=hvc0 mem=256M"]))).toBe("");
    expect(said(load([...between, "-B", "mem=256M mem=257M"]))).toBe(beyond("0x10000000-0x10100000"));
    expect(said(load([...between, "-B", "console=hvc0 -- mem=256M"]))).toBe(beyond("0x10000000-0x80000000"));
  });

  test("blocks that a partition can gain and lose count as well", () => {
    const node = "/proc/device-tree/ibm,dynamic-reconfiguration-memory";
    const blocks = {
      [`${node}/ibm,lmb-size`]: cells(0, 0x10000000),
      [`${node}/ibm,dynamic-memory-v2`]: cells(1, 2, 0, 0x80000000, 0x80000000, 0, 8),
    };
    const edits = [
      ...["--set", "/memory@0/linux,usable-memory=<0 0 0 0x10000000>", "--reserve", "0x10000,0x7ff0000"],
      ...["--set", "/memory@40000000/linux,usable-memory=<0 0 0 0>"],
    ];
    expect(said(load(edits, blocks))).toBe(beyond("0x80000000-0xa0000000"));
    const confined = "/ibm,dynamic-reconfiguration-memory/linux,drconf-usable-memory=<0 0 0 0>";
    expect(said(load([...edits, "--set", confined], blocks))).toBe("");
  });

  test("in the format of 2005 as well", () => {
    expect(said(load(["-V", "2"]))).toContain("0x10000000-0x80000000 for its own");
    expect(said(load(["-V", "2", ...USABLE]))).toBe("");
  });

  test("a tree whose memory nobody can read is refused for that", () => {
    expect(said(load([...USABLE, "--set", "/memory@0/linux,usable-memory=[00]"]))).toBe(
      "/memory@0/linux,usable-memory: 1 bytes are not entries of 4 cells",
    );
  });

  test("nothing of it is asked without -p, without checks, and where the region is not known", () => {
    expect(said(load([], {}, "--for-reboot"))).toBe("");
    expect(said(load([], {}, "--no-checks"))).toBe("");
    const blob = runPretended(folder.path, machine(), "fs2dt", "-b", "0xc000100", "/proc/device-tree").out;
    const none = Object.fromEntries(Object.keys(region).map((path) => [path, undefined]));
    expect(said(loadTree(blob, { ...WITHOUT_TREE, ...none }))).toBe("");
  });

  test("where no stub of ours is entered -n says that it is not checked", () => {
    writeFileSync(folder.in("kernel"), new Uint8Array(0x1000));
    const words = ["-a", "0x8000000", "-z", "0xf000", "-e", "-f", folder.in("kernel")];
    const { code, out } = loadem(folder.path, machine(), "-n", "-p", ...words);
    const says = "what memory the crash kernel takes for its own is not checked: no stub of ours is entered";
    expect({ code, says: out.toString().includes(says) }).toEqual({ code: 0, says: true });
    expect(loadem(folder.path, machine(), "-n", ...words).out.toString()).not.toContain(says);
  });
});

describe("on arm64, by the tree behind the stub,", () => {
  /** The blob that it was started with reserves nothing. */
  const PLAIN = { version: 17, padding: 0, maxSize: 4096, address: undefined, reservations: [], bootCpu: 0 } as const;
  const IOMEM = `40000000-7fffffff : System RAM
  40210000-413fffff : Kernel code
  60000000-6fffffff : Crash kernel
`;
  const TWO = `${IOMEM}100000000-1ffffffff : System RAM
  1e0000000-1efffffff : Crash kernel
`;

  const memory = ["--add-node", "/memory@40000000", "--set", '/memory@40000000/device_type="memory"'];
  const reg = ["--set", "/memory@40000000/reg=<0 0x40000000 0 0x40000000>"];

  function load(options: readonly string[], iomem = IOMEM, address = 0x60000000n, more: string[] = []): LoadRun {
    const files = {
      ...WITHOUT_TREE,
      "/proc/device-tree/#address-cells": cells(2),
      "/proc/device-tree/#size-cells": cells(2),
      "/proc/device-tree/psci/method": "smc\0",
      "/proc/device-tree/chosen/bootargs": "quiet\0",
      "/proc/iomem": iomem,
      "/sys/firmware/fdt": blob({ name: "", properties: [], children: [] }, PLAIN),
    };
    const machine: Pretended = { machine: "aarch64", files };
    const hex = (number: bigint) => `0x${number.toString(16)}`;
    const stub = address + 0x4000000n;
    const to = ["-b", hex(stub + 0x100n), ...memory, ...reg, ...options, "/proc/device-tree"];
    const { code, err, out } = runPretended(folder.path, machine, "fs2dt", ...to);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    writeFileSync(folder.in("kernel"), new Uint8Array(0x1000));
    const words = ["-p", "-r", "0x1000", "-a", hex(stub), "-e", "-w", "-s", "-a", hex(address), "-c", "0xf8", "-f"];
    return loadem(folder.path, { ...machine, stdin: out }, ...words, folder.in("kernel"), ...more);
  }

  const range = (value: string) => ["--set", `/chosen/linux,usable-memory-range=<${value}>`];
  const nodes = ["--set", "/memory@40000000/linux,usable-memory=<0 0x60000000 0 0x10000000>"];

  test("one that is not confined is refused, with the property that confines it", () => {
    expect(said(load([]))).toBe(
      "by its tree the crash kernel takes 0x40000000-0x60000000 0x70000000-0x80000000 for its own, beyond " +
        "0x60000000-0x70000000, which is kept for it: " +
        "fs2dt --usable 0x60000000,0x10000000 confines it",
    );
    expect(said(load(range("0 0x60000000 0 0x10000000")))).toBe("");
    expect(said(load(range("0 0x60000000 0 0x8000000")))).toBe("");
  });

  test.each([
    ["further", "0 0x60000000 0 0x10001000", "0x70000000-0x70001000"],
    ["lower", "0 0x5f000000 0 0x11000000", "0x5f000000-0x60000000"],
    ["to nothing, which confines nothing,", "0 0x60000000 0 0", "0x40000000-0x60000000"],
    ["in a way that Linux does not read", "0 0x60000000 0", "0x40000000-0x60000000"],
    [
      "by a second range that is not kept for it",
      "0 0x60000000 0 0x1000 0 0x78000000 0 0x1000",
      "0x78000000-0x78001000",
    ],
  ])("one that is confined %s is refused", (_, value, ranges) => {
    expect(said(load(range(value)))).toContain(`takes ${ranges}`);
  });

  test("the memory below 4 GiB that a region above has for devices is its own", () => {
    const high = "1 0xe0000000 0 0x10000000";
    expect(said(load(range(`${high} 0 0x60000000 0 0x10000000`), TWO, 0x1e0000000n))).toBe("");
    expect(said(load(range(`${high} 0 0x40000000 0 0x10000000`), TWO, 0x1e0000000n))).toContain(
      "takes 0x40000000-0x50000000 for its own, beyond 0x1e0000000-0x1f0000000",
    );
  });

  test("one that has not the memory of all that is loaded is refused, but for what it maps wherever that is", () => {
    const lacks = (ranges: string) =>
      `the crash kernel has by its tree only ${ranges}: fs2dt --usable 0x60000000,0x10000000 gives it the region`;
    const kernel = load(range("0 0x61000000 0 0xf000000"));
    expect(kernel.err).toStartWith("loadem: segment 1 (0x60000000-0x60001000, ");
    expect(kernel.err).toEndWith(`: ${lacks("0x61000000-0x70000000")}\n`);
    const tree = range("0 0x60000000 0 0x1000000");
    expect(said(load(tree))).toBe("");
    const initrd = ["-a", "0x68000000", "-f", folder.in("kernel")];
    expect(said(load([...tree, "-i", "0x68000000,0x68001000"], IOMEM, 0x60000000n, initrd))).toBe("");
    expect(load(tree, IOMEM, 0x60000000n, initrd).err).toEndWith(`: ${lacks("0x60000000-0x61000000")}\n`);
  });

  test("fs2dt --usable confines it, with EFI too, and so may the memory nodes as on ppc64", () => {
    const usable = ["--usable", "0x60000000,0x10000000"];
    expect(said(load(usable))).toBe("");
    expect(said(load(["--set", "/chosen/linux,uefi-system-table=<0 0x7f000000>", ...usable]))).toBe("");
    expect(said(load(nodes))).toBe("");
  });

  test("with EFI the memory is the firmware's, whatever its nodes say", () => {
    const efi = ["--set", "/chosen/linux,uefi-system-table=<0 0x7f000000>"];
    expect(said(load([...nodes, ...efi]))).toContain("0x70000000-0x80000000 for its own");
    expect(said(load([...efi, ...range("0 0x60000000 0 0x10000000")]))).toBe("");
  });
});

describe("on x86-64, by the zero page behind the stub,", () => {
  const IOMEM = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
00100000-1fffffff : System RAM
  01000000-01dfffff : Kernel code
  04000000-0bffffff : Crash kernel
`;
  const E820 = [
    [0x0, 0x9fbff, "System RAM"],
    [0x9fc00, 0x9ffff, "Reserved"],
    [0x100000, 0x1fffffff, "System RAM"],
  ] as const;

  function load(line: string, e820: readonly (readonly [number, number, string])[] = E820, iomem = IOMEM): LoadRun {
    writeFileSync(folder.in("bzImage"), bzImage({ initSize: 0x400000 }));
    const map = e820.flatMap(([start, end, type], index) => [
      [`/sys/firmware/memmap/${index}/start`, `0x${start.toString(16)}\n`],
      [`/sys/firmware/memmap/${index}/end`, `0x${end.toString(16)}\n`],
      [`/sys/firmware/memmap/${index}/type`, `${type}\n`],
    ]);
    const root = folder.in(`zeropage${Bun.randomUUIDv7()}`);
    const made = ["zeropage", "-b", "0x5000100", "-B", line, folder.in("bzImage")];
    const { code, err, out } = runInside({ root, files: Object.fromEntries(map) }, ...made);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    writeFileSync(folder.in("kernel"), new Uint8Array(0x1000).fill(0xcc));
    const machine: Pretended = { machine: "x86_64", files: { ...WITHOUT_TREE, "/proc/iomem": iomem }, stdin: out };
    const words = "-p -r 0x1000 -a 0x5000000 -e -w -s -a 0x4000000 -c 0xf8 -z 0x3ff000 -f".split(" ");
    return loadem(folder.path, machine, ...words, folder.in("kernel"));
  }

  const EXACT = "memmap=exactmap memmap=640K@0 memmap=131072K@65536K";

  test("one whose map has all memory is refused, with the option that confines it", () => {
    expect(said(load("console=ttyS0"))).toBe(
      "by its zero page the crash kernel takes 0x100000-0x4000000 0xc000000-0x20000000 for its own, beyond " +
        "0x4000000-0xc000000, which is kept for it: zeropage --usable 0x4000000,0x8000000 confines it",
    );
    expect(said(load(`console=ttyS0 ${EXACT} nokaslr`))).toBe("");
  });

  test("one that would choose another address before it reads those words is refused too", () => {
    expect(said(load(EXACT))).toBe(
      "its command line confines the crash kernel, but not before that has chosen an address for itself: nokaslr in " +
        "zeropage -B keeps it where it is loaded",
    );
  });

  test.each([
    ["memory that is not kept for it", "memmap=exactmap memmap=640K@0 memmap=256M@64M nokaslr", "0xc000000-0x14000000"],
    ["no memmap=exactmap", "memmap=640K@0 memmap=128M@64M nokaslr", "0x100000-0x4000000 0xc000000-0x20000000"],
    ["those words behind --", `nokaslr -- ${EXACT}`, "0x100000-0x4000000 0xc000000-0x20000000"],
    ["mem= alone", "mem=192M nokaslr", "0x100000-0x4000000"],
  ])("one with %s is refused", (_, line, ranges) => {
    expect(said(load(line))).toContain(`takes ${ranges} for its own`);
  });

  test.each([
    `memmap=exactmap,640K@0,0x8000000@0x4000000 nokaslr`,
    `memmap=63M$1M mem=192M`,
    `memmap=63M#0x100000 memmap=1G!192M`,
    `memmap=63M$1M memmap=192M`,
    `mem=nopentium ${EXACT} nokaslr`,
  ])("%s confines it", (line) => {
    expect(said(load(line))).toBe("");
  });

  test("a map that is confined itself needs no word", () => {
    const confined = [
      [0x0, 0x9fbff, "System RAM"],
      [0x4000000, 0xbffffff, "System RAM"],
      [0x1ffe0000, 0x1fffffff, "ACPI Tables"],
    ] as const;
    expect(said(load("console=ttyS0", confined))).toBe("");
  });

  test("the memory below 4 GiB that a region above has for devices is its own, and in the advice", () => {
    const two = IOMEM.replace("  04000000", "  02000000-03ffffff : Crash kernel\n  04000000");
    const words = "memmap=exactmap memmap=640K@0 memmap=32768K@32768K memmap=131072K@65536K nokaslr";
    expect(said(load("console=ttyS0", E820, two))).toEndWith(
      "zeropage --usable 0x2000000,0x2000000,0x4000000,0x8000000 confines it",
    );
    expect(said(load(words, E820, two))).toBe("");
  });
});

describe("the words of a command line", () => {
  test.each([
    ["64K", 0x10000n, ""],
    ["0x10M@0", 0x1000000n, "@0"],
    ["010k", 0x2000n, ""],
    ["1T,", 1n << 40n, ","],
    ["08", 8n, ""],
    ["0", 0n, ""],
    ["7", 7n, ""],
    ["3p$", 3n << 50n, "$"],
    ["1E", 1n << 60n, ""],
  ])("%s is a size", (text, size, rest) => {
    expect(parseSize(text)).toEqual({ size, rest });
  });

  test.each(["", "x", "K", "-1", "@5", "exactmap"])("'%s' is none", (text) => {
    expect(parseSize(text)).toBeUndefined();
  });

  test("mem= counts bytes of memory, and the last one counts", () => {
    const memory = [
      { start: 0n, end: 0x100000n },
      { start: 0x400000n, end: 0x800000n },
    ];
    expect(limitMemory(memory, "quiet mem=4G mem=2M")).toEqual([
      { start: 0n, end: 0x100000n },
      { start: 0x400000n, end: 0x500000n },
    ]);
    expect(limitMemory(memory, "mem=1M")).toEqual([{ start: 0n, end: 0x100000n }]);
    for (const line of ["", "mem=", "mem=0", "mem=x", "xmem=1M", "-- mem=1M"]) {
      expect(limitMemory(memory, line)).toEqual(memory);
    }
  });
});
