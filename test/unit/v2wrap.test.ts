// The prebuilt ppc64 stub, how it is recognized, and its wait word.

import { describe, expect, test } from "bun:test";
import { archs } from "../../src/arch/archs.ts";
import {
  countSecondaryThreads,
  encodeWaitWord,
  MOST_SECONDARIES,
  v2wrapBytes,
  WAIT_WORD,
} from "../../src/arch/ppc64/stub.ts";
import { findTarget, KERNEL_ADDRESS, STUB_SIZE } from "../../src/kexec/stub.ts";

/** Whether `bytes` begin with the ppc64 stub. */
function isOurStub(bytes: Uint8Array): boolean {
  return findTarget(archs, bytes)?.name === "ppc64";
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer);
}

describe("the prebuilt bytes", () => {
  test("are 256, a copy of one's own each time", () => {
    expect(v2wrapBytes().length).toBe(STUB_SIZE);
    expect(STUB_SIZE).toBe(0x100);
    v2wrapBytes().fill(0);
    expect(v2wrapBytes()[0]).not.toBe(0);
  });

  test("have the kernel's address at 0xf8, as in 2005, and before it a word for unknown secondaries", () => {
    expect(KERNEL_ADDRESS).toBe(0xf8);
    expect(WAIT_WORD).toBe(0xf4);
    expect(view(v2wrapBytes()).getUint32(WAIT_WORD)).toBe(encodeWaitWord("unknown"));
    expect(view(v2wrapBytes()).getBigUint64(KERNEL_ADDRESS)).toBe(0n);
  });
});

describe("our stub is recognized", () => {
  test("with any wait word and kernel address, and with a tree behind it", () => {
    const segment = new Uint8Array(0x200);
    segment.set(v2wrapBytes());
    segment.fill(0xff, WAIT_WORD);
    expect(isOurStub(segment)).toBe(true);
  });

  test("not when one byte of its code differs, whichever", () => {
    for (let at = 0; at < WAIT_WORD; at++) {
      const bytes = v2wrapBytes();
      bytes.set([(bytes[at] ?? 0) ^ 1], at);
      expect(isOurStub(bytes)).toBe(false);
    }
  });

  test("not when it is cut short", () => {
    expect(isOurStub(v2wrapBytes().subarray(0, STUB_SIZE - 1))).toBe(false);
    expect(isOurStub(new Uint8Array())).toBe(false);
  });
});

describe("the wait word", () => {
  test("has the count in its lower half and the ticks in its upper half", () => {
    expect(encodeWaitWord(0, 0x1_0000)).toBe(0x0001_0000);
    expect(encodeWaitWord(7, 0x2000_0000)).toBe(0x2000_0007);
    expect(encodeWaitWord(MOST_SECONDARIES, 0x7fff_0000)).toBe(0x7fff_7ffe);
    expect(encodeWaitWord("unknown", 0x1000_0000)).toBe(0x1000_7fff);
  });

  test("waits longer by itself when it knows whom it waits for", () => {
    expect(encodeWaitWord(3)).toBeGreaterThan(encodeWaitWord("unknown"));
  });

  test("is never 0 or negative, which means that the cpus may go: wrong counts and ticks are refused", () => {
    for (const count of [-1, 1.5, MOST_SECONDARIES + 1, Number.NaN]) {
      expect(() => encodeWaitWord(count)).toThrow(RangeError);
    }
    for (const ticks of [0, 0xffff, 0x1_0001, 0x8000_0000, Number.NaN, -0x1_0000]) {
      expect(() => encodeWaitWord(1, ticks)).toThrow(RangeError);
    }
  });
});

test("secondaries are all threads of all cpus but the one that boots", () => {
  expect(countSecondaryThreads([new Uint8Array(4)])).toBe(0);
  expect(countSecondaryThreads([new Uint8Array(32), new Uint8Array(32)])).toBe(15);
});
