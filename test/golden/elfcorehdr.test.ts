// The ELF core header is what readelf takes for a core file, of both byte orders, and the same from every engine.

import { beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildFrom } from "../../scripts/build.ts";
import { emulatorFor, smallTargets } from "../../scripts/machines/machines.ts";
import { temporaryFolder } from "../support/folder.ts";

const PROGRAM = join(import.meta.dir, "elfcorehdr-program.ts");

const folder = temporaryFolder({ lasts: "file", on: "disk" });
beforeAll(async () => {
  for (const target of smallTargets) await buildFrom(target, PROGRAM, folder.in(target));
}, 15 * 60_000);

function made(...words: readonly string[]): Buffer {
  const outputs = smallTargets.map((target) => {
    const { exitCode, stdout, stderr } = Bun.spawnSync([...emulatorFor(target), folder.in(target), ...words]);
    expect({ target, exitCode, err: stderr.toString() }).toEqual({ target, exitCode: 0, err: "" });
    return Buffer.from(stdout);
  });
  const [first = Buffer.alloc(0), ...others] = outputs;
  for (const other of others) expect(other.equals(first)).toBeTrue();
  return first;
}

/** What readelf says, which has to have nothing to complain of. */
function readelf(option: string, bytes: Uint8Array): string {
  writeFileSync(folder.in("header"), bytes);
  const { stdout, stderr, exitCode } = Bun.spawnSync(["readelf", "-W", option, folder.in("header")]);
  expect({ err: stderr.toString(), exitCode }).toEqual({ err: "", exitCode: 0 });
  return stdout.toString();
}

/** `LOAD offset virtual physical size size flags align`, a line for each program header. */
function rows(text: string): string[] {
  return [...text.matchAll(/^ +((?:LOAD|NOTE) .*?) *$/gm)].map(([, row = ""]) => row.replace(/ +/g, " "));
}

describe.each([
  ["big", "21", "PowerPC64", "big endian"],
  ["little", "21", "PowerPC64", "little endian"],
  ["little", "183", "AArch64", "little endian"],
  ["little", "62", "Advanced Micro Devices X86-64", "little endian"],
])("of %s endian and machine %s", (endian, number, name, order) => {
  test("it is a core file with these program headers, and no section", () => {
    const bytes = made(endian, number, "2", "2");
    const head = readelf("-h", bytes);
    for (const text of ["ELF64", order, "CORE (Core file)", name]) expect(head).toContain(text);
    expect(head).toMatch(/Number of section headers: +0\n/);
    expect(rows(readelf("-l", bytes))).toEqual([
      "NOTE 0x3000000 0x0000000000000000 0x0000000003000000 0x000178 0x000178 0x4",
      "NOTE 0x3001000 0x0000000000000000 0x0000000003001000 0x000178 0x000178 0x4",
      "LOAD 0x200000 0xffffffff81200000 0x0000000000200000 0x1800000 0x1800000 RWE 0",
      "LOAD 0x1fff0000 0xc000000000000000 0x0000000000000000 0x010000 0x010000 RWE 0",
      "LOAD 0x010000 0xc000000000010000 0x0000000000010000 0x100000000 0x100000000 RWE 0",
      "LOAD 0x200010000 0xc000000200010000 0x0000000200010000 0x100000000 0x100000000 RWE 0",
    ]);
  });
});

test("2048 cpus and 1000 ranges are as many program headers", () => {
  expect(rows(readelf("-l", made("big", "21", "2048", "1000")))).toHaveLength(2048 + 1 + 1 + 1000);
});
