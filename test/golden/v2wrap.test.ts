// The ppc64 stub as assembler and disassembler have it.

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assemble, toHexText } from "../../scripts/stubs.ts";
import { runTool } from "../../scripts/tool.ts";
import { v2wrapBytes } from "../../src/arch/ppc64/stub.ts";
import { temporaryFolder } from "../support/folder.ts";

const STUBS = new URL("../../stub/ppc64/", import.meta.url).pathname;
const folder = temporaryFolder({ on: "disk" });

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer);
}

/** Instructions as objdump reads them, one for each word: "mfmsr r5". */
async function disassemble(bytes: Uint8Array, endian: "-EB" | "-EL"): Promise<string[]> {
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

  test("hold at 0x60 a loop on a word that at first leads back to 0x60", async () => {
    const code = await disassemble(v2wrapBytes(), "-EB");
    expect(code.slice(0x60 / 4, 0x6c / 4)).toEqual(["ld r4,128(0)", "mtctr r4", "bctr"]);
    expect(view(v2wrapBytes()).getBigUint64(128)).toBe(0x60n);
  });

  test("keep the master from the hypervisor call unless it came in little endian as a guest", async () => {
    const code = await disassemble(v2wrapBytes(), "-EB");
    expect(code.filter((instruction) => instruction === "sc 1").length).toBe(1);
    const compared = code.indexOf("sldi. r0,r5,3");
    expect(code[compared + 1]).toBe("ble 0xc0");
  });
});

test("each word for a cpu in little endian is the instruction that its comment names", async () => {
  const read = await disassemble(await assemble("v2wrap.S", "ppc64"), "-EL");
  const words = await wordsForLittleEndian("v2wrap.S");
  expect(words.length).toBe(6);
  for (const { at, says } of words) {
    const target = (_: string, offset: string) => `0x${(at + Number(offset)).toString(16)}`;
    expect(read[at / 4]).toBe(says.replace(/\.\+(0x[0-9a-f]+)/, target));
  }
});
