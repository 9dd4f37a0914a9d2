// loadem on x86-64: the zero page behind the stub is read, /proc/iomem is, and what would hang in silence is refused.

import { beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { builtInStub } from "../../src/arch/stubs.ts";
import { type BzImage, bzImage } from "../support/bzimage.ts";
import { runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, segmentOf, WITHOUT_TREE, withoutPlace } from "../support/loading.ts";

const folder = temporaryFolder();

const IOMEM = `00000000-00000fff : Reserved
00001000-0009fbff : System RAM
00100000-7ffdffff : System RAM
  02000000-02dfffff : Kernel code
  70000000-700fffff : reserved
  72000000-73ffffff : Crash kernel
fed00000-fed003ff : HPET 0
100000000-1ffffffff : System RAM
`;

const KERNEL = 0x100_0000;
const INIT_SIZE = 0x40_0000;
const STUB = 0x200_0000;
const INITRD = 0x300_0000;

const MACHINE: Pretended = { machine: "x86_64", files: { ...WITHOUT_TREE, "/proc/iomem": IOMEM } };

interface Made extends BzImage {
  /** Where the zero page is made for; behind the stub unless said. */
  readonly address?: number;
  readonly initrd?: string;
}

/** What `zeropage` writes for such a kernel. */
function bootParams({ address = STUB + 0x100, initrd, ...kernel }: Made = {}): Buffer {
  const file = folder.in("bzImage");
  writeFileSync(file, bzImage({ initSize: INIT_SIZE, ...kernel }));
  const files = {
    "/sys/firmware/memmap/0/start": "0x0\n",
    "/sys/firmware/memmap/0/end": "0x9fbff\n",
    "/sys/firmware/memmap/0/type": "System RAM\n",
  };
  const range = initrd === undefined ? [] : ["-i", initrd];
  const { code, out, err } = runInside(
    { root: folder.in("zeropage"), files },
    "zeropage",
    "-b",
    `0x${address.toString(16)}`,
    "-B",
    "quiet",
    ...range,
    file,
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return out;
}

/** Runs loadem with `${kernel}` and `${initrd}` standing for files of a page each. */
function run(line: string, stdin = bootParams(), pretended: Pretended = {}): LoadRun {
  const words = line.replaceAll("KERNEL", folder.in("kernel")).replaceAll("INITRD", folder.in("initrd")).split(" ");
  return loadem(folder.path, { ...MACHINE, stdin, ...pretended }, ...words);
}

const SPACE = `-z 0x${(INIT_SIZE - 0x1000).toString(16)}`;
const STUB_SEGMENT = "-r 0x1000 -a 0x2000000 -e -w -s";
const USUAL = `${STUB_SEGMENT} -a 0x1000000 -c 0xf8 -f KERNEL ${SPACE}`;

function refused(line: string, stdin?: Buffer, pretended?: Pretended): string {
  const { code, err, loads } = run(line, stdin, pretended);
  expect(loads).toEqual([]);
  return `${code} ${withoutPlace(err)
    .replaceAll(folder.path, "")
    .trimEnd()
    .replace(/^loadem: /, "")}`;
}

beforeEach(() => {
  writeFileSync(folder.in("kernel"), Buffer.alloc(0x1000, 0xcc));
  writeFileSync(folder.in("initrd"), Buffer.alloc(0x1000, 0x11));
});

test("the kernel's address is stored little endian in the stub, and the segments reach the kernel as told", () => {
  const stdin = bootParams({ initrd: "0x3000000,0x3001000" });
  const { code, err, loads } = run(`${USUAL} -a 0x3000000 -f INITRD`, stdin);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const stub = segmentOf(loads[0], 0);
  const kernel = segmentOf(loads[0], 1);
  expect(loads[0]?.entry).toBe(BigInt(STUB));
  expect(stub.bytes.subarray(0, 0xf8).equals(Buffer.from(builtInStub("", "x86_64")).subarray(0, 0xf8))).toBe(true);
  expect(stub.bytes.readBigUInt64LE(0xf8)).toBe(BigInt(KERNEL));
  expect(stub.bytes.subarray(0x100).equals(stdin)).toBe(true);
  expect([kernel.mem, kernel.memsz]).toEqual([BigInt(KERNEL), BigInt(INIT_SIZE)]);
  expect(segmentOf(loads[0], 2).mem).toBe(BigInt(INITRD));
});

test("-n says that the word is little endian because the stub has it so", () => {
  expect(run(`${USUAL} -n`).out.toString()).toInclude(
    "stored 0x1000000 at 0x20000f8, little endian as the stub has it\n",
  );
});

test("a chain into the stub's code is refused, as 0x100 would be in the zero page", () => {
  expect(refused(USUAL.replace("0xf8", "0xf0"))).toInclude("is the stub's code");
});

test("a stub with no zero page behind it is refused", () => {
  const fact = "no zero page at 0x2000100, after the 0x100 bytes of the stub: zeropage makes it";
  const place = "1 segment 0 (0x2000000-0x2001000, v2wrap + standard input)";
  expect(refused(USUAL, Buffer.alloc(0xe00, 1))).toBe(`${place}: ${fact}`);
  expect(refused(USUAL.replace(" -s", ""))).toEndWith(fact);
  expect(refused(USUAL, bootParams().fill(0, 0x202, 0x206))).toEndWith(fact);
  expect(refused(USUAL, bootParams().subarray(0, 4095))).toEndWith(fact);
});

test("a zero page whose command line would begin where the segment ends is refused", () => {
  expect(refused(USUAL, bootParams().subarray(0, 4096))).toInclude("its command line is expected at 0x2001100");
});

test("a command line that has no end, or is longer than the kernel takes, is refused", () => {
  const endless = Buffer.concat([bootParams().subarray(0, 4096), Buffer.alloc(100, "a")]);
  endless.writeBigUInt64LE(0n, 0x250);
  expect(refused(USUAL, endless)).toEndWith("its command line at 0x2001100 has no end in this segment");
  const shorter = (most: number) => {
    const bytes = bootParams();
    bytes.writeUInt32LE(most, 0x238);
    return bytes;
  };
  expect(refused(USUAL, shorter(4))).toEndWith("its command line has 5 bytes, this kernel takes 4");
  expect(run(USUAL, shorter(5)).code).toBe(0);
  expect(run(USUAL, shorter(0)).code).toBe(0);
});

test("a zero page whose setup data is cut off, or goes round, is refused; in another segment it may be", () => {
  const whole = bootParams();
  const fact = (at: string) => `its setup data at ${at} is not whole in this segment`;
  expect(refused(USUAL, whole.subarray(0, -1))).toEndWith(fact("0x2001110"));
  expect(refused(USUAL, whole.subarray(0, 4096 + 16 + 15))).toEndWith(fact("0x2001110"));
  const round = bootParams();
  round.writeBigUInt64LE(0x200_1110n, 4096 + 16);
  expect(refused(USUAL, round)).toEndWith(fact("0x2001110"));
  const elsewhere = bootParams();
  elsewhere.writeBigUInt64LE(0x300_0100n, 4096 + 16);
  expect(refused(USUAL, elsewhere)).toEndWith(fact("0x3000100"));
  expect(run(`${USUAL} -a 0x3000000 -f INITRD`, elsewhere)).toMatchObject({ code: 0, err: "" });
  const none = bootParams();
  none.writeBigUInt64LE(0n, 0x250);
  expect(run(USUAL, none).code).toBe(0);
});

test("setup data that lies over other setup data is refused before anybody reads all that it tells of", () => {
  const page = Buffer.concat([bootParams(), Buffer.alloc(0x10000)]);
  const first = page.length - 0x10000;
  page.writeBigUInt64LE(BigInt(STUB + 0x100 + first), 0x250);
  for (let at = first; at + 32 <= page.length; at += 16) {
    page.writeBigUInt64LE(at + 48 <= page.length ? BigInt(STUB + 0x100 + at + 16) : 0n, at);
    page.writeUInt32LE(1, at + 8);
    page.writeUInt32LE(page.length - at - 16, at + 12);
  }
  // The first one has all those bytes, and the second one no others.
  const second = `0x${(STUB + 0x100 + first + 16).toString(16)}`;
  expect(refused(USUAL, page)).toEndWith(`its setup data at ${second} is not whole in this segment`);
});

test("a zero page made for another address is refused", () => {
  expect(refused(USUAL, bootParams({ address: 0x500_0100 }))).toEndWith(
    "its command line is expected at 0x5001100, " + "outside this segment: was it made with zeropage -b 0x2000100?",
  );
});

test("a stub that does not know its kernel is told the option", () => {
  expect(refused(USUAL.replace("-c 0xf8 ", ""))).toEndWith(
    "the stub does not know its kernel: " + "-c 0xf8 after the kernel's -a tells it",
  );
});

test("an initrd that the zero page tells of and no segment holds, or not all of it, is refused", () => {
  const stdin = bootParams({ initrd: "0x3000000,0x3001001" });
  const told = "the zero page tells of an initrd at 0x3000000-0x3001001, ";
  expect(refused(USUAL, stdin)).toEndWith(`${told}which no segment holds: zeropage -i gives another`);
  expect(refused(`${USUAL} -a 0x3000000 -f INITRD`, stdin)).toEndWith(
    `${told}of which 0x3001000-0x3001001 is not loaded: zeropage -i gives another`,
  );
});

test("what a kernel is told of lies no higher than it reaches", () => {
  const told = (highest: number, xloadflags = 1) => {
    const page = bootParams({ initrd: "0x3000000,0x3001000" });
    page.writeUInt32LE(highest, 0x22c);
    page.writeUInt16LE(xloadflags, 0x236);
    return page;
  };
  const loading = `${USUAL} -a 0x3000000 -f INITRD`;
  expect(refused(loading, told(0x3000ffe))).toEndWith("this kernel's initrd has to end by 0x3000fff (initrd_addr_max)");
  for (const page of [told(0x3000fff), told(0), told(0x3000ffe, 3)]) expect(run(loading, page).code).toBe(0);
  const high = bootParams({ address: 0x1_0000_0100, initrd: "0x100010000,0x100011000" });
  high.writeUInt16LE(1, 0x236);
  const above = USUAL.replace("0x2000000", "0x100000000");
  expect(refused(`${above} -a 0x100010000 -f INITRD`, high)).toEndWith("this kernel takes no zero page above 4 GiB");
  const initrd = bootParams({ initrd: "0x100010000,0x100011000" });
  initrd.writeUInt32LE(0, 0x22c);
  initrd.writeUInt16LE(1, 0x236);
  expect(refused(`${USUAL} -a 0x100010000 -f INITRD`, initrd)).toEndWith(
    "this kernel's initrd has to end by 0x100000000",
  );
});

test("a bzImage with its setup sectors is refused: its first byte is code for real mode", () => {
  writeFileSync(folder.in("kernel"), bzImage());
  expect(refused(USUAL)).toEndWith(
    "is a whole bzImage, with code for real mode at its start: " + "zeropage --kernel gives what can be entered",
  );
});

test("an entry may be at any byte: instructions have no alignment here", () => {
  writeFileSync(folder.in("odd"), new Uint8Array(3));
  expect(run(`-r 0x1000 -a 0x2000000 -f ${folder.in("odd")} -e -f KERNEL`)).toMatchObject({ code: 0, err: "" });
});

test("a kernel off its alignment moves itself up to it, and has to have its memory there", () => {
  const off = (zeros: string) => USUAL.replaceAll("0x1000000", "0x1010000").replace(SPACE, `-z ${zeros}`);
  expect(refused(off("0x3ff000"))).toEndWith(
    "the kernel moves itself to 0x1200000 (kernel_alignment) and uses 0x1200000-0x1600000 (init_size) " +
      "before it looks around: -z 0x5ef000 keeps it free",
  );
  expect(run(off("0x5ef000"))).toMatchObject({ code: 0, err: "" });
  expect(run(USUAL.replaceAll("0x1000000", "0x1200000")).code).toBe(0);
});

test("memory that the kernel uses early and the segment does not cover is refused, with the -z that covers it", () => {
  const fact =
    "the kernel uses its memory up to 0x1400000 before it looks around (init_size): -z 0x3ff000 keeps it free";
  expect(refused(USUAL.replace(` ${SPACE}`, ""))).toEndWith(fact);
  expect(refused(USUAL.replace(SPACE, "-z 0x3fe000"))).toEndWith(fact);
});

describe("a kernel below its preferred address moves itself up to it, and then uses init_size bytes there", () => {
  const low = (zeros: number, address = "0x200000") =>
    `${STUB_SEGMENT} -a ${address} -c 0xf8 -f KERNEL -z 0x${zeros.toString(16)}`;
  const FILE = 0x1000;
  /** Up to 0x1400000, where it needs no more. */
  const ENOUGH = 0x1400000 - 0x200000 - FILE;
  const MOVES = "the kernel moves itself to 0x1000000 (pref_address) and uses 0x1000000-0x1400000 (init_size)";
  const preferring = (preferred: bigint, more: Made = {}) => bootParams({ preferred, ...more });

  test("with all of that free it is loaded, also at the last place below", () => {
    expect(run(low(ENOUGH))).toMatchObject({ code: 0, err: "" });
    expect(run(low(0x600000 - FILE, "0xe00000"))).toMatchObject({ code: 0, err: "" });
  });

  test("over an initrd, or any other segment, is refused, wherever in that memory it lies", () => {
    const stdin = bootParams({ initrd: "0x1200000,0x1201000" });
    const initrd = (at: string) => `${low(INIT_SIZE - FILE)} -a ${at} -f INITRD`;
    expect(refused(initrd("0x1200000"), stdin)).toBe(
      `1 segment 2 (0x1200000-0x1201000, /initrd): ${MOVES}: over this segment`,
    );
    expect(refused(initrd("0x13ff000"))).toEndWith(`${MOVES}: over this segment`);
    expect(refused(initrd("0x1000000"))).toEndWith(`${MOVES}: over this segment`);
    expect(refused(`${low(INIT_SIZE - FILE)} -a 0x1200000 -z 0x1000`)).toEndWith(`${MOVES}: over this segment`);
    expect(run(`${low(ENOUGH)} -a 0x1400000 -f INITRD`).code).toBe(0);
    const over = low(INIT_SIZE - FILE).replace("0x2000000", "0x1100000");
    expect(refused(over, bootParams({ address: 0x110_0100 }))).toBe(
      `1 segment 0 (0x1100000-0x1102000, v2wrap + standard input): ${MOVES}: over this segment`,
    );
  });

  test("and that memory is not all kept free, is refused with the -z that keeps it", () => {
    const fact = `${MOVES} before it looks around: -z 0x${ENOUGH.toString(16)} keeps it free`;
    expect(refused(low(INIT_SIZE - FILE))).toEndWith(fact);
    expect(refused(low(ENOUGH - 0x1000))).toEndWith(fact);
  });

  test("over what is taken, or out of the memory, is refused without that advice", () => {
    const taken = preferring(0x6fe0_0000n);
    const moves = (to: string, range: string) =>
      `the kernel moves itself to ${to} (pref_address) and uses ${range} (init_size)`;
    expect(refused(low(0x1000), taken)).toEndWith(
      `${moves("0x6fe00000", "0x6fe00000-0x70200000")}, over 0x70000000-0x70100000: reserved`,
    );
    expect(refused(low(0x1000), preferring(0x7fe0_0000n))).toEndWith(
      `${moves("0x7fe00000", "0x7fe00000-0x80200000")}, not all of it memory`,
    );
  });

  test("out of a crash kernel's region, is refused: it would lie in the memory that it is to save", () => {
    const stdin = preferring(0x7400_0000n, { address: 0x7200_0100 });
    const line = "-p -r 0x1000 -a 0x72000000 -e -w -s -a 0x72200000 -c 0xf8 -f KERNEL";
    expect(refused(line, stdin)).toEndWith(
      "the kernel moves itself to 0x74000000 (pref_address) and uses 0x74000000-0x74400000 (init_size), " +
        "not within the crash kernel's memory 0x72000000-0x74000000",
    );
    expect(run(`${line} ${SPACE}`, bootParams({ address: 0x7200_0100 })).code).toBe(0);
  });

  test("above 4 GiB, is refused where the kernel cannot be there", () => {
    expect(refused(low(0x1000), preferring(0xffe0_0000n, { xloadflags: 1 }))).toEndWith(
      "this kernel cannot be loaded above 4 GiB",
    );
  });
});

describe("a kernel that is not relocatable moves itself to its preferred address from wherever it is", () => {
  const stdin = (more: Made = {}) => bootParams({ relocatable: false, ...more });
  const high = `${STUB_SEGMENT} -a 0x4000000 -c 0xf8 -f KERNEL`;
  const MOVES = "the kernel moves itself to 0x1000000 (pref_address) and uses 0x1000000-0x1400000 (init_size)";

  test("there it is loaded, as another one is", () => {
    expect(run(USUAL, stdin())).toMatchObject({ code: 0, err: "" });
  });

  test("over another segment, is refused", () => {
    expect(refused(`${high} -a 0x1200000 -f INITRD`, stdin())).toEndWith(`${MOVES}: over this segment`);
  });

  test("which has to be kept free, by a segment of its own where that is elsewhere", () => {
    const fact = `${MOVES} before it looks around: -a 0x1000000 -z 0x400000 keeps it free`;
    expect(refused(high, stdin())).toEndWith(fact);
    expect(run(`${high} -a 0x1000000 -z 0x400000`, stdin())).toMatchObject({ code: 0, err: "" });
    expect(refused(`${high} -a 0x1000000 -z 0x3ff000`, stdin())).toInclude("keeps it free");
  });

  test("and down over its own bytes, is refused", () => {
    writeFileSync(folder.in("kernel"), Buffer.alloc(0x30_0000, 0xcc));
    const line = `${STUB_SEGMENT} -a 0x1200000 -c 0xf8 -f KERNEL`;
    expect(refused(line, stdin())).toEndWith(`${MOVES}, over its own bytes: -a 0x1000000 puts it there`);
  });
});

test("other segments are not in the way of a kernel that stays where it is", () => {
  expect(run(`${USUAL} -a 0x1400000 -f INITRD -a 0x200000 -f INITRD`)).toMatchObject({ code: 0, err: "" });
  expect(refused(`${USUAL.replace(SPACE, "")} -a 0x1100000 -f INITRD`.replace("  ", " "))).toBe(
    "1 segment 2 (0x1100000-0x1101000, /initrd): the kernel uses 0x1000000-0x1400000 (init_size): over this segment",
  );
});

test("a kernel is loaded above 4 GiB only if it can be", () => {
  const above = USUAL.replaceAll("0x1000000", "0x100000000");
  expect(run(above).code).toBe(0);
  expect(refused(above, bootParams({ xloadflags: 1 }))).toEndWith("this kernel cannot be loaded above 4 GiB");
});

test("what is not RAM by /proc/iomem is refused, what the running kernel lies in is not", () => {
  expect(refused(`${USUAL} -a 0xfed00000 -f INITRD`)).toEndWith(
    "not within the machine's memory " + "0x1000-0x9fc00 0x100000-0x7ffe0000 0x100000000-0x200000000",
  );
  expect(run(`${USUAL} -a 0x2400000 -f INITRD`).code).toBe(0);
});

test("a segment over what the running kernel has reserved is refused", () => {
  expect(refused(`${USUAL} -a 0x700ff000 -f INITRD`)).toEndWith(
    "lies over 0x70000000-0x70100000, which is taken: reserved",
  );
  expect(run(`${USUAL} -a 0x70100000 -f INITRD`).code).toBe(0);
});

test("a crash kernel has to be in the region that /proc/iomem tells of", () => {
  expect(refused(`-p ${USUAL}`)).toEndWith("not within the crash kernel's memory 0x72000000-0x74000000");
});

test("where /proc/iomem says nothing, all that is left to the kernel", () => {
  const hidden = { files: { ...WITHOUT_TREE, "/proc/iomem": "00000000-00000000 : System RAM\n" } };
  expect(run(`${USUAL} -a 0xfed00000 -f INITRD`, bootParams(), hidden).code).toBe(0);
});

test("on ppc64 it is the device tree that tells of RAM, whatever /proc/iomem says", () => {
  const files = { "/proc/iomem": "00000000-0fffffff : System RAM\n  00000000-0fffffff : reserved\n" };
  const { code, err } = loadem(
    folder.path,
    { machine: "ppc64", files },
    "-a",
    "0x10000000",
    "-e",
    "-f",
    folder.in("kernel"),
  );
  expect({ code, err }).toEqual({ code: 0, err: "" });
});

test("the zero page is looked at only behind our stub", () => {
  writeFileSync(folder.in("other"), Buffer.alloc(0x1000, 0x90));
  expect(run(`-a 0x2000000 -e -f ${folder.in("other")} -a 0x1000000 -f KERNEL`).code).toBe(0);
});

test("a kernel whose header asks for no alignment may lie anywhere", () => {
  expect(run(USUAL, bootParams({ alignment: 0 }))).toMatchObject({ code: 0, err: "" });
});
