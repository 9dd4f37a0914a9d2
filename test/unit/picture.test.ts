// Memory as loadem -n draws it: whole drawings of three machines, then what holds for whatever image and machine.

import { describe, expect, test } from "bun:test";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { listUses as usesOnArm64 } from "../../src/arch/arm64/checks.ts";
import { Failure } from "../../src/failure.ts";
import type { NextUse } from "../../src/kexec/check.ts";
import { checkImage } from "../../src/kexec/checks.ts";
import drawPicture from "../../src/kexec/draw-svg.ts";
import { ascii, drawText, utf8 } from "../../src/kexec/draw-text.ts";
import type { MachineFacts } from "../../src/kexec/facts.ts";
import type { KexecImage, Segment, StoredWord } from "../../src/kexec/image.ts";
import { makePicture, type Picture } from "../../src/kexec/picture.ts";
import { formatImage } from "../../src/kexec/table.ts";
import { formatSize } from "../../src/number.ts";
import { type MemoryRange, overlap } from "../../src/range.ts";
import { nameText, SEED } from "../support/arbitraries.ts";
import { bzImage } from "../support/bzimage.ts";
import { type Answer, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { loadem, type Pretended, WITHOUT_TREE } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { faultOf } from "../support/svg.ts";
import { cells, makeTree } from "../support/tree.ts";

const folder = temporaryFolder();

const MIB = 0x100000;

/** What -n prints before the table. */
function drawn(pretended: Pretended, line: string): string[] {
  const { out } = loadem(folder.path, { ...pretended, on: { openat } }, "-n", ...line.split(" "));
  const lines = out.toString().split("\n");
  return lines.slice(
    0,
    lines.findIndex((each) => each.startsWith("segment ")),
  );
}

/** A name alone is a file of the test's folder. */
const openat: Answer = (args, { path, pass }) =>
  /[./]/.test(path) ? pass() : pass([args[0] ?? 0, folder.in(path), ...args.slice(2)]);

/** A file that begins with `bytes` and has no others. */
function file(name: string, size: number, bytes: Uint8Array = new Uint8Array(0)): void {
  writeFileSync(folder.in(name), bytes);
  truncateSync(folder.in(name), size);
}

describe("on ppc64", () => {
  const kernel = Buffer.alloc(0x60, 0x60);
  kernel.write("run0", 0x5c);
  let blob: Buffer | undefined;
  const tree = (): Buffer => {
    if (blob !== undefined) return blob;
    makeTree(folder.in("tree"), [["compatible", "x\0"]]);
    blob = runInside({ machine: "ppc64" }, "fs2dt", "-b", "0x5000100", folder.in("tree")).out;
    return blob;
  };
  const draw = (line: string, more: Pretended = {}): string[] => {
    file("k", 5 * MIB, kernel);
    file("i", 30 * MIB);
    return drawn({ stdin: tree(), ...more }, `-r 0x10000 -a 0x5000000 -e -w -s ${line}`);
  };
  const USUAL = "-a 0x6000000 -c 0x100 -f k -z 0x100000 -a 0x9000000 -f i";

  test("a kernel that copies itself down is there twice, and the running kernel once", () => {
    expect(draw(USUAL)).toEqual([
      "    memory now  next  a line is 4 MiB at most, but for ~~~~",
      "       0x0 kkkk +1++  1 copies itself here, 6 MiB",
      "           kkkk +1++  running kernel, 40.5 MiB",
      "  0x600000 ~~~~       34.5 MiB",
      " 0x2880000 ~~~~       RAM, 39.5 MiB",
      " 0x5000000 .... =0==  0 v2wrap + standard input, 376 B, entry",
      "           .... =0==  at 0x50000f8: 0x6000000, segment 1",
      " 0x5010000 ~~~~       RAM, 15.9 MiB",
      " 0x6000000 .... =1==  1 k, 5 MiB and 1 MiB of zeros",
      "           .... =1==",
      " 0x6500000 .... -1--",
      " 0x6600000 ~~~~       RAM, 42 MiB",
      " 0x9000000 .... =2==  2 i, 30 MiB",
      ...Array(7).fill("           .... =2=="),
      " 0xae00000 ~~~~       RAM, 1.8 GiB",
      "0x80000000",
    ]);
  });

  test("what the copy goes over is marked, and what firmware keeps has its name", () => {
    const rtas = {
      "/proc/device-tree/rtas/linux,rtas-base": cells(0x1fff0000),
      "/proc/device-tree/rtas/rtas-size": cells(0x10000),
    };
    const lines = draw("-a 0x6000000 -c 0x100 -f k -a 0x300000 -f i", { files: rtas });
    expect(lines.filter((line) => line.includes("XXXX"))).toEqual([
      "  0x300000 kkkk XXXX  segment 2, the kernel of 1: the same memory",
      "           kkkk XXXX  2 i, 30 MiB",
      "  0x500000 kkkk XXXX  segment 2 below the running kernel's end",
      ...Array(6).fill("           kkkk XXXX"),
    ]);
    expect(lines.slice(-4)).toEqual([
      " 0x6500000 ~~~~       RAM, 411 MiB",
      "0x1fff0000 ####       RTAS, 64 KiB",
      "0x20000000 ~~~~       RAM, 1.5 GiB",
      "0x80000000",
    ]);
  });

  test("where the locale is of UTF-8 it has shades, and is the same otherwise", () => {
    const said = (environment: string) =>
      draw(USUAL, { files: { "/proc/self/environ": environment } }).map((line) => Buffer.from(line, "utf8").toString());
    const plain = draw(USUAL);
    const shaded = said("HOME=/\0LANG=de_DE.UTF-8\0");
    expect(shaded.slice(0, 3)).toEqual([
      "    memory now  next  a line is 4 MiB at most, but for ≈≈≈≈",
      "       0x0 ▒▒▒▒ ▒1▒▒  1 copies itself here, 6 MiB",
      "           ▒▒▒▒ ▒1▒▒  running kernel, 40.5 MiB",
    ]);
    const ink: Readonly<Record<string, string>> = { "~": "≈", k: "▒", ".": "░", "=": "█", "-": "░", "+": "▒" };
    expect(shaded.slice(1)).toEqual(
      plain
        .slice(1)
        .map(
          (line) =>
            line.slice(0, 11) +
            line.slice(11, 22).replaceAll(/[~k.=+-]/g, (each) => ink[each] ?? each) +
            line.slice(22),
        ),
    );
    expect(said("LC_ALL=en_US.utf8\0LANG=C\0")).toEqual(shaded);
    expect(said("LC_ALL=\0LC_CTYPE=C.UTF-8\0TERM=linux\0")).toEqual(shaded);
    for (const other of [
      "",
      "LANG=C\0",
      "LC_ALL=C\0LANG=C.UTF-8\0",
      "LC_CTYPE=POSIX\0LANG=C.UTF-8\0",
      "XLANG=C.UTF-8\0",
      "LANG=C.UTF-8\0TERM=dumb\0",
    ]) {
      expect({ other, lines: said(other) }).toEqual({ other, lines: plain });
    }
  });
});

describe("on x86-64", () => {
  const zeropage = (address: string, ...options: string[]): Buffer => {
    writeFileSync(folder.in("bzImage"), bzImage({ initSize: 0x1400000 }));
    file("k", 10 * MIB);
    file("i", 30 * MIB);
    const files = {
      "/sys/firmware/memmap/0/start": "0x0\n",
      "/sys/firmware/memmap/0/end": "0x9fbff\n",
      "/sys/firmware/memmap/0/type": "System RAM\n",
    };
    const world = { root: folder.in("zeropage"), files };
    return runInside(world, "zeropage", "-b", address, "-B", "quiet", ...options, folder.in("bzImage")).out;
  };
  const on = (iomem: string): Pretended => ({
    machine: "x86_64",
    files: { ...WITHOUT_TREE, "/proc/iomem": iomem },
    stdin: zeropage("0x90100"),
  });

  test("of a BIOS, what is no RAM has the names of /proc/iomem, and init_size is seen", () => {
    const bios = [
      "00000000-00000fff : Reserved",
      "00001000-0009fbff : System RAM",
      "0009fc00-0009ffff : Reserved",
      "000a0000-000bffff : PCI Bus 0000:00",
      "000f0000-000fffff : Reserved",
      "00100000-3ffdffff : System RAM",
      "  01000000-01e02566 : Kernel code",
      "  02a00000-02dfcd3f : Kernel data",
      "  26000000-2dffffff : Crash kernel",
      "  3e000000-3e000fff : reserved",
      "",
    ].join("\n");
    expect(drawn(on(bios), "-r 0x1000 -a 0x90000 -e -w -s -a 0x4000000 -c 0xf8 -f k -a 0x5000000 -f i")).toEqual([
      "    memory now  next  a line is 4 MiB at most, but for ~~~~",
      "    0x1000 ....       RAM, 572 KiB",
      "   0x90000 .... =0==  0 v2wrap + standard input, 4.3 KiB, entry",
      "           .... =0==  at 0x900f8: 0x4000000, segment 1",
      "   0x92000 ....       RAM, 55 KiB",
      "   0x9fc00            no RAM, 385 KiB: Reserved, PCI Bus 0000:00",
      "  0x100000 ~~~~       RAM, 15 MiB",
      " 0x1000000 ~~~~       running kernel, 30.0 MiB",
      " 0x2dfcd40 ~~~~       RAM, 18.0 MiB",
      " 0x4000000 .... =1==  1 k, 10 MiB",
      "           .... =1==",
      "           .... =1==",
      " 0x4a00000 .... +1++  1 needs this too (init_size), 20 MiB in all",
      "           .... +1++",
      " 0x5000000 .... XXXX  segment 2, the kernel of 1: the same memory",
      "           .... XXXX  2 i, 30 MiB",
      " 0x5400000 .... =2==",
      ...Array(6).fill("           .... =2=="),
      " 0x6e00000 ~~~~       RAM, 498 MiB",
      "0x26000000 ~~~~       crashkernel, 128 MiB",
      "0x2e000000 ~~~~       RAM, 256 MiB",
      "0x3e000000 ####       reserved, 4 KiB",
      "0x3e001000 ~~~~       RAM, 31.9 MiB",
      "0x3ffe0000",
    ]);
  });

  test("of 300 ranges that EFI keeps, those are folded that nothing lies over", () => {
    const kept = Array.from({ length: 300 }, (_, index) => {
      const start = 0x60000000 + index * MIB;
      return `  ${start.toString(16)}-${(start + 0x3fff).toString(16)} : ${index % 2 === 0 ? "reserved" : "ACPI Tables"}`;
    });
    const efi = [
      "00001000-0009ffff : System RAM",
      "00100000-7fffffff : System RAM",
      ...kept,
      "100000000-13fffffff : System RAM",
      "",
    ];
    const usual = "-r 0x1000 -a 0x90000 -e -w -s -a 0x4000000 -c 0xf8 -f k -z 0xa00000";
    expect(drawn(on(efi.join("\n")), usual).slice(-8)).toEqual([
      "  0x4a00000 .... -1--",
      ...Array(2).fill("            .... -1--"),
      "  0x5400000 ~~~~       RAM, 1.4 GiB",
      " 0x60000000 ~~~~       512 MiB RAM, 4.7 MiB taken (300 ranges): reser...",
      " 0x80000000 ~~~~       no RAM, 2 GiB",
      "0x100000000 ~~~~       RAM, 1 GiB",
      "0x140000000",
    ]);
  });
});

test("on arm64, what an Image uses beyond its bytes is drawn, and memory that does not begin at 0", () => {
  const image = Buffer.alloc(64, 0xd5);
  image.writeBigUInt64LE(0n, 8);
  image.writeBigUInt64LE(BigInt(6 * MIB), 16);
  image.write("ARM\x64", 56, "latin1");
  file("Image", 4 * MIB, image);
  makeTree(folder.in("virt"), [["compatible", "linux,dummy-virt\0"]]);
  const stdin = runInside({ machine: "aarch64" }, "fs2dt", "-b", "0x45e00100", folder.in("virt")).out;
  const iomem = [
    "09000000-09000fff : pl011@9000000",
    "40000000-5fffffff : System RAM",
    "  40210000-413fffff : Kernel code",
    "  41400000-416cffff : reserved",
    "  41d00000-41e0ffff : Kernel data",
    "  5c000000-5dffffff : Crash kernel",
    "",
  ].join("\n");
  const pretended: Pretended = { machine: "aarch64", files: { ...WITHOUT_TREE, "/proc/iomem": iomem }, stdin };
  expect(drawn(pretended, "-r 0x1000 -a 0x45e00000 -e -w -s -a 0x46000000 -c 0xf8 -f Image")).toEqual([
    "    memory now  next  a line is 1 MiB at most, but for ~~~~",
    "0x40000000 ~~~~       RAM, 2.1 MiB",
    "0x40210000 ~~~~       running kernel, 28 MiB",
    "0x41e10000 ~~~~       RAM, 63.9 MiB",
    "0x45e00000 .... =0==  0 v2wrap + standard input, 392 B, entry",
    "           .... =0==  at 0x45e000f8: 0x46000000, segment 1",
    "0x45e01000 ....       RAM, 2.0 MiB",
    "           ....",
    "0x46000000 .... =1==  1 Image, 4 MiB",
    "           .... =1==",
    "           .... =1==",
    "           .... =1==",
    "0x46400000 .... +1++  1 needs this too (image_size), 6 MiB in all",
    "           .... +1++",
    "0x46600000 ~~~~       RAM, 346 MiB",
    "0x5c000000 ~~~~       crashkernel, 32 MiB",
    "0x5e000000 ~~~~       RAM, 32 MiB",
    "0x60000000",
  ]);
});

interface World {
  readonly image: KexecImage;
  readonly facts: MachineFacts;
  readonly uses: readonly NextUse[];
}

/** Multiples of 4 KiB below 4 MiB, far above them, or anything. */
const address = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 1024 }).map((page) => BigInt(page) << 12n) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 1024 }).map((page) => (1n << 52n) - (BigInt(page) << 20n)) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
);
const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 64 }).map((page) => BigInt(page) << 12n) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: 1n << 40n }) },
);
const range: fc.Arbitrary<MemoryRange> = fc
  .tuple(address, size)
  .map(([start, length]) => ({ start, end: start + length }));
const name = nameText(0, 90);

const segment: fc.Arbitrary<Segment> = fc
  .tuple(range, fc.integer({ min: 0, max: 0x30000 }), name)
  .map(([memory, length, from]) => {
    const bytes = Math.min(length, Number(memory.end - memory.start));
    return { ...memory, bytes: new Uint8Array(0x30000).subarray(0, bytes), from };
  });

const worlds: fc.Arbitrary<World> = fc
  .record({
    segments: fc.array(segment, { maxLength: 18 }),
    memory: fc.array(range, { maxLength: 40 }),
    taken: fc.array(fc.tuple(range, name), { maxLength: 60 }),
    standing: fc.array(fc.option(range, { nil: undefined }), { minLength: 4, maxLength: 4 }),
    notRam: fc.array(fc.tuple(range, name), { maxLength: 4 }),
    used: fc.array(fc.tuple(range, fc.nat()), { maxLength: 2 }),
    words: fc.array(fc.tuple(fc.nat(), address), { maxLength: 9 }),
    entry: fc.option(address, { nil: undefined }),
    crash: fc.boolean(),
  })
  .map(({ segments, memory, taken, standing, notRam, used, words, entry, crash }) => {
    const pick = (index: number) => segments[index % segments.length];
    const [runningKernel, keptInitrd, crashkernel, crashkernelLow] = standing;
    return {
      image: {
        ...{ segments, entry, crash, handed: undefined, arch: 0n },
        words: words.flatMap(([index, value]): StoredWord[] => {
          const holder = pick(index);
          if (holder === undefined) return [];
          return [{ kind: "chain", segment: holder, at: 0, size: 8, value, endian: "big", reason: "" }];
        }),
      },
      facts: {
        ...{ pageSize: 0x1000n, elfMachine: 21, totalRam: undefined },
        memory: memory.filter(({ start, end }) => start < end),
        taken: taken.map(([each, from]) => ({ ...each, name: from })),
        notRam: notRam.map(([each, from]) => ({ ...each, name: from })),
        ...{ runningKernel, keptInitrd, crashkernel, crashkernelLow },
      },
      uses: used.flatMap(([each, index]): NextUse[] => {
        const kernel = pick(index);
        return kernel === undefined ? [] : [{ ...each, what: "copies itself here", kernel, sharers: [kernel] }];
      }),
    };
  });

const RUNS = { seed: SEED, numRuns: 60 };

function pictureOf({ image, facts, uses }: World): Picture {
  return makePicture(image, facts, uses);
}

describe("whatever the image and the machine", () => {
  test("bands follow each other, and those of a segment are the whole of it", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { bands } = pictureOf(world);
        for (const [index, band] of bands.entries()) {
          expect(band.start).toBeLessThan(band.end);
          if (index > 0) expect(band.start).toBe(present(bands[index - 1]).end);
        }
        for (const [index, { start, end }] of world.image.segments.entries()) {
          if (start >= end) continue;
          const own = bands.filter((band) => band.segments.includes(index));
          expect([own[0]?.start, own.at(-1)?.end]).toEqual([start, end]);
          expect(own.every((band) => band.start >= start && band.end <= end)).toBe(true);
          expect(own.flatMap(({ notes }) => notes).filter(({ before }) => before === `${index} `).length).toBe(1);
        }
      }),
      RUNS,
    );
  });

  test("what two segments want, and what one wants that is taken, is marked", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const { bands } = pictureOf(world);
        const segments = world.image.segments.filter(({ start, end }) => start < end);
        const contested = bands.filter(({ isContested }) => isContested);
        const others = (one: Segment) => [...segments.filter((each) => each !== one), ...world.facts.taken];
        for (const one of segments) {
          for (const other of others(one).filter((each) => each.start < each.end && overlap(each, one))) {
            expect(contested.some((band) => overlap(band, one) && overlap(band, other))).toBe(true);
          }
        }
      }),
      RUNS,
    );
  });

  test("nothing is marked in an image that the checks let pass", () => {
    const compact = fc.integer({ min: 0, max: 15 }).map((page) => BigInt(page) * 0x1000n);
    const choice = fc.record({
      starts: fc.uniqueArray(compact, { minLength: 1, maxLength: 5 }),
      size: fc.constantFrom(0x1000n, 0x2000n),
      taken: fc.array(compact, { maxLength: 2 }),
      end: compact,
    });
    let passed = 0;
    fc.assert(
      fc.property(choice, ({ starts, size: length, taken, end }) => {
        const segments = starts.map(
          (start): Segment => ({ start, end: start + length, bytes: new Uint8Array(0), from: "x" }),
        );
        const image: KexecImage = { segments, words: [], handed: undefined, entry: starts[0], arch: 0n, crash: false };
        const facts: MachineFacts = {
          ...{ pageSize: 0x1000n, elfMachine: 21, totalRam: undefined },
          memory: [{ start: 0n, end: end + 0x1000n }],
          taken: taken.map((start) => ({ start, end: start + 0x1000n, name: "kept" })),
        };
        let isRefused = false;
        try {
          checkImage(image, facts, []);
          passed++;
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          isRefused = true;
        }
        expect(makePicture(image, facts, []).bands.some(({ isContested }) => isContested)).toBe(isRefused);
      }),
      { ...RUNS, numRuns: 500 },
    );
    expect(passed).toBeGreaterThan(50);
  });

  test("a line has at most 72 columns, every segment has one, and nothing but ASCII and shades is printed", () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const picture = pictureOf(world);
        for (const fills of [ascii, utf8]) {
          const text = Buffer.from(drawText(picture, fills), "latin1").toString("utf8");
          const lines = text.split("\n").slice(0, -1);
          for (const line of lines) {
            expect(line).toMatch(/^[ -~░▒▓█≈]*$/);
            expect(line.length).toBeLessThanOrEqual(72);
          }
          expect(lines.length).toBeLessThan(900);
          for (const [index, { start, end }] of world.image.segments.entries()) {
            if (start < end) expect(lines.some((line) => line.includes(`  ${index} `))).toBe(true);
          }
        }
      }),
      RUNS,
    );
  });
});

test("the README's drawing, which a guest printed, is what is drawn of that machine and that image", () => {
  const part = (start: bigint, end: bigint, length: number, from: string): Segment => ({
    ...{ start, end, from },
    bytes: new Uint8Array(length),
  });
  const [stub, kernel, initrd] = [
    part(0x2880000n, 0x2890000n, 0x3eb0, "v2wrap + device tree"),
    part(0x2890000n, 0x5110000n, 0x2714ea4, "vmlinux"),
    part(0x5110000n, 0x51f0000n, 0xd0344, "initrd"),
  ] as const;
  const reason = "as the stub has it";
  const chain: StoredWord = {
    kind: "chain",
    segment: stub,
    at: 0xf8,
    size: 8,
    value: kernel.start,
    endian: "big",
    reason,
  };
  const image: KexecImage = {
    ...{
      segments: [stub, kernel, initrd],
      words: [chain],
      entry: stub.start,
      arch: 0n,
      crash: false,
      handed: undefined,
    },
  };
  const facts: MachineFacts = {
    ...{ pageSize: 0x10000n, elfMachine: 21, totalRam: undefined, memory: [{ start: 0n, end: 0x80000000n }] },
    taken: [{ start: 0x2fff0000n, end: 0x30000000n, name: "RTAS" }],
    runningKernel: { start: 0n, end: 0x2880000n },
  };
  const uses = [{ start: 0n, end: 0x2880000n, what: "copies itself here", kernel, sharers: [kernel] }];
  const drawing = drawText(makePicture(image, facts, uses), ascii) + formatImage(image, facts);
  const page = (name: string) => readFileSync(join(import.meta.dir, "../..", name), "utf8");
  expect(page("README.md")).toContain(drawing.replaceAll(/^(?=.)/gm, "    "));
  expect(page("docs/plan.svg")).toBe(drawPicture(image, facts, uses));
});

test("what the tree and its reserve map both tell of is one thing", () => {
  const range = (start: bigint, end: bigint, name = "RTAS") => ({ start, end, name });
  const taken = [
    range(0x30000n, 0x40000n),
    range(0x20000n, 0x2083cn),
    range(0x2083cn, 0x30800n),
    range(0x50000n, 0x51000n),
  ];
  const facts = {
    pageSize: 0x1000n,
    elfMachine: 21,
    totalRam: undefined,
    memory: [{ start: 0n, end: 0x80000n }],
    taken,
  };
  const image: KexecImage = { segments: [], words: [], handed: undefined, entry: undefined, arch: 0n, crash: false };
  const told = (from: MachineFacts) =>
    makePicture(image, from, []).bands.map(({ start, end, ground }) => [ground, Number(start), Number(end)]);
  expect(told(facts)).toEqual([
    ["RAM", 0, 0x20000],
    ["taken", 0x20000, 0x40000],
    ["RAM", 0x40000, 0x50000],
    ["taken", 0x50000, 0x51000],
    ["RAM", 0x51000, 0x80000],
  ]);
  expect(told({ ...facts, taken: [...taken.slice(0, 3), range(0x40000n, 0x41000n, "OPAL")] })).toContainEqual([
    "taken",
    0x40000,
    0x41000,
  ]);
});

test.each([
  [0n, "0 B"],
  [1023n, "1023 B"],
  [0x1000n, "4 KiB"],
  [0x1001n, "4.0 KiB"],
  [0xfffffn, "1024 KiB"],
  [5_400_000n, "5.1 MiB"],
  [110_100_480n, "105 MiB"],
  [0x7fff_f000n, "2.0 GiB"],
  [1n << 52n, "4 PiB"],
  [(1n << 64n) - 1n, "16.0 EiB"],
])("%p bytes are told as %s", (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});

test("whatever the image and the machine, the SVG is well-formed and has every segment", () => {
  fc.assert(
    fc.property(worlds, ({ image, facts, uses }) => {
      const svg = drawPicture(image, facts, uses);
      expect(faultOf(svg)).toBeUndefined();
      expect(svg).not.toMatch(/NaN|undefined/);
      for (const [, id] of svg.matchAll(/url\(#(\w+)\)/g)) expect(svg).toContain(`id="${id}"`);
      for (const [index, { start, end }] of image.segments.entries()) {
        if (start < end) expect(svg).toMatch(new RegExp(`>${index} [^<]*</text>`));
      }
    }),
    { ...RUNS, numRuns: 20 },
  );
});

test("what the picture shows of an Image's use are the numbers of its check", () => {
  const bytes = Buffer.alloc(0x1000);
  bytes.writeBigUInt64LE(0x300000n, 16);
  bytes.write("ARM\x64", 56, "latin1");
  const kernel: Segment = { start: 0x200000n, end: 0x201000n, bytes, from: "Image" };
  const image: KexecImage = {
    segments: [kernel],
    words: [],
    handed: undefined,
    entry: 0x200000n,
    arch: 0n,
    crash: false,
  };
  expect(usesOnArm64(image)).toEqual([
    { start: 0x200000n, end: 0x500000n, what: "needs this too (image_size)", kernel, sharers: [kernel] },
  ]);
});
