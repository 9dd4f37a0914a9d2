// What loadem knows of an arm64 machine and of its kernels: one line before the kernel is asked.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { readImageHeader } from "../../src/arch/arm64/image.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, segmentOf, WITHOUT_TREE, withoutPlace } from "../support/loading.ts";
import { cells, makeTree } from "../support/tree.ts";

const folder = temporaryFolder();

const IOMEM = `09000000-09000fff : pl011@9000000
40000000-5fffffff : System RAM
  40210000-413fffff : Kernel code
  41400000-416cffff : reserved
  41d00000-41e0ffff : Kernel data
  5c000000-5dffffff : Crash kernel
`;

const VIRT: Pretended = {
  machine: "aarch64",
  files: { ...WITHOUT_TREE, "/proc/iomem": IOMEM, "/proc/meminfo": "MemTotal:  480000 kB\n" },
};

interface Header {
  readonly textOffset?: bigint;
  readonly imageSize?: bigint;
}

/** An Image of 8 KiB that says it takes more. */
function image({ textOffset = 0n, imageSize = 0x400000n }: Header = {}): Buffer {
  const bytes = Buffer.alloc(0x2000, 0xd5);
  bytes.writeBigUInt64LE(textOffset, 8);
  bytes.writeBigUInt64LE(imageSize, 16);
  bytes.write("ARM\x64", 56, "latin1");
  return bytes;
}

function tree(address: string, ...options: string[]): Buffer {
  const path = folder.in(`tree${Bun.randomUUIDv7()}`);
  makeTree(path, [["compatible", "linux,dummy-virt\0"]]);
  return runInside({ machine: "aarch64" }, "fs2dt", "-b", address, ...options, path).out;
}

function load(
  kernel: Uint8Array,
  kernelAddress: string,
  more: string[] = [],
  on: Pretended["on"] = {},
  machine = VIRT,
  stdin = tree("0x45e00100"),
): LoadRun {
  writeFileSync(folder.in("Image"), kernel);
  writeFileSync(folder.in("initrd"), Buffer.alloc(0x1000));
  return loadem(
    folder.path,
    { ...machine, stdin, on },
    "-r",
    "0x1000",
    "-a",
    "0x45e00000",
    "-e",
    "-w",
    "-s",
    "-a",
    kernelAddress,
    "-c",
    "0xf8",
    "-f",
    folder.in("Image"),
    ...more,
  );
}

/** What it says, without the segment's place and the tool's name; nothing was loaded. */
function refusal({ code, err, changes }: LoadRun): string {
  expect({ code, changes }).toEqual({ code: 1, changes: [] });
  return withoutPlace(err)
    .replaceAll(`${folder.path}/`, "")
    .replace(/^loadem: segment (\d) \(.*?\): /, "$1 ")
    .trimEnd();
}

test("a tree behind the stub, and an Image at a multiple of 2 MiB that begins with its header, are loaded", () => {
  const { code, err, loads } = load(image(), "0x46000000", ["-a", "0x46400000", "-f", folder.in("initrd")]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const stub = segmentOf(loads[0], 0);
  expect(loads[0]?.entry).toBe(0x45e00000n);
  expect(stub.bytes.readBigUInt64LE(0xf8)).toBe(0x46000000n);
  expect(stub.bytes.readUInt32BE(0x100)).toBe(0xd00dfeed);
  expect(segmentOf(loads[0], 1).bytes.equals(image())).toBe(true);
});

describe("an Image is refused", () => {
  test("anywhere but text_offset bytes behind a multiple of 2 MiB", () => {
    expect(refusal(load(image(), "0x46010000"))).toBe("1 an arm64 Image has to begin at a multiple of 0x200000");
    expect(refusal(load(image({ textOffset: 0x80000n }), "0x46000000"))).toBe(
      "1 an arm64 Image has to begin 0x80000 bytes after a multiple of 0x200000",
    );
    expect(load(image({ textOffset: 0x80000n }), "0x46080000").code).toBe(0);
  });

  test("also behind other bytes of its segment", () => {
    writeFileSync(folder.in("Image"), image());
    writeFileSync(folder.in("before"), Buffer.alloc(0x1000, 1));
    const behind = (address: string) =>
      loadem(folder.path, VIRT, "-a", address, "-f", folder.in("before"), "-e", "-f", folder.in("Image"));
    expect(refusal(behind("0x46000000"))).toBe("0 an arm64 Image has to begin at a multiple of 0x200000");
    expect(behind("0x45fff000").code).toBe(0);
  });

  test("when another segment lies where it grows to", () => {
    expect(refusal(load(image(), "0x46000000", ["-a", "0x463ff000", "-f", folder.in("initrd")]))).toBe(
      "2 the kernel takes 0x46000000-0x46400000 (image_size): over this segment",
    );
  });

  test("when it grows out of the memory, but not where nothing tells where memory is", () => {
    const hidden = { ...VIRT, files: { ...VIRT.files, "/proc/iomem": "00000000-00000000 : System RAM\n" } };
    expect(load(image(), "0x5fe00000", [], {}, hidden).code).toBe(0);
  });

  test("when it grows out of the memory, or over what is taken", () => {
    expect(refusal(load(image(), "0x5fe00000"))).toBe(
      "1 the kernel takes 0x5fe00000-0x60200000 (image_size), not all of it memory",
    );
    expect(refusal(load(image(), "0x41200000"))).toBe(
      "1 the kernel takes 0x41200000-0x41600000 (image_size), over 0x41400000-0x416d0000: reserved",
    );
  });

  test("when as a crash kernel's it grows out of the region, into the memory that it is to save", () => {
    writeFileSync(folder.in("Image"), image());
    const at = (address: string, ...more: string[]) =>
      loadem(folder.path, VIRT, ...more, "-a", address, "-e", "-f", folder.in("Image"));
    expect(refusal(at("0x5de00000", "-p"))).toBe(
      "0 the kernel takes 0x5de00000-0x5e200000 (image_size), not within the crash kernel's memory 0x5c000000-0x5e000000",
    );
    expect(at("0x5dc00000", "-p").code).toBe(0);
    expect(at("0x5de00000").code).toBe(0);
  });

  test("while it is compressed, with the name of what it is", () => {
    const gzip = Buffer.alloc(0x1000);
    gzip.writeUInt16BE(0x1f8b);
    expect(refusal(load(gzip, "0x46000000"))).toBe("1 compressed with gzip: gunzip makes the Image of it");
    const zboot = Buffer.alloc(0x1000);
    zboot.write("MZ\0\0zimg", "latin1");
    zboot.writeUInt32LE(0x400, 8);
    zboot.writeUInt32LE(0xb00, 12);
    zboot.write("zstd", 24, "latin1");
    expect(refusal(load(zboot, "0x46000000"))).toBe(
      "1 an EFI zboot image: the Image is inside, zstd from byte 0x400 on, 0xb00 bytes",
    );
  });

  test("on no other machine, and code without a header nowhere", () => {
    const bytes = image();
    expect(load(Buffer.alloc(0x1000, 1), "0x46001000").code).toBe(0);
    writeFileSync(folder.in("Image"), bytes);
    expect(loadem(folder.path, {}, "-r", "0x1000", "-a", "0x20001000", "-e", "-f", folder.in("Image")).code).toBe(0);
  });
});

describe("an Image that does not say its size, as none before Linux 3.17 does,", () => {
  // Its text_offset is in the kernel's own byte order.
  const old = { textOffset: 0x800_0000_0000n, imageSize: 0n };
  const initrd = (at: string) => ["-a", at, "-f", folder.in("initrd")];

  test("begins 0x80000 bytes after a multiple of 2 MiB, whatever it has for text_offset", () => {
    expect(load(image(old), "0x46080000")).toMatchObject({ code: 0, err: "" });
    expect(refusal(load(image(old), "0x46000000"))).toBe(
      "1 an arm64 Image has to begin 0x80000 bytes after a multiple of 0x200000",
    );
  });

  test("takes 16 MiB", () => {
    const takes = "the kernel takes 0x46080000-0x47080000 (it has no image_size)";
    expect(refusal(load(image(old), "0x46080000", initrd("0x4707f000")))).toBe(`2 ${takes}: over this segment`);
    expect(load(image(old), "0x46080000", initrd("0x47080000")).code).toBe(0);
    expect(refusal(load(image(old), "0x5f080000"))).toInclude("(it has no image_size), not all of it memory");
  });

  test("takes all of its bytes where those are more", () => {
    const large = Buffer.concat([image(old), Buffer.alloc(0x110_0000)]);
    expect(refusal(load(large, "0x5ef80000"))).toBe("1 not within the machine's memory 0x40000000-0x60000000");
    expect(readImageHeader(large)?.imageSize).toBe(0x110_2000n);
  });
});

describe("an initrd is refused from which Linux on arm64 cannot reach the kernel", () => {
  const GIB = 0x4000_0000;
  const hex = (number: number) => `0x${number.toString(16)}`;
  const iomem = "40000000-fffffffff : System RAM\n";
  const large = {
    ...VIRT,
    files: { ...VIRT.files, "/proc/iomem": iomem, "/proc/meminfo": "MemTotal:  64000000 kB\n" },
  };
  /** With the stub and its tree at 0x45e00000, the kernel and an initrd of a page at these places. */
  const loaded = (kernel: number, initrd: number) => {
    const stdin = tree("0x45e00100", "-i", `${hex(initrd)},${hex(initrd + 0x1000)}`);
    const more = ["-a", hex(initrd), "-f", folder.in("initrd")];
    return load(image(), hex(kernel), more, {}, large, stdin);
  };
  const fact = (range: string) =>
    `2 the initrd and the kernel (image_size) lie within ${range}: Linux wants both in 32 GiB from a multiple of 1 GiB on`;

  test("more than 32 GiB away, counted from a multiple of 1 GiB, whichever is lower", () => {
    expect(loaded(0x4600_0000, 33 * GIB - 0x1000)).toMatchObject({ code: 0, err: "" });
    expect(refusal(loaded(0x4600_0000, 33 * GIB))).toBe(fact("0x46000000-0x840001000"));
    expect(refusal(loaded(0x7fe0_0000 + 0x20_0000, 34 * GIB))).toBe(fact("0x80000000-0x880001000"));
    expect(loaded(33 * GIB - 0x40_0000, 0x4800_0000).code).toBe(0);
    // Its first bytes would be within.
    expect(refusal(loaded(33 * GIB - 0x20_0000, 0x4800_0000))).toBe(fact("0x48000000-0x840200000"));
  });
});

describe("a tree behind the stub is refused", () => {
  const TWO_MIB = 0x20_0000;
  /** Of so many bytes. */
  const treeOf = (size: number) => tree("0x45e00100", "--pad", String(size - tree("0x45e00100").length));
  const loaded = (stdin: Buffer) => load(image(), "0x46800000", [], {}, VIRT, stdin);

  test("above 2 MiB, which Linux does not map: it would hang before it has a console", () => {
    expect(treeOf(TWO_MIB)).toHaveLength(TWO_MIB);
    expect(loaded(treeOf(TWO_MIB))).toMatchObject({ code: 0, err: "" });
    for (const size of [TWO_MIB + 8, 3 * TWO_MIB]) {
      expect(refusal(loaded(treeOf(size)))).toBe(
        `0 the device tree blob has 0x${size.toString(16)} bytes, and Linux maps no more than 0x200000 of one`,
      );
    }
  });

  test("by its own word for its size: what follows it in the segment does not count", () => {
    expect(loaded(Buffer.concat([treeOf(TWO_MIB), Buffer.alloc(0x1000, 1)])).code).toBe(0);
  });
});

describe("any segment is refused", () => {
  const rest = (address: string) => ["-a", address, "-f", folder.in("initrd")];

  test("where there is no memory", () => {
    expect(refusal(load(image(), "0x46000000", rest("0x9000000")))).toBe(
      "2 not within the machine's memory 0x40000000-0x60000000",
    );
  });

  test("over what the kernel has reserved, but not over the kernel", () => {
    expect(refusal(load(image(), "0x46000000", rest("0x41400000")))).toBe(
      "2 lies over 0x41400000-0x416d0000, which is taken: reserved",
    );
    expect(load(image(), "0x46000000", rest("0x40210000")).code).toBe(0);
  });

  test("over a GICv3's table that the kernel's log names", () => {
    const log = "<6>[    0.000000] GICv3: using LPI property table @0x0000000048000000\n";
    const on: Pretended["on"] = {
      syslog: ([action, buffer]) => (action === 10 ? 4096 : Buffer.from(log).copy(buffer as Uint8Array)),
    };
    expect(refusal(load(image(), "0x46000000", rest("0x4800f000"), on))).toBe(
      "2 lies over 0x48000000-0x48010000, which is taken: an LPI table of the interrupt controller",
    );
    expect(load(image(), "0x46000000", rest("0x48010000"), on).code).toBe(0);
  });
});

describe("the tables of a GICv3 that a log with its start lost does not name", () => {
  const LINES = [
    "<6>[    0.000000] GICv3: using LPI property table @0x0000000048000000",
    "<6>[    0.000000] GICv3: CPU0: using allocated LPI pending table @0x0000000048010000",
  ];
  const log = (lines: string[]): Pretended["on"] => ({
    syslog: ([action, buffer]) => (action === 10 ? 4096 : Buffer.from(lines.join("\n")).copy(buffer as Uint8Array)),
  });
  const ITS = { "/proc/device-tree/intc@8000000/its@8080000/compatible": "arm,gic-v3-its\0" };
  const ONLINE = { "/sys/devices/system/cpu/online": "0\n" };
  const told = (lines: string[], files: NonNullable<Pretended["files"]>): string[] => {
    const machine = { ...VIRT, files: { ...VIRT.files, ...ONLINE, ...files } };
    const { code, out } = load(image(), "0x46000000", ["-n"], log(lines), machine);
    expect(code).toBe(0);
    return out
      .toString()
      .split("\n")
      .filter((line) => line.includes("LPI") && line.includes("is not checked"));
  };
  const notChecked = (names: string) => [`what a GICv3 goes on using is not checked: the kernel's log names ${names}`];

  test("are said by -n not to be checked", () => {
    expect(told(LINES.slice(1), ITS)).toEqual(notChecked("no LPI property table"));
    expect(told(LINES.slice(0, 1), ITS)).toEqual(notChecked("no LPI pending table of cpu 0"));
    expect(told([], ITS)).toEqual(notChecked("no LPI tables"));
    // The log alone shows that there are some.
    expect(told(LINES.slice(1), {})).toEqual(notChecked("no LPI property table"));
  });

  test("are no matter where it names all, where there are none, and where others keep them", () => {
    expect(told(LINES, ITS)).toEqual([]);
    expect(told([], {})).toEqual([]);
    expect(told([], { ...ITS, "/proc/cmdline": "quiet irqchip.gicv3_nolpi=1\n" })).toEqual([]);
    expect(told([], { ...ITS, "/sys/firmware/efi/fw_platform_size": "64\n" })).toEqual([]);
  });
});

test("memory that begins at 0 is no real mode area: a kernel may lie behind it", () => {
  const files = {
    ...VIRT.files,
    "/proc/iomem": "00000000-3fffffff : System RAM\n40000000-5fffffff : System RAM\n",
    "/proc/device-tree/#address-cells": cells(1),
    "/proc/device-tree/#size-cells": cells(1),
    "/proc/device-tree/memory@0/reg": cells(0, 0x40000000),
    "/proc/device-tree/memory@0/device_type": "memory\0",
  };
  writeFileSync(folder.in("Image"), image());
  const { code, err } = loadem(
    folder.path,
    { ...VIRT, files, stdin: tree("0x45e00100") },
    "-r",
    "0x1000",
    "-a",
    "0x45e00000",
    "-e",
    "-w",
    "-s",
    "-a",
    "0x46000000",
    "-c",
    "0xf8",
    "-f",
    folder.in("Image"),
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
});

describe("the stub of arm64", () => {
  test("without a tree, or without a kernel, is refused as that of ppc64 is", () => {
    writeFileSync(folder.in("Image"), image());
    const line = ["-r", "0x1000", "-a", "0x45e00000", "-e", "-w"];
    expect(
      refusal(loadem(folder.path, VIRT, ...line, "-a", "0x46000000", "-c", "0xf8", "-f", folder.in("Image"))),
    ).toBe("0 no device tree blob at 0x45e00100, after the 0x100 bytes of the stub");
    const stdin = tree("0x45e00100");
    expect(refusal(loadem(folder.path, { ...VIRT, stdin }, ...line, "-s"))).toBe(
      "0 the stub does not know its kernel: -c 0xf8 after the kernel's -a tells it",
    );
  });

  test("waits for no cpus, and so takes no number of them", () => {
    writeFileSync(folder.in("Image"), image());
    const { code, err } = load(image(), "0x46000000", ["--secondaries", "1"]);
    expect({ code, err }).toEqual({
      code: 2,
      err: "loadem: --secondaries: the entry is not our ppc64 stub, nothing else waits for cpus\n",
    });
  });

  test("takes the chained address in its own byte order, and nowhere but in its word", () => {
    writeFileSync(folder.in("Image"), image());
    const { code, err } = loadem(
      folder.path,
      { ...VIRT, stdin: tree("0x45e00100") },
      "-a",
      "0x45e00000",
      "-e",
      "-w",
      "-s",
      "-a",
      "0x46000000",
      "-c",
      "0xf0",
      "-f",
      folder.in("Image"),
    );
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining("is the stub's code") });
  });
});
