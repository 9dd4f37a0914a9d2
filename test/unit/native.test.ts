// Longs and signal sets as a machine's kernel has them, also that of a machine whose longs have 4 bytes.

import { describe, expect, test } from "bun:test";
import { load } from "../../src/kexec/load.ts";
import { unload } from "../../src/kexec/unload.ts";
import { abis } from "../../src/sys/abi.ts";
import { encodeLongs, encodeSignals, hasSignal } from "../../src/sys/native.ts";
import { SIGINT, SIGPIPE, SIGTERM, System } from "../../src/sys/system.ts";
import { FakeEngine, type FakeWorld } from "../support/fake-engine.ts";

const { ppc } = abis;

/** An address that 32 bits hold, of whatever bytes. */
const ADDRESS = 0x1001_0000n;

class NarrowEngine extends FakeEngine {
  override readonly address = () => ADDRESS;
}

function narrowSystem(
  on: FakeWorld["on"],
  kernel: "ppc" | "ppc64" = "ppc",
): { readonly system: System; readonly engine: FakeEngine } {
  const engine = new NarrowEngine({ machine: "ppc", kernel, ...(on && { on }) });
  return { system: new System(engine), engine };
}

function hexOf(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString("hex");
}

test.each([
  ["x86_64", "efcdab8967452301" + "0100000000000000"],
  ["aarch64", "efcdab8967452301" + "0100000000000000"],
  ["ppc64le", "efcdab8967452301" + "0100000000000000"],
  ["ppc64", "0123456789abcdef" + "0000000000000001"],
] as const)("longs of %s have 8 bytes in its order", (machine, expected) => {
  expect(hexOf(encodeLongs(abis[machine], [0x0123456789abcdefn, 1n]))).toBe(expected);
});

test.each([
  ["big", "01234567" + "00000001"],
  ["little", "67452301" + "01000000"],
] as const)("narrow longs have 4 bytes, %s endian", (endian, expected) => {
  expect(hexOf(encodeLongs({ word: 4, endian }, [0x01234567n, 1n]))).toBe(expected);
});

test("what does not fit into a long is refused, never cut off", () => {
  expect(hexOf(encodeLongs(ppc, [0xffff_ffffn]))).toBe("ffffffff");
  expect(() => encodeLongs(ppc, [0x1_0000_0000n])).toThrow(RangeError);
  expect(() => encodeLongs(ppc, [-1n])).toThrow(RangeError);
  expect(() => encodeLongs(abis.ppc64, [1n << 64n])).toThrow(RangeError);
});

describe("a signal set", () => {
  const signals = [SIGINT, SIGTERM, 33, 64];

  test.each([
    ["of 64 bits, little endian", abis.x86_64, "0240000001000080"],
    ["of 64 bits, big endian", abis.ppc64, "8000000100004002"],
    ["of two longs, big endian, the lower signals first", ppc, "0000400280000001"],
    ["of two longs, little endian", { word: 4, endian: "little" }, "0240000001000080"],
  ] as const)("%s", (_, layout, expected) => {
    const set = encodeSignals(layout, signals);
    expect(hexOf(set)).toBe(expected);
    const held = Array.from({ length: 64 }, (_, index) => index + 1).filter((signal) => hasSignal(layout, set, signal));
    expect(held).toEqual(signals);
  });
});

describe("where longs have 4 bytes", () => {
  test("kexec_load gets segments of four of them", () => {
    const { system, engine } = narrowSystem({ kexec_load: () => 0 });
    const segments = [
      { start: 0x400_0000n, end: 0x401_0000n, bytes: new Uint8Array(0x8123), from: "F" },
      { start: 0xffff_0000n, end: 0x1_0000_0000n, bytes: new Uint8Array(0), from: "zeros" },
    ];
    const image = { segments, words: [], handed: undefined, entry: 0x400_0000n, arch: 20n, crash: false };
    expect(load(system, image, { explain: () => undefined })).toBe(0);
    const [call] = engine.asked("kexec_load");
    expect(call?.args.slice(0, 2)).toEqual([0x400_0000n, 2]);
    expect(hexOf(call?.args[2])).toBe(
      "10010000" + "00008123" + "04000000" + "00010000" + "00000000" + "00000000" + "ffff0000" + "00010000",
    );
    expect(call?.args[3]).toBe(20n << 16n);
  });

  test("a signal is ignored by a structure of three and a set", () => {
    const { system, engine } = narrowSystem({});
    system.ignore([SIGPIPE]);
    const [call] = engine.asked("rt_sigaction");
    expect([call?.args[0], hexOf(call?.args[1]), call?.args[3]]).toEqual([13, `00000001${"0".repeat(32)}`, 8]);
  });

  test("signals are held, seen and released by sets of two", () => {
    const { system, engine } = narrowSystem({
      rt_sigpending: ([set]) => {
        (set as Uint8Array).set([0, 0, 0x40, 0]);
        return 0;
      },
    });
    system.hold([SIGINT, SIGTERM]);
    expect(system.pending([SIGINT, SIGTERM])).toBe(SIGTERM);
    expect(system.pending([SIGINT])).toBeUndefined();
    system.release([SIGINT]);
    const [held, released] = engine.asked("rt_sigprocmask").map(({ args }) => [args[0], hexOf(args[1]), args[3]]);
    expect(held).toEqual([0, "0000400200000000", 8]);
    expect(released).toEqual([1, "0000000200000000", 8]);
  });

  test("an offset of 64 bits takes an odd register and the next one, the higher half first", () => {
    const { system, engine } = narrowSystem({ pread64: () => 0, ftruncate: () => 0 });
    const bytes = new Uint8Array(1);
    system.readAt(5, bytes, 0x12_3456_789an);
    system.resize(5, 0x1_0000_0002n);
    expect(engine.asked("pread64")[0]?.args).toEqual([5, bytes, 1, 0, 0x12n, 0x3456_789an]);
    expect(engine.asked("ftruncate")[0]?.args).toEqual([5, 0, 1n, 2n]);
  });

  test("where a seek ends, the kernel writes", () => {
    const { system, engine } = narrowSystem({
      lseek: ([, , , reached]) => {
        new DataView((reached as Uint8Array).buffer).setBigInt64(0, 0x1_0000_0005n);
        return 0;
      },
    });
    expect(system.seek(5, 0x1_0000_0005, "start")).toBe(0x1_0000_0005);
    const [call] = engine.asked("lseek");
    expect([call?.args[1], call?.args[2], call?.args[4]]).toEqual([1n, 5n, 0]);
  });

  test("a clock and the kind of a file system are told by longs of 4 bytes", () => {
    const fill = (text: string) => (args: readonly unknown[]) => {
      (args[1] as Uint8Array).set(Buffer.from(text, "hex"));
      return 0;
    };
    const { system } = narrowSystem({ clock_gettime: fill("000000021dcd6500"), fstatfs: fill("01021994") });
    expect(system.now()).toBe(2500);
    expect(system.fileSystem(5)).toBe(0x0102_1994n);
  });

  test("a mapping's offset is counted in 4096 bytes", () => {
    const { system, engine } = narrowSystem({ mmap: () => 0 });
    system.mapOver(new Uint8Array(0x3000), 0x1000, 5, 0x2000, "F", 0x8000_1000);
    expect(engine.asked("mmap")[0]?.args[5]).toBe(0x8_0001);
  });

  test("every file may have 2 GiB and more", () => {
    const { system, engine } = narrowSystem({ openat: () => 7 });
    system.open(-100, "f", 0);
    expect(Number(engine.asked("openat")[0]?.args[2]) & 0o200000).not.toBe(0);
  });

  test.each([
    ["of its own width", "ppc", 0n],
    ["of 64 bits", "ppc64", 21n << 16n],
  ] as const)("a kernel %s is asked to unload in the way that it takes", (_, kernel, flags) => {
    const { system, engine } = narrowSystem({ kexec_load: () => 0 }, kernel);
    unload(system, false);
    unload(system, true);
    expect(engine.asked("kexec_load").map(({ args }) => args[3])).toEqual([flags, flags | 1n]);
  });
});
