// Where kexec puts a kernel, its tree and its initrd, and what it says where there is no room.

import { describe, expect, test } from "bun:test";
import { Failure } from "../../src/failure.ts";
import type { MachineFacts } from "../../src/kexec/facts.ts";
import { rangeOfSize, roundUp } from "../../src/range.ts";
import { choosePlaces, listPlaces, type NextNeeds } from "../../src/recipes/next-places.ts";
import type { Machine } from "../../src/sys/engine.ts";

const MIB = 0x10_0000n;
const GIB = 0x4000_0000n;

function facts(given: Partial<MachineFacts>): MachineFacts {
  return { pageSize: 0x1000n, elfMachine: 0, memory: [], taken: [], totalRam: undefined, ...given };
}

/** A kernel of ppc64, of which `memsz` is known where it is given. */
function flat(length: number, { memsz = BigInt(length), word = "run0" } = {}): NextNeeds["kernel"] {
  const head = new Uint8Array(0x100);
  head.set(Buffer.from(word), 0x5c);
  return { length, memsz, head, setup: undefined };
}

interface Image {
  readonly length: number;
  readonly imageSize: bigint;
  readonly textOffset?: bigint;
  /** 8: the kernel uses memory below its own. */
  readonly flags?: bigint;
}

function arm64Image({ length, imageSize, textOffset = 0n, flags = 8n }: Image): NextNeeds["kernel"] {
  const head = new Uint8Array(0x1000);
  const view = new DataView(head.buffer);
  view.setBigUint64(8, textOffset, true);
  view.setBigUint64(16, imageSize, true);
  view.setBigUint64(24, flags, true);
  view.setUint32(56, 0x644d5241, true);
  return { length, memsz: BigInt(length), head, setup: undefined };
}

function riscvImage(length: number, imageSize: bigint): NextNeeds["kernel"] {
  const head = new Uint8Array(0x1000);
  const view = new DataView(head.buffer);
  view.setBigUint64(16, imageSize, true);
  view.setUint32(56, 0x05435352, true);
  return { length, memsz: BigInt(length), head, setup: undefined };
}

type Setup = NonNullable<NextNeeds["kernel"]["setup"]>;

function bzImage(given: Partial<Setup> = {}, length = 0x80_0000): NextNeeds["kernel"] {
  const setup: Setup = {
    alignment: 0x20_0000,
    preferredAddress: 0x100_0000n,
    fixed: false,
    initSize: 0x300_0000,
    above4G: true,
    highestInitrd: 0x7fff_ffff,
    commandLineSize: 2047,
    ...given,
  };
  return { length, memsz: BigInt(length), head: new Uint8Array(0), setup };
}

const small = { argumentSize: 0x5000n, initrdSize: 0x500_0001n, crash: false };

function refusal(machine: Machine, machineFacts: MachineFacts, needs: NextNeeds): string {
  try {
    choosePlaces(machine, machineFacts, needs);
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
  return "";
}

describe("on ppc64", () => {
  const machine = facts({
    memory: [rangeOfSize(0n, 1024n * MIB)],
    taken: [{ ...rangeOfSize(0x1fff_0000n, 0x1_0000n), name: "RTAS" }],
    rma: rangeOfSize(0n, 512n * MIB),
    kernelEnd: 0x288_0000n,
    totalRam: 1024n * MIB,
  });
  const kernel = flat(0x271_4ea4, { memsz: 0x287_c918n });

  test("all goes above the running kernel and the next one's copy, the kernel and its tree into the RMA", () => {
    expect(choosePlaces("ppc64le", machine, { ...small, kernel })).toEqual({
      argument: 0x288_0000n,
      kernel: 0x289_0000n,
      kernelSize: 0x288_0000n,
      initrd: 0x511_0000n,
      round: 0x1_0000n,
    });
  });

  test("a small running kernel leaves room for the kernel itself where it will copy itself, and for nothing else", () => {
    const places = choosePlaces("ppc64", { ...machine, kernelEnd: 0x55_0000n }, { ...small, kernel });
    expect(places.kernel).toBe(0x289_0000n);
    expect(places.argument).toBe(0x288_0000n);
    const staying = flat(0x271_4ea4, { memsz: 0x287_c918n, word: "\0\0\0\u0001" });
    const low = choosePlaces("ppc64", { ...machine, kernelEnd: 0x55_0000n }, { ...small, kernel: staying });
    expect(low.argument).toBe(0x55_0000n);
  });

  test("16 MiB behind the copy of a kernel whose bss is not known stay free, if there is room", () => {
    const unknown = flat(0x271_4ea4);
    expect(choosePlaces("ppc64", machine, { ...small, kernel: unknown }).argument).toBe(0x372_0000n);
    const tight = { ...machine, memory: [rangeOfSize(0n, 0x300_0000n), rangeOfSize(0x400_0000n, 0x272_0000n)] };
    const needs = { ...small, kernel: unknown, initrdSize: 0x50_0000n };
    expect(choosePlaces("ppc64", tight, needs).argument).toBe(0x288_0000n);
  });

  test("the kernel and its tree stay below 1 GiB, where a partition's kernel of POWER8 ends its RMA, if there is room", () => {
    const large = {
      ...machine,
      rma: rangeOfSize(0n, 4n * GIB),
      memory: [rangeOfSize(0n, 4n * GIB)],
      totalRam: undefined,
    };
    const high = {
      ...large,
      memory: [rangeOfSize(0n, 16n * MIB), { start: GIB - 16n * MIB, end: 4n * GIB }],
      kernelEnd: 0n,
    };
    const needs = { ...small, kernel: flat(0x80_0000, { word: "" }) };
    expect(choosePlaces("ppc64", high, { ...needs, argumentSize: 9n * MIB }).kernel).toBe(GIB - 16n * MIB);
    expect(choosePlaces("ppc64", { ...high, kernelEnd: GIB }, needs)).toMatchObject({ argument: GIB });
  });

  test("memory that the running kernel keeps its initrd in, or a crash kernel's, will do where there is no other", () => {
    const memory = [rangeOfSize(0n, 0x800_0000n)];
    for (const given of [{ keptInitrd: memory[0] }, { crashkernel: memory[0] }]) {
      const initrdSize = 0x10_0000n;
      const places = choosePlaces("ppc64", { ...machine, memory, ...given }, { ...small, kernel, initrdSize });
      expect(places.argument).toBe(0x288_0000n);
    }
    const half = [{ start: 0x300_0000n, end: 0x700_0000n }];
    for (const given of [{ keptInitrd: half[0] }, { crashkernel: half[0] }]) {
      const places = choosePlaces("ppc64", { ...machine, ...given }, { ...small, kernel });
      expect(places).toMatchObject({ argument: 0x288_0000n, kernel: 0x700_0000n });
    }
  });

  test("the initrd lies below what mem= takes from the next kernel, where nothing raises that", () => {
    const high = { ...machine, kernelEnd: 200n * MIB };
    const place = (commandLine: string) => choosePlaces("ppc64", high, { ...small, kernel, commandLine });
    const free = 200n * MIB + 0x1_0000n + roundUp(0x287_c918n, 0x1_0000n);
    expect(place("quiet").initrd).toBe(free);
    expect(place("mem=512M").initrd).toBe(free);
    // Then it lies before the kernel.
    expect(place("mem=281M").initrd).toBe(200n * MIB + 0x1_0000n);
    for (const line of ["mem=256M crashkernel=64M", "mem=256M fadump=on", "mem=2G", "mem=0"]) {
      expect(place(line).initrd).toBe(free);
    }
    const crashkernel = { start: 512n * MIB + 0x100_0000n, end: 768n * MIB };
    const crash = { ...small, kernel, crash: true, commandLine: "mem=256M" };
    expect(choosePlaces("ppc64", { ...high, rma: undefined, crashkernel }, crash).initrd).toBeGreaterThan(512n * MIB);
    expect(refusal("ppc64", high, { ...small, kernel, commandLine: "mem=256M" })).toBe(
      "initrd: no room for its 0x5010000 bytes: by mem= the next kernel maps nothing from 0x10000000 on, and the running kernel ends at 0xc800000; free for it is 0xc800000-0x10000000",
    );
  });

  test("the initrd may lie above the RMA", () => {
    const large = { ...machine, totalRam: undefined };
    expect(choosePlaces("ppc64", large, { ...small, kernel, initrdSize: 480n * MIB }).initrd).toBe(512n * MIB);
  });

  const taken = "0x1fff0000-0x20000000 is taken: RTAS";
  const free = "free for it is 0x2880000-0x1fff0000 0x20000000-0x40000000";
  const many = Array.from({ length: 60 }, (_, index) => ({
    ...rangeOfSize(16n * BigInt(index) * MIB, MIB),
    name: "x",
  }));
  test.each<[string, Partial<MachineFacts>, Partial<NextNeeds>, string]>([
    [
      "the RMA and the running kernel",
      { rma: rangeOfSize(0n, 64n * MIB) },
      {},
      "kernel: no room for its 0x2880000 bytes: without MMU there is only 0x0-0x4000000, and the running kernel ends at 0x2880000; free for it is 0x2880000-0x4000000",
    ],
    ["RTAS", {}, { initrdSize: 900n * MIB }, `initrd: no room for its 0x38400000 bytes: ${taken}; ${free}`],
    [
      "no single one of many reservations",
      { taken: many },
      {},
      `kernel: no room for its 0x2880000 bytes: without MMU there is only 0x0-0x20000000, and 0x0-0x100000 is taken: x, and more is; free for it is 0x2880000-0x3000000 0x3100000-0x4000000 0x4100000-0x5000000 0x5100000-0x6000000 0x6100000-0x7000000 0x7100000-0x8000000 0x8100000-0x9000000 0x9100000-0xa000000 and 22 ranges more`,
    ],
    [
      "more than there is",
      {},
      { initrdSize: 1200n * MIB },
      `initrd: no room for its 0x4b000000 bytes: no range of memory is large enough; ${free}`,
    ],
    [
      "--mem-max",
      {},
      { memMax: 0x500_0000n },
      "kernel: no room for its 0x2880000 bytes: --mem-max is 0x5000000, and the running kernel ends at 0x2880000; free for it is 0x2880000-0x5000000",
    ],
    [
      "--mem-min",
      {},
      { memMin: 0x1e00_0000n },
      `kernel: no room for its 0x2880000 bytes: --mem-min is 0x1e000000, and without MMU there is only 0x0-0x20000000; free for it is 0x1e000000-0x1fff0000`,
    ],
    [
      "the kernel's own copy",
      {
        kernelEnd: 0n,
        rma: undefined,
        memory: [rangeOfSize(0x54_0000n, 0x1_0000n), rangeOfSize(0x60_0000n, 0x288_0000n)],
      },
      { initrdSize: undefined },
      "kernel: no room for its 0x2880000 bytes beside the others: the kernel copies itself to 0x0-0x2880000; free for it is 0x540000-0x550000 0x600000-0x2e80000",
    ],
    [
      "the initrd that is kept, where none takes its place",
      { keptInitrd: { start: 0x300_0000n, end: 0x3fff_0000n }, rma: undefined },
      { initrdSize: undefined },
      "kernel: no room for its 0x2880000 bytes: the running kernel ends at 0x2880000, and 0x3000000-0x3fff0000 is the initrd that the running kernel has kept; free for it is 0x2880000-0x3000000 0x3fff0000-0x40000000",
    ],
    [
      "the crash kernel's region",
      { crashkernel: rangeOfSize(0x800_0000n, 48n * MIB) },
      { crash: true },
      "initrd: no room for its 0x5010000 bytes: the crash kernel's memory is 0x8000000-0xb000000; free for it is 0x8000000-0xb000000",
    ],
    [
      "no region",
      {},
      { crash: true },
      "-p: no memory is reserved for a crash kernel: boot with crashkernel=SIZE@START",
    ],
    [
      "unknown memory",
      { memory: [], unchecked: ["memory is not checked: /proc/device-tree cannot be read"] },
      {},
      "memory: no places can be chosen: memory is not checked: /proc/device-tree cannot be read",
    ],
    [
      "half of the RAM, for one",
      { totalRam: 128n * MIB },
      {},
      "initrd: 0x5010000 bytes are more than half of the RAM, 0x4000000: the kernel loads no more",
    ],
    [
      "half of the RAM, for all",
      { totalRam: 240n * MIB },
      {},
      "all segments: 0x78a0000 bytes are more than half of the RAM, 0x7800000: the kernel loads no more",
    ],
  ])("what takes the room is told: %s", (_, given, needs, message) => {
    const here = { ...machine, totalRam: undefined, taken: machine.taken, ...given };
    expect(refusal("ppc64", here, { ...small, kernel, ...needs })).toBe(message);
  });

  test("a crash kernel and what it gets go into its region", () => {
    const crashkernel = rangeOfSize(0x800_0000n, 256n * MIB);
    const places = choosePlaces("ppc64", { ...machine, crashkernel }, { ...small, kernel, crash: true });
    expect(places).toMatchObject({ argument: 0x800_0000n, kernel: 0x801_0000n, initrd: 0xa89_0000n });
    // It stays there, so that nothing is in its way.
    const low = { ...machine, kernelEnd: 0n, crashkernel: rangeOfSize(0x100_0000n, 256n * MIB) };
    expect(choosePlaces("ppc64", low, { ...small, kernel, crash: true }).argument).toBe(0x100_0000n);
  });
});

describe("on arm64", () => {
  const machine = facts({ memory: [rangeOfSize(GIB, GIB)], totalRam: GIB });

  test("the Image has its multiple of 2 MiB and image_size", () => {
    const kernel = arm64Image({ length: 0x190_0000, imageSize: 0x1a0_0000n, textOffset: 0x8_0000n });
    expect(choosePlaces("aarch64", machine, { ...small, kernel })).toEqual({
      kernel: 0x4008_0000n,
      kernelSize: 0x1a0_0000n,
      argument: 0x4000_0000n,
      initrd: 0x41a8_0000n,
      round: 0x1000n,
    });
  });

  test("a kernel without image_size has 16 MiB, and its own length", () => {
    const kernel = arm64Image({ length: 0x190_0000, imageSize: 0n });
    expect(choosePlaces("aarch64", machine, { ...small, kernel })).toMatchObject({
      kernel: 0x4008_0000n,
      kernelSize: 0x190_0000n,
    });
  });

  test("a kernel that has no use for what is below it goes below the others", () => {
    const kernel = arm64Image({ length: 0x190_0000, imageSize: 0x1a0_0000n, textOffset: 0x8_0000n, flags: 0n });
    expect(choosePlaces("aarch64", machine, { ...small, kernel })).toMatchObject({
      kernel: 0x4008_0000n,
      argument: 0x41a8_0000n,
    });
  });

  test("kernel and initrd share 32 GiB", () => {
    const memory = [rangeOfSize(GIB, 32n * MIB), rangeOfSize(64n * GIB, 64n * MIB)];
    const kernel = arm64Image({ length: 0x100_0000, imageSize: 0x180_0000n });
    expect(choosePlaces("aarch64", facts({ memory }), { ...small, initrdSize: 33n * MIB, kernel })).toMatchObject({
      kernel: 64n * GIB,
    });
  });

  test("those begin anywhere, with the kernel or end with the initrd", () => {
    const huge = arm64Image({ length: 64, imageSize: 5n * GIB });
    const apart = [rangeOfSize(0n, GIB), rangeOfSize(100n * GIB, 10n * GIB)];
    expect(choosePlaces("aarch64", facts({ memory: apart }), { ...small, initrdSize: 5n * GIB, kernel: huge })).toEqual(
      {
        argument: 0n,
        kernel: 100n * GIB,
        kernelSize: 5n * GIB,
        initrd: 105n * GIB,
        round: 0x1000n,
      },
    );
    const kernel = arm64Image({ length: 64, imageSize: 0x800_0000n });
    const far = [rangeOfSize(0n, 3n * GIB + GIB / 2n), rangeOfSize(31n * GIB, 4n * GIB)];
    expect(choosePlaces("aarch64", facts({ memory: far }), { ...small, initrdSize: 4n * GIB, kernel })).toMatchObject({
      argument: 0n,
      kernel: 3n * GIB,
      initrd: 31n * GIB,
    });
  });

  test("what takes the room is told", () => {
    const kernel = arm64Image({ length: 0x200_0000, imageSize: 0x280_0000n });
    const far = facts({ memory: [rangeOfSize(GIB, 64n * MIB), rangeOfSize(64n * GIB, 64n * MIB)] });
    expect(refusal("aarch64", far, { ...small, initrdSize: 33n * MIB, kernel })).toBe(
      "initrd: no room for its 0x2100000 bytes beside the others: Linux wants it and the kernel in 32 GiB from a multiple of 1 GiB on; free for it is 0x40000000-0x44000000 0x1000000000-0x1004000000",
    );
    const odd = arm64Image({ length: 0x200_0000, imageSize: 0x280_0000n, textOffset: 0x8_1000n });
    expect(refusal("aarch64", { ...far, pageSize: 0x1_0000n }, { ...small, kernel: odd })).toBe(
      "kernel: its text_offset 0x81000 is not a multiple of the running kernel's pages of 0x10000 bytes",
    );
  });
});

describe("on riscv64", () => {
  const kernel = riscvImage(0x190_0000, 0x190_4000n);
  const memory = [rangeOfSize(0x8008_0000n, GIB)];

  test("the Image has the lowest multiple of 2 MiB and image_size in whole pages of 2 MiB, and the others lie above it", () => {
    expect(choosePlaces("riscv64", facts({ memory }), { ...small, kernel })).toEqual({
      kernel: 0x8020_0000n,
      kernelSize: 0x1a0_0000n,
      argument: 0x81c0_0000n,
      initrd: 0x81c0_5000n,
      round: 0x1000n,
    });
  });

  test("the others lie below it where there is no room above", () => {
    const apart = [rangeOfSize(0x8010_0000n, 0x5000n), rangeOfSize(0x8020_0000n, 0x1a0_0000n)];
    const needs = { ...small, initrdSize: undefined, kernel };
    expect(choosePlaces("riscv64", facts({ memory: apart }), needs)).toMatchObject({
      kernel: 0x8020_0000n,
      argument: 0x8010_0000n,
    });
  });
});

describe("on x86-64", () => {
  const machine = facts({ memory: [rangeOfSize(0x1000n, 0x9_e000n), { start: MIB, end: 1024n * MIB }] });

  test("the kernel goes to its preferred address with all of init_size, nothing into the first MiB", () => {
    expect(choosePlaces("x86_64", machine, { ...small, kernel: bzImage() })).toEqual({
      kernel: 0x100_0000n,
      kernelSize: 0x300_0000n,
      argument: 0x10_0000n,
      initrd: 0x400_0000n,
      round: 0x1000n,
    });
  });

  test("where there is no other room, the first MiB will do from 0x3000 on", () => {
    const tight = facts({ memory: [rangeOfSize(0x1000n, 0x9_e000n), rangeOfSize(0x100_0000n, 0x300_0000n)] });
    expect(choosePlaces("x86_64", tight, { ...small, initrdSize: undefined, kernel: bzImage() })).toEqual({
      kernel: 0x100_0000n,
      kernelSize: 0x300_0000n,
      argument: 0x3000n,
      initrd: undefined,
      round: 0x1000n,
    });
  });

  test("a kernel that takes nothing above 4 GiB gets nothing there, nor an initrd above initrd_addr_max", () => {
    const high = facts({ memory: [{ start: MIB, end: 64n * MIB }, rangeOfSize(4n * GIB, GIB)] });
    expect(choosePlaces("x86_64", high, { ...small, kernel: bzImage() }).initrd).toBe(4n * GIB);
    expect(refusal("x86_64", high, { ...small, kernel: bzImage({ above4G: false }) })).toBe(
      "initrd: no room for its 0x5001000 bytes: this kernel takes nothing above 4 GiB (XLF_CAN_BE_LOADED_ABOVE_4G is not set), and it has to end by 0x80000000 (initrd_addr_max); free for it is 0x100000-0x4000000",
    );
  });

  test("a kernel that is not relocatable has one place", () => {
    const kernel = bzImage({ fixed: true, initSize: 0x80_0001 });
    expect(choosePlaces("x86_64", machine, { ...small, kernel }).kernel).toBe(0x100_0000n);
    const taken = [{ ...rangeOfSize(0x180_0000n, 0x1000n), name: "ACPI Tables" }];
    expect(refusal("x86_64", { ...machine, taken }, { ...small, kernel })).toBe(
      "kernel: no room for its 0x801000 bytes: it runs at 0x1000000 alone (pref_address), and 0x1800000-0x1801000 is taken: ACPI Tables; free for it is 0x1000000-0x1800000",
    );
  });
});

test("one piece may go to each range of free memory: above the running kernel, into a crash kernel's region", () => {
  const machine = facts({
    memory: [rangeOfSize(0n, 0x10_0000n)],
    taken: [{ start: 0x3_0000n, end: 0x4_0000n, name: "OPAL" }],
    kernelEnd: 0x1_0000n,
    crashkernel: { start: 0x2_0000n, end: 0x5_0000n },
  });
  const others = [{ start: 0x6_0000n, end: 0x7_0000n }];
  const piece = { name: "initrd", size: 0x1_0000n, kernel: undefined, crash: false, others } as const;
  const low = { address: 0x1_0000n, end: 0x2_0000n };
  const high = { address: 0x7_0000n, end: 0x10_0000n };
  expect(listPlaces("ppc64", machine, piece)).toEqual([
    low,
    { address: 0x5_0000n, end: 0x6_0000n },
    high,
    // Over a crash kernel only where there is nothing else.
    { ...low, end: 0x3_0000n },
    { address: 0x4_0000n, end: 0x6_0000n },
    high,
  ]);
  const region = [
    { address: 0x2_0000n, end: 0x3_0000n },
    { address: 0x4_0000n, end: 0x5_0000n },
  ];
  expect(listPlaces("ppc64", machine, { ...piece, crash: true })).toEqual([...region, ...region]);
  expect(listPlaces("ppc64", facts({}), piece)).toEqual([]);
});
