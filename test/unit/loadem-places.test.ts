// Where loadem says that a segment could go which it refuses: there it loads, with nothing else changed than it says.

import { beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { bzImage } from "../support/bzimage.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, runPretended, WITHOUT_TREE } from "../support/loading.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

/** Addresses of what is loaded. */
interface Places {
  readonly stub: number;
  readonly kernel: number;
  readonly initrd: number;
}

interface Loading extends Places {
  readonly pretended: Pretended;
  /** What the tree or the zero page tells of, where that is not where it is loaded. */
  readonly told?: Partial<Places>;
  /** Of loadem, before the segments, and after the kernel's -f. */
  readonly before?: readonly string[];
  readonly kernelWords?: readonly string[];
  /** Of fs2dt. */
  readonly toolWords?: readonly string[];
}

const hex = (value: number): string => `0x${value.toString(16)}`;

const INITRD = 0x2000;

function load(loading: Loading): LoadRun {
  const { pretended, stub, kernel, initrd, told, before = [], kernelWords = [], toolWords = [] } = loading;
  const isPc = pretended.machine === "x86_64";
  const start = told?.initrd ?? initrd;
  const tool = [
    ...["-b", hex((told?.stub ?? stub) + 0x100), "-B", "quiet", "-i", `${hex(start)},${hex(start + INITRD)}`],
    ...toolWords,
    isPc ? folder.in("bzImage") : "/proc/device-tree",
  ];
  const made = runPretended(folder.path, pretended, isPc ? "zeropage" : "fs2dt", ...tool);
  expect(made.code).toBe(0);
  const chain = pretended.machine?.startsWith("ppc64") ? "0x100" : "0xf8";
  return loadem(
    folder.path,
    { ...pretended, stdin: made.out },
    ...["-r", "0x10000", ...before, "-a", hex(stub), "-e", "-w", "-s"],
    ...["-a", hex(kernel), "-c", chain, "-f", folder.in("kernel"), ...kernelWords],
    ...["-a", hex(initrd), "-f", folder.in("initrd")],
  );
}

/** The one line without what the segments are made of, and without what it begins with. */
function said({ code, err, changes }: LoadRun): string {
  expect({ code, changes }).toEqual({ code: 1, changes: [] });
  return err
    .trimEnd()
    .replaceAll(`${folder.path}/`, "")
    .replace(/^loadem: segment (\d) \([^)]*\): /, "$1 ");
}

/**
 * What is said where all is at `loading` but for `moved`. Where the segment is told to go it loads, and not untold: but for
 * a tree, which Linux reserves wherever it is.
 */
function advised(loading: Loading, moved: Partial<Places>): string {
  const wrong = { ...loading, ...moved };
  const text = said(load(wrong));
  const [, place, told] =
    /; free for it is (0x[0-9a-f]+) \(up to 0x[0-9a-f]+\)(, with \w+ -[bi] \S+)?$/.exec(text) ?? [];
  const name = (["stub", "kernel", "initrd"] as const)[Number(text[0])] ?? "kernel";
  const there = { ...wrong, [name]: Number(place) };
  const { code, err } = load(there);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(told !== undefined).toBe(name !== "kernel");
  const isTree = name === "stub" && loading.pretended.machine !== "x86_64";
  if (told !== undefined && !isTree) expect(said(load({ ...there, told: wrong }))).not.toBe("");
  return text;
}

const nothing = { stub: 0x500_0000, kernel: 0x600_0000, initrd: 0x900_0000 };

beforeEach(() => {
  writeFileSync(folder.in("initrd"), Buffer.alloc(INITRD, 7));
  writeFileSync(folder.in("kernel"), Buffer.alloc(0x1000, 0xcc));
});

describe("on ppc64", () => {
  /** 1 GiB without MMU, and 1 GiB more; the running kernel ends at 0x2880000. */
  const pretended: Pretended = {
    machine: "ppc64le",
    files: {
      "/proc/device-tree/rtas/linux,rtas-base": cells(0x2fff_0000),
      "/proc/device-tree/rtas/rtas-size": cells(0x1_0000),
    },
  };
  const usual = { pretended, ...nothing };

  test.each<[string, Partial<Places>, string]>([
    ["a kernel above all memory", { kernel: 0x9000_0000 }, "1 not within the machine's memory 0x0-0x80000000"],
    ["a kernel above the RMA", { kernel: 0x5000_0000 }, "1 not within 0x0-0x40000000, all that is there without MMU"],
    ["a kernel over RTAS", { kernel: 0x2fff_0000 }, "1 lies over 0x2fff0000-0x30000000, which is taken: RTAS"],
    ["a kernel over the running one", { kernel: 0x10_0000 }, "1 starts below 0x2880000, where the running kernel ends"],
  ])("%s may go above the running kernel", (_, moved, fact) => {
    expect(advised(usual, moved)).toBe(`${fact}; free for it is 0x2880000 (up to 0x5000000)`);
  });

  test("an initrd may go there too, and the tree has to tell of it", () => {
    expect(advised(usual, { initrd: 0x2fff_0000 })).toBe(
      "2 lies over 0x2fff0000-0x30000000, which is taken: RTAS; " +
        "free for it is 0x2880000 (up to 0x5000000), with fs2dt -i 0x2880000,0x2882000",
    );
    expect(advised({ ...usual, kernelWords: ["-z", "0x3000000"] }, { kernel: 0x800_0000 })).toBe(
      "2 overlaps segment 1 (0x8000000-0xb010000, kernel); " +
        "free for it is 0x2880000 (up to 0x5000000), with fs2dt -i 0x2880000,0x2882000",
    );
  });

  test("an initrd in memory that mem= takes from the next kernel goes below that", () => {
    const limited = (line: string) => ({ ...usual, toolWords: ["-B", line] });
    const initrd = 0x5000_0000;
    const fact = (end: string) =>
      `2 by mem= the next kernel maps nothing from ${end} on, and its initrd would be lost: fs2dt -i gives another, --no-initrd none; ` +
      "free for it is 0x2880000 (up to 0x5000000), with fs2dt -i 0x2880000,0x2882000";
    expect(advised(limited("mem=1G"), { initrd })).toBe(fact("0x40000000"));
    expect(advised(limited("quiet mem=1280M mem=0x4fff0001"), { initrd: 0x4fff_f000 })).toBe(fact("0x50000000"));
    for (const line of ["mem=2G", "mem=0x50002000", "mem=1G crashkernel=64M", "mem=1G fadump=on", "-- mem=1G"]) {
      expect(load({ ...limited(line), initrd })).toMatchObject({ code: 0, err: "" });
    }
  });

  test("a stub goes where its tree reserves itself", () => {
    expect(advised(usual, { stub: 0x8000_0000 })).toBe(
      "0 not within the machine's memory 0x0-0x80000000; " +
        "free for it is 0x2880000 (up to 0x6000000), with fs2dt -b 0x2880100",
    );
  });

  test("what is where the kernel copies itself goes above that, and what its bss may be", () => {
    const kernel = new Uint8Array(0x100_0000);
    kernel.set(Buffer.from("run0"), 0x5c);
    writeFileSync(folder.in("kernel"), kernel);
    const low = {
      ...usual,
      pretended: {
        ...pretended,
        files: { ...pretended.files, "/proc/device-tree/chosen/linux,kernel-end": cells(0, 0x1_0000) },
      },
    };
    expect(advised(low, { initrd: 0x80_0000 })).toBe(
      "2 the kernel in segment 1 (0x6000000-0x7000000, kernel) copies itself to 0x0-0x1000000, over this segment; " +
        "free for it is 0x2000000 (up to 0x5000000), with fs2dt -i 0x2000000,0x2002000",
    );
  });

  test("a crash kernel goes into its region", () => {
    const region = {
      "/proc/device-tree/chosen/linux,crashkernel-base": cells(0, 0x800_0000),
      "/proc/device-tree/chosen/linux,crashkernel-size": cells(0, 0x800_0000),
    };
    const crash = {
      pretended: { ...pretended, files: { ...pretended.files, ...region } },
      before: ["-p"],
      toolWords: ["--usable", "0x8000000,0x8000000"],
      ...{ stub: 0x900_0000, kernel: 0xa00_0000, initrd: 0xb00_0000 },
    };
    expect(advised(crash, { kernel: 0x600_0000 })).toBe(
      "1 not within the crash kernel's memory 0x8000000-0x10000000; free for it is 0x8000000 (up to 0x9000000)",
    );
  });

  describe("nothing is said", () => {
    const silent = (loading: Loading): void => expect(said(load(loading))).not.toContain("free for it");

    test("of a segment that is not all that is wrong", () => {
      silent({ ...usual, kernel: 0x9000_0000, stub: 0x1_0000 });
      silent({ ...usual, kernel: 0x9000_0000, told: { initrd: 0xa00_0000 } });
    });

    test("where not all is known of the machine", () => {
      silent({
        ...usual,
        pretended: { ...pretended, files: { ...pretended.files, "/proc/meminfo": undefined } },
        kernel: 0x9000_0000,
      });
    });

    test("of an address that is none of a page, or a size that has no room", () => {
      silent({ ...usual, kernel: 0x600_0100 });
      silent({ ...usual, kernel: 0x9000_0000, kernelWords: ["-z", "0x3e000000"] });
    });

    test("where the initrd is in the stub's segment, or several hold it", () => {
      const one = ["-r", "0x10000", "-a", "0x1000", "-e", "-w", "-s", "-f", folder.in("initrd")];
      const made = runPretended(
        folder.path,
        pretended,
        ..."fs2dt -V 2 -b 0x1100 -i 0x2000,0x3000 /proc/device-tree".split(" "),
      );
      const line = ["-a", "0x6000000", "-c", "0x100", "-f", folder.in("kernel")];
      expect(said(loadem(folder.path, { ...pretended, stdin: made.out }, ...one, ...line))).not.toContain(
        "free for it",
      );
    });
  });
});

describe("on arm64", () => {
  const pretended: Pretended = {
    machine: "aarch64",
    files: {
      ...WITHOUT_TREE,
      "/proc/device-tree/#address-cells": cells(2),
      "/proc/device-tree/#size-cells": cells(2),
      "/proc/iomem": [
        "40000000-5fffffff : System RAM",
        "  41400000-416cffff : reserved",
        "  41800000-42ffffff : Kernel code",
        "",
      ].join("\n"),
    },
  };
  const usual = { pretended, stub: 0x45e0_0000, kernel: 0x4600_0000, initrd: 0x4700_0000 };

  beforeEach(() => {
    const image = Buffer.alloc(0x1000);
    image.writeBigUInt64LE(0x8_0000n, 8);
    image.writeBigUInt64LE(0x40_0000n, 16);
    image.writeBigUInt64LE(8n, 24);
    image.write("ARM\x64", 56);
    writeFileSync(folder.in("kernel"), image);
  });

  test("an Image goes behind a multiple of 2 MiB, and has image_size there", () => {
    expect(advised(usual, { kernel: 0x4600_0000 })).toBe(
      "1 an arm64 Image has to begin 0x80000 bytes after a multiple of 0x200000; free for it is 0x40080000 (up to 0x41400000)",
    );
    expect(advised(usual, { kernel: 0x4108_0000 })).toBe(
      "1 the kernel takes 0x41080000-0x41480000 (image_size), over 0x41400000-0x416d0000: reserved; free for it is 0x40080000 (up to 0x41400000)",
    );
  });

  test("an initrd and a stub go to the first free memory", () => {
    const sound = { ...usual, kernel: 0x4608_0000 };
    expect(advised(sound, { initrd: 0x4640_0000 })).toBe(
      "2 the kernel takes 0x46080000-0x46480000 (image_size): over this segment; " +
        "free for it is 0x40000000 (up to 0x41400000), with fs2dt -i 0x40000000,0x40002000",
    );
    expect(advised(sound, { stub: 0x4140_0000 })).toBe(
      "0 lies over 0x41400000-0x416d0000, which is taken: reserved; " +
        "free for it is 0x40000000 (up to 0x41400000), with fs2dt -b 0x40000100",
    );
  });
});

describe("on x86-64", () => {
  const pretended: Pretended = {
    machine: "x86_64",
    files: {
      ...WITHOUT_TREE,
      "/sys/firmware/memmap/0/start": "0x100000\n",
      "/sys/firmware/memmap/0/end": "0x7fffffff\n",
      "/sys/firmware/memmap/0/type": "System RAM\n",
      "/proc/iomem": [
        "00001000-0009ffff : System RAM",
        "00100000-7fffffff : System RAM",
        "  20000000-200fffff : ACPI Tables",
        "",
      ].join("\n"),
    },
  };
  const usual = {
    pretended,
    ...{ stub: 0x500_0000, kernel: 0x100_0000, initrd: 0x600_0000 },
    kernelWords: ["-z", "0x3ff000"],
  };

  beforeEach(() => writeFileSync(folder.in("bzImage"), bzImage({ initSize: 0x40_0000 })));

  test("a kernel goes to a multiple of its alignment from its preferred address on", () => {
    expect(advised(usual, { kernel: 0x2000_0000 })).toBe(
      "1 lies over 0x20000000-0x20100000, which is taken: ACPI Tables; free for it is 0x1000000 (up to 0x5000000)",
    );
  });

  test("an initrd and a stub go above the first MiB, and the zero page is one for there", () => {
    expect(advised(usual, { initrd: 0x8000_0000 })).toBe(
      "2 not within the machine's memory 0x1000-0xa0000 0x100000-0x80000000; " +
        "free for it is 0x100000 (up to 0x1000000), with zeropage -i 0x100000,0x102000",
    );
    expect(advised(usual, { stub: 0x2000_0000 })).toBe(
      "0 lies over 0x20000000-0x20100000, which is taken: ACPI Tables; " +
        "free for it is 0x100000 (up to 0x1000000), with zeropage -b 0x100100",
    );
  });

  test("nothing is said where the loader says already what to do", () => {
    expect(said(load({ ...usual, kernelWords: [] }))).toBe(
      "1 the kernel uses its memory up to 0x1400000 before it looks around (init_size): -z 0x3ff000 keeps it free",
    );
    expect(said(load({ ...usual, kernel: 0x111_0000 }))).toBe(
      "1 the kernel moves itself to 0x1200000 (kernel_alignment) and uses 0x1200000-0x1600000 (init_size) " +
        "before it looks around: -z 0x4ef000 keeps it free",
    );
  });
});
