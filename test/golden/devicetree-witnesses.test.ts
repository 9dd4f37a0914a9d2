// What dtedit makes of a tree, as programs that are not ours see it: fdtput makes the same of it, fdtget and fdtdump read
// what was meant, libfdt finds the room that was left.

import { describe, expect, test } from "bun:test";
import { copyFileSync, writeFileSync } from "node:fs";
import { dumpedReservations, gottenBytes, sortedSource } from "../support/dtc.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { addedInPlace } from "../support/libfdt.ts";

const folder = temporaryFolder({ on: "disk" });

const SOURCE = `/dts-v1/;
/memreserve/ 0x1000 0x2000;
/memreserve/ 0x8000000 0x100000;
/ {
  #address-cells = <2>; #size-cells = <2>; model = "test";
  aliases { serial0 = &uart; };
  chosen { bootargs = "old words"; linux,initrd-start = <0x8000000>; linux,initrd-end = <0x8100000>; };
  memory@0 { device_type = "memory"; reg = <0 0 0 0x10000000>; };
  soc { #address-cells = <1>; #size-cells = <1>; pic: pic@0 { reg = <0 8>; }; uart: serial@10 { reg = <0x10 8>; odd = [01 02 03]; port { }; }; };
};
`;

/** dtc's blob of the source, with labels. */
function original(): string {
  const path = folder.in("before.dtb");
  const { exitCode } = Bun.spawnSync(["dtc", "-q", "-q", "-@", "-I", "dts", "-O", "dtb", "-o", path], {
    stdin: Buffer.from(SOURCE),
  });
  expect(exitCode).toBe(0);
  return path;
}

function edited(source: string, ...edits: readonly string[]): string {
  const { code, err, out } = runInside({}, "dtedit", ...edits, source, "-");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const path = folder.in("after.dtb");
  writeFileSync(path, out);
  return path;
}

function fdtput(source: string, ...commands: readonly (readonly string[])[]): string {
  const path = folder.in("put.dtb");
  copyFileSync(source, path);
  for (const words of commands) {
    const [options, rest] = [
      words.filter((_, index) => index < words.indexOf("BLOB")),
      words.slice(words.indexOf("BLOB") + 1),
    ];
    const { exitCode, stderr } = Bun.spawnSync(["fdtput", ...options, path, ...rest]);
    expect({ words, exitCode, stderr: stderr.toString() }).toEqual({ words, exitCode: 0, stderr: "" });
  }
  return path;
}

describe("fdtput makes the same of a tree as", () => {
  test.each<[string, readonly string[], readonly (readonly string[])[]]>([
    [
      "--set of a text that is there",
      ["--set", '/chosen/bootargs="new"'],
      [["-t", "s", "BLOB", "/chosen", "bootargs", "new"]],
    ],
    ["--set of several texts", ["--set", '/model="a", "b c"'], [["-t", "s", "BLOB", "/", "model", "a", "b c"]]],
    [
      "--set of cells",
      ["--set", "/soc/new=<1 0xffffffff -1>"],
      [["-t", "x", "BLOB", "/soc", "new", "1", "ffffffff", "ffffffff"]],
    ],
    [
      "--set of 64 bits",
      ["--set", "/soc/new=/bits/ 64 <0x123456789>"],
      [["-t", "x", "BLOB", "/soc", "new", "1", "23456789"]],
    ],
    [
      "--set of bytes",
      ["--set", "/soc/serial@10/odd=[ff 00 7f 01]"],
      [["-t", "bx", "BLOB", "/soc/serial@10", "odd", "ff", "0", "7f", "1"]],
    ],
    ["--set of nothing", ["--set", "/soc/new"], [["BLOB", "/soc", "new"]]],
    [
      "--set by alias, by label, by a name without its address",
      ["--set", 'serial0/a="1"', "--set", '&pic/b="2"', "--set", 'serial0/port/c="3"', "--set", '/soc/serial/d="4"'],
      [
        ["-t", "s", "BLOB", "/soc/serial@10", "a", "1"],
        ["-t", "s", "BLOB", "/soc/pic@0", "b", "2"],
        ["-t", "s", "BLOB", "/soc/serial@10/port", "c", "3"],
        ["-t", "s", "BLOB", "/soc/serial@10", "d", "4"],
      ],
    ],
    [
      "--set of a node's path",
      ["--set", "/chosen/stdout-path=&uart"],
      [["-t", "s", "BLOB", "/chosen", "stdout-path", "/soc/serial@10"]],
    ],
    [
      "--set of a phandle, which the node is given",
      ["--set", "/soc/interrupt-parent=<&pic>"],
      [
        ["-t", "x", "BLOB", "/soc/pic@0", "phandle", "1"],
        ["-t", "x", "BLOB", "/soc", "interrupt-parent", "1"],
      ],
    ],
    ["--delete", ["--delete", "/soc/serial@10/odd"], [["-d", "BLOB", "/soc/serial@10", "odd"]]],
    [
      "--add-node",
      ["--add-node", "/soc/timer@20", "--add-node", "/soc/timer@20/x"],
      [
        ["-c", "BLOB", "/soc/timer@20"],
        ["-c", "BLOB", "/soc/timer@20/x"],
      ],
    ],
    ["--delete-node", ["--delete-node", "serial0"], [["-r", "BLOB", "/soc/serial@10"]]],
    ["-B", ["-B", "console=hvc0 quiet"], [["-t", "s", "BLOB", "/chosen", "bootargs", "console=hvc0 quiet"]]],
    [
      "-i",
      ["-i", "0x9000000,0x9123456"],
      [
        ["-t", "x", "BLOB", "/chosen", "linux,initrd-start", "0", "9000000"],
        ["-t", "x", "BLOB", "/chosen", "linux,initrd-end", "0", "9123456"],
      ],
    ],
    [
      "--no-initrd",
      ["--no-initrd"],
      [
        ["-d", "BLOB", "/chosen", "linux,initrd-start"],
        ["-d", "BLOB", "/chosen", "linux,initrd-end"],
      ],
    ],
    [
      "--usable",
      ["--usable", "0x8000000,0x1000000"],
      [["-t", "x", "BLOB", "/memory@0", "linux,usable-memory", "0", "0", "0", "9000000"]],
    ],
  ])("%s", (_, edits, commands) => {
    const before = original();
    const ours = sortedSource("dtb", edited(before, ...edits));
    expect(ours).toBe(sortedSource("dtb", fdtput(before, ...commands)));
    expect(ours).not.toBe(sortedSource("dtb", before));
  });

  test("the same edits from a file, in their order", () => {
    // The last byte of that letter is a blank to JavaScript.
    const lines = [
      "# a comment",
      "add-node /n",
      'set /n/a="1"',
      "  set /n/a=<2>  ",
      "",
      "delete-node /soc/pic",
      "bootargs a = voilà",
      "delete /model",
    ];
    writeFileSync(folder.in("edits"), lines.join("\n"));
    const before = original();
    const theirs = fdtput(
      before,
      ["-c", "BLOB", "/n"],
      ["-t", "x", "BLOB", "/n", "a", "2"],
      ["-r", "BLOB", "/soc/pic@0"],
      ["-t", "s", "BLOB", "/chosen", "bootargs", "a = voilà"],
      ["-d", "BLOB", "/", "model"],
    );
    expect(sortedSource("dtb", edited(before, "--from", folder.in("edits")))).toBe(sortedSource("dtb", theirs));
  });
});

describe("fdtdump reads in the reserve map", () => {
  test.each<[string, readonly string[], readonly (readonly [bigint, bigint])[]]>([
    [
      "what was there",
      [],
      [
        [0x1000n, 0x2000n],
        [0x8000000n, 0x100000n],
      ],
    ],
    [
      "what --reserve added",
      ["--reserve", "0x5000,0x10,0x6000,1"],
      [
        [0x1000n, 0x2000n],
        [0x8000000n, 0x100000n],
        [0x5000n, 0x10n],
        [0x6000n, 1n],
      ],
    ],
    ["no more what --unreserve took out", ["--unreserve", "0x1000,0x2000"], [[0x8000000n, 0x100000n]]],
    [
      "the initrd that -i moved",
      ["-i", "0x9000000,0x9123456"],
      [
        [0x1000n, 0x2000n],
        [0x9000000n, 0x123456n],
      ],
    ],
    ["no initrd after --no-initrd", ["--no-initrd"], [[0x1000n, 0x2000n]]],
    [
      "the crashed kernel's memory after --usable",
      ["--usable", "0x8000000,0x1000000"],
      [
        [0x1000n, 0x2000n],
        [0x8000000n, 0x100000n],
        [0x10000n, 0x7ff0000n],
      ],
    ],
  ])("%s", (_, edits, expected) => {
    expect(dumpedReservations(edited(original(), ...edits))).toEqual(expected.map(([start, size]) => [start, size]));
  });

  test("the blob itself, as large as it is, where -b says that it will lie", () => {
    const path = edited(original(), "-b", "0x4000000", "--pad", "1000");
    const reserved = dumpedReservations(path);
    expect(reserved.at(-1)).toEqual([0x4000000n, BigInt(Bun.file(path).size)]);
    // And it goes on so with a larger size, without being told again.
    const again = edited(path, "--add-node", "/new", "--pad", "2000");
    expect(dumpedReservations(again)).toEqual([...reserved.slice(0, -1), [0x4000000n, BigInt(Bun.file(again).size)]]);
  });
});

test("fdtdump reads the cpu that --boot-cpu says", () => {
  for (const id of ["0", "7", "0xfffffffe"]) {
    const { stdout } = Bun.spawnSync(["fdtdump", edited(original(), "--boot-cpu", id)]);
    expect(stdout.toString("latin1")).toContain(`// boot_cpuid_phys:\t0x${Number(id).toString(16)}\n`);
  }
});

describe("-i FILE@ADDR", () => {
  test("is where the file will lie, to the byte; for several, each behind the first begins on a multiple of 4", () => {
    writeFileSync(folder.in("a.cpio"), Buffer.alloc(1001));
    writeFileSync(folder.in("b.cpio"), Buffer.alloc(510));
    const [a, b] = [folder.in("a.cpio"), folder.in("b.cpio")];
    for (const [files, end] of [
      [a, 0x90003e9],
      [`${a},${b}`, 0x90003ec + 510],
      [`${b},${a}`, 0x9000200 + 1001],
    ] as const) {
      const path = edited(original(), "-i", `${files}@0x9000000`);
      expect(gottenBytes(path, "/chosen", "linux,initrd-start").readBigUInt64BE()).toBe(0x9000000n);
      expect(gottenBytes(path, "/chosen", "linux,initrd-end").readBigUInt64BE()).toBe(BigInt(end));
      expect(dumpedReservations(path)).toContainEqual([0x9000000n, BigInt(end - 0x9000000)]);
    }
  });
});

describe("--pad", () => {
  test("leaves as many bytes as dtc -p does, up to a multiple of 8", () => {
    const before = original();
    const plain = Bun.file(edited(before)).size;
    for (const room of [1, 8, 100, 4096]) {
      const theirs =
        Bun.spawnSync(["dtc", "-q", "-q", "-I", "dtb", "-O", "dtb", "-p", String(room), before]).stdout.length -
        Bun.spawnSync(["dtc", "-q", "-q", "-I", "dtb", "-O", "dtb", before]).stdout.length;
      const ours = Bun.file(edited(before, "--pad", String(room))).size - plain;
      expect(theirs).toBe(room);
      expect(ours).toBeGreaterThanOrEqual(room - 7);
      expect(ours).toBeLessThan(room + 8);
    }
  });

  test("leaves room in which libfdt adds a property, which it cannot without", async () => {
    const value = Buffer.from("a property of 40 bytes, with its length.");
    // 12 bytes for what begins a property, the value, and its name.
    for (const [room, fits] of [
      ["0", false],
      ["32", false],
      ["56", true],
      ["4096", true],
    ] as const) {
      const path = edited(original(), "--pad", room);
      const blob = await Bun.file(path).bytes();
      expect(addedInPlace(blob, "/soc", "new", value)).toBe(fits);
      if (!fits) continue;
      writeFileSync(path, blob);
      expect(gottenBytes(path, "/soc", "new").equals(value)).toBe(true);
      const expected = fdtput(original(), [
        "-t",
        "bx",
        "BLOB",
        "/soc",
        "new",
        ...[...value].map((byte) => byte.toString(16)),
      ]);
      expect(sortedSource("dtb", path)).toBe(sortedSource("dtb", expected));
      // And what libfdt wrote, we read.
      expect(runInside({}, "dtdiff", path, expected)).toMatchObject({ code: 0, err: "" });
    }
  });
});
