// The stub between a fake first kernel and the test kernel, in qemu, without Linux: what it hands over, in
// every order of arrival that can be arranged.

import { beforeAll, describe, expect, test } from "bun:test";
import { encodeWaitWord, WAIT_WORD } from "../../src/arch/ppc64/stub.ts";
import { temporaryFolder } from "../support/folder.ts";
import { DATA, FakeMachine, type Handed, KERNEL, STUB } from "./fakemachine.ts";

const TICKS_PER_SECOND = 512_000_000;
const BOOT_CPUID_PHYS = 28;
const TIME_LIMIT_MS = 40_000;

const folder = temporaryFolder({ lasts: "file", on: "disk" });
let machine: FakeMachine;
beforeAll(async () => {
  machine = await FakeMachine.prepare(folder.path);
}, TIME_LIMIT_MS);

/** The bits of cpus 1 to smp - 1. */
function secondariesOf(smp: number): bigint {
  return (1n << BigInt(smp)) - 2n;
}

/** From the old kernel's jump to the test kernel's first instruction, on the guest's timebase. */
function ticksTaken(handed: Handed): number {
  return Number(handed.number("timebase") - handed.number("r14"));
}

function replaceWord(view: DataView, word: number, by: number): void {
  for (let at = 0; at < view.byteLength; at += 4) {
    if (view.getUint32(at) !== word) continue;
    view.setUint32(at, by);
    return;
  }
  throw new Error(`no word 0x${word.toString(16)} in the stub`);
}

const SC_1 = 0x4400_0022;
const LI_R3_0 = 0x3860_0000;
const BLA_BUSY_HYPERVISOR = 0x4800_4003;

for (const cpu of ["POWER8", "POWER9", "POWER10"]) {
  for (const entry of ["big", "little"] as const) {
    describe(`${cpu}, entered in ${entry} endian`, () => {
      for (const smp of [1, 2, 4, 8]) {
        test(
          `${smp} cpus: the kernel gets tree, address, 0 and every secondary, in big endian`,
          async () => {
            const handed = await machine.handOver({ cpu, smp, entry, masterId: 0x2a });
            expect(handed.number("r3")).toBe(STUB + 0x100n);
            expect(handed.number("r4")).toBe(KERNEL);
            expect(handed.number("r5")).toBe(0n);
            expect(handed.number("base")).toBe(KERNEL);
            expect(handed.number("msr") & 1n).toBe(0n);
            expect(handed.number("magic")).toBe(0xd00d_feedn);
            expect(handed.number("word28")).toBe(0x2an);
            expect(handed.number("cpus")).toBe(BigInt(smp));
            expect(handed.number("secondaries-be")).toBe(secondariesOf(smp));
            expect(handed.number("secondaries-le")).toBe(0n);
            expect(handed.number("interrupts-le")).toBe(0n);
          },
          TIME_LIMIT_MS,
        );
      }
    });
  }
}

describe("the master's cpu id", () => {
  for (const treeVersion of [2, 3, 16, 17]) {
    test(
      `goes into boot_cpuid_phys of a version ${treeVersion} tree`,
      async () => {
        const handed = await machine.handOver({ treeVersion, masterId: 0x2a });
        expect(handed.number("version")).toBe(BigInt(treeVersion));
        expect(handed.number("word28")).toBe(0x2an);
      },
      TIME_LIMIT_MS,
    );
  }

  test(
    "is not written to a version 1 tree, which has other data there",
    async () => {
      const withTree = (tree: DataView) => tree.setUint32(BOOT_CPUID_PHYS, 0x1234_5678);
      const handed = await machine.handOver({ treeVersion: 1, masterId: 0x2a, withTree });
      expect(handed.number("version")).toBe(1n);
      expect(handed.number("word28")).toBe(0x1234_5678n);
    },
    TIME_LIMIT_MS,
  );
});

test(
  "the wait ends with the last arrival, long before the quiet time is over",
  async () => {
    expect(ticksTaken(await machine.handOver({ smp: 4 }))).toBeLessThan(encodeWaitWord(3));
  },
  TIME_LIMIT_MS,
);

describe("a cpu that comes late", () => {
  const delays = [0, 0, 2 * TICKS_PER_SECOND, 0];

  test(
    "is waited for when the count is known",
    async () => {
      const handed = await machine.handOver({ smp: 4, delays });
      expect(handed.number("secondaries-be")).toBe(secondariesOf(4));
      expect(ticksTaken(handed)).toBeGreaterThan(1.5 * TICKS_PER_SECOND);
    },
    TIME_LIMIT_MS,
  );

  test(
    "is lost when the count is unknown, and the others are not",
    async () => {
      const handed = await machine.handOver({ smp: 4, delays, secondaries: "unknown" });
      expect(handed.number("secondaries-be")).toBe(secondariesOf(4) & ~(1n << 2n));
    },
    TIME_LIMIT_MS,
  );

  for (const secondaries of [2, "unknown"] as const) {
    test(
      `begins the quiet time anew for the next, with ${secondaries} expected`,
      async () => {
        const delays = [0, 0x2800_0000, 0x5000_0000];
        const handed = await machine.handOver({ smp: 3, secondaries, ticks: 0x4000_0000, delays });
        expect(handed.number("secondaries-be")).toBe(secondariesOf(3));
      },
      TIME_LIMIT_MS,
    );
  }
});

describe("a cpu that never comes", () => {
  for (const entry of ["big", "little"] as const) {
    test(
      `costs the quiet time and does not stop the boot, entered in ${entry} endian`,
      async () => {
        const ticks = 0x2000_0000;
        const handed = await machine.handOver({ smp: 4, entry, ticks, delays: [0, 0, 0, -1] });
        expect(handed.number("secondaries-be")).toBe(secondariesOf(3));
        expect(ticksTaken(handed)).toBeGreaterThanOrEqual(ticks);
      },
      TIME_LIMIT_MS,
    );
  }
});

describe("more cpus than expected", () => {
  test(
    "do not hold up the boot: the wait ends when the expected number has come",
    async () => {
      const comeBeforeAnybodyLooked = (stub: DataView) => stub.setUint16(WAIT_WORD + 2, 0xfffe);
      const handed = await machine.handOver({ smp: 4, withStub: comeBeforeAnybodyLooked });
      expect(ticksTaken(handed)).toBeLessThan(encodeWaitWord(3));
    },
    TIME_LIMIT_MS,
  );
});

describe("interrupt endianness after a little endian kernel", () => {
  test(
    "is reset by the hypervisor call: without it, interrupts stay little endian",
    async () => {
      const withStub = (stub: DataView) => replaceWord(stub, SC_1, LI_R3_0);
      const handed = await machine.handOver({ entry: "little", withStub });
      expect(handed.number("interrupts-le")).toBe(1n);
    },
    TIME_LIMIT_MS,
  );

  test(
    "is asked for again while the hypervisor is busy, whatever it left in the registers",
    async () => {
      const withStub = (stub: DataView) => replaceWord(stub, SC_1, BLA_BUSY_HYPERVISOR);
      const handed = await machine.handOver({ entry: "little", smp: 4, withStub });
      expect(handed.number("interrupts-le")).toBe(0n);
      expect(handed.number("r3")).toBe(STUB + 0x100n);
      expect(handed.number("r5")).toBe(0n);
      expect(handed.number("secondaries-be")).toBe(secondariesOf(4));
    },
    TIME_LIMIT_MS,
  );
});

describe("the test kernel", () => {
  test(
    "notices when no stub was there to turn everything to big endian",
    async () => {
      const tree = Number(STUB) + 0x100;
      const handed = await machine.handOver({ entry: "little", target: KERNEL, masterId: tree });
      expect(handed.number("r3")).toBe(BigInt(tree));
      expect(handed.number("msr") & 1n).toBe(1n);
      expect(handed.number("interrupts-le")).toBe(1n);
    },
    TIME_LIMIT_MS,
  );

  for (const treeVersion of [2, 3, 16, 17]) {
    test(
      `reads command line and initrd from a version ${treeVersion} tree`,
      async () => {
        const initrd = "linux,initrd-start = <0 0x7000000>; linux,initrd-end = <0x7000123>;";
        const chosen = `bootargs = "nonce-4711 quiet"; ${initrd}`;
        const handed = await machine.handOver({ treeVersion, chosen });
        expect(handed.text("bootargs")).toBe("nonce-4711 quiet");
        expect(handed.number("initrd-start")).toBe(0x700_0000n);
        expect(handed.number("initrd-end")).toBe(0x700_0123n);
      },
      TIME_LIMIT_MS,
    );
  }

  test(
    "finds a range of zeros to be zeros, and the first byte that is not",
    async () => {
      const data = new Uint8Array(0x1000);
      data[0x123] = 1;
      const zeros = await machine.handOver({ data, chosen: `bootargs = "zero=0x7000000,0x123";` });
      expect(zeros.text("zero")).toBe("ok");
      const mixed = await machine.handOver({ data, chosen: `bootargs = "zero=0x7000000,0x124";` });
      expect(mixed.number("zero")).toBe(DATA + 0x123n);
    },
    TIME_LIMIT_MS,
  );
});
