import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assemble, toHexText } from "../../scripts/stubs.ts";
import { runTool } from "../../scripts/tool.ts";
import {
  isOurStub,
  MOST_SECONDARIES,
  secondaryThreads,
  v2wrapBytes,
  WAIT_WORD,
  waitWord,
} from "../../src/arch/ppc64/stub.ts";
import { KERNEL_ADDRESS, STUB_SIZE } from "../../src/kexec/stub.ts";
import { temporaryFolder } from "../support/folder.ts";

const STUBS = new URL("../../stub/ppc64/", import.meta.url).pathname;
const folder = temporaryFolder();

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer);
}

/** Instructions as objdump reads them, one for each word: "mfmsr r5". */
async function disassembled(bytes: Uint8Array, endian: "-EB" | "-EL"): Promise<string[]> {
  const file = folder.in("code");
  writeFileSync(file, bytes);
  const objdump = ["powerpc64-linux-gnu-objdump", "-D", "-b", "binary", "-m", "powerpc:common64"];
  const text = await runTool([...objdump, endian, file]);
  return text
    .split("\n")
    .flatMap((line) => /^ +[0-9a-f]+:\t(?:[0-9a-f]{2} ){4}\t(.*)$/.exec(line)?.[1] ?? [])
    .map((instruction) => instruction.replace(/\s+/g, " ").replace(/ (<.*|# .*)$/, ""));
}

/** Each word for a cpu in little endian: its offset, from the assembler's listing, and its comment. */
async function wordsForLittleEndian(source: string): Promise<{ at: number; says: string }[]> {
  const object = folder.in("listed.o");
  const assembler = ["powerpc64-linux-gnu-as", "-mbig", "-aln", "--listing-rhs-width=200"];
  const listing = await runTool([...assembler, "-o", object, join(STUBS, source)]);
  const lines = listing.matchAll(/^ *\d+ ([0-9a-f]{4}) [0-9A-F]{8}\s+le\t.*\/\* LE: ([^(*]*[^(* ])/gm);
  return [...lines].map(([, at = "", says = ""]) => ({ at: Number.parseInt(at, 16), says }));
}

describe("the prebuilt bytes", () => {
  test("are what the assembler makes of the source, as bytes and as text", async () => {
    const assembled = await assemble("v2wrap.S", "ppc64");
    expect(v2wrapBytes()).toEqual(assembled);
    expect(readFileSync(join(STUBS, "v2wrap.hex"), "latin1")).toBe(toHexText(assembled));
  });

  test("are 256, a copy of one's own each time", () => {
    expect(v2wrapBytes().length).toBe(STUB_SIZE);
    expect(STUB_SIZE).toBe(0x100);
    v2wrapBytes().fill(0);
    expect(v2wrapBytes()[0]).not.toBe(0);
  });

  test("have the kernel's address at 0xf8, as in 2005, and before it a word for unknown secondaries", () => {
    expect(KERNEL_ADDRESS).toBe(0xf8);
    expect(WAIT_WORD).toBe(0xf4);
    expect(view(v2wrapBytes()).getUint32(WAIT_WORD)).toBe(waitWord("unknown"));
    expect(view(v2wrapBytes()).getBigUint64(KERNEL_ADDRESS)).toBe(0n);
  });

  test("hold at 0x60 a loop on a word that at first leads back to 0x60", async () => {
    const code = await disassembled(v2wrapBytes(), "-EB");
    expect(code.slice(0x60 / 4, 0x6c / 4)).toEqual(["ld r4,128(0)", "mtctr r4", "bctr"]);
    expect(view(v2wrapBytes()).getBigUint64(128)).toBe(0x60n);
  });

  test("keep the master from the hypervisor call unless it came in little endian as a guest", async () => {
    const code = await disassembled(v2wrapBytes(), "-EB");
    expect(code.filter((instruction) => instruction === "sc 1").length).toBe(1);
    const compared = code.indexOf("sldi. r0,r5,3");
    expect(code[compared + 1]).toBe("ble 0xc0");
  });
});

test("each word for a cpu in little endian is the instruction that its comment names", async () => {
  const read = await disassembled(await assemble("v2wrap.S", "ppc64"), "-EL");
  const words = await wordsForLittleEndian("v2wrap.S");
  expect(words.length).toBe(6);
  for (const { at, says } of words) {
    const target = (_: string, offset: string) => `0x${(at + Number(offset)).toString(16)}`;
    expect(read[at / 4]).toBe(says.replace(/\.\+(0x[0-9a-f]+)/, target));
  }
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
      bytes[at]! ^= 1;
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
    expect(waitWord(0, 0x1_0000)).toBe(0x0001_0000);
    expect(waitWord(7, 0x2000_0000)).toBe(0x2000_0007);
    expect(waitWord(MOST_SECONDARIES, 0x7fff_0000)).toBe(0x7fff_7ffe);
    expect(waitWord("unknown", 0x1000_0000)).toBe(0x1000_7fff);
  });

  test("waits longer by itself when it knows whom it waits for", () => {
    expect(waitWord(3)).toBeGreaterThan(waitWord("unknown"));
  });

  test("is never 0 or negative, which means that the cpus may go: wrong counts and ticks are refused", () => {
    for (const count of [-1, 1.5, MOST_SECONDARIES + 1, Number.NaN]) {
      expect(() => waitWord(count)).toThrow(RangeError);
    }
    for (const ticks of [0, 0xffff, 0x1_0001, 0x8000_0000, Number.NaN, -0x1_0000]) {
      expect(() => waitWord(1, ticks)).toThrow(RangeError);
    }
  });
});

test("secondaries are all threads of all cpus but the one that boots", () => {
  expect(secondaryThreads([new Uint8Array(4)])).toBe(0);
  expect(secondaryThreads([new Uint8Array(32), new Uint8Array(32)])).toBe(15);
});
