// How many cpus the stub is told to wait for, and by whom.

import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { v2wrapBytes } from "../../src/arch/ppc64/stub.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type LoadRun, loadem, type Pretended, runPretended, segmentOf } from "../support/loading.ts";
import { present } from "../support/present.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();
const WAIT_WORD = 0xf4;
const CPUS = "/proc/device-tree/cpus";
const SERVERS = "ibm,ppc-interrupt-server#s";

/** The usual machine's cpus, gone. */
const NO_CPUS = {
  [`${CPUS}/PowerPC,POWER9@0/${SERVERS}`]: undefined,
  [`${CPUS}/PowerPC,POWER9@8/${SERVERS}`]: undefined,
};

/** The stub, a tree and a kernel, loaded with `options` more. */
function run(pretended: Pretended, ...options: string[]): LoadRun {
  writeFileSync(folder.in("kernel"), new Uint8Array(0x1000));
  const stdin = runPretended(folder.path, pretended, "fs2dt", "-b", "0x10000100", "/proc/device-tree").out;
  return loadem(
    folder.path,
    { ...pretended, stdin },
    ...options,
    "-r",
    "0x1000",
    "-a",
    "0x10000000",
    "-e",
    "-w",
    "-s",
    "-a",
    "0x20000000",
    "-c",
    "0x100",
    "-f",
    folder.in("kernel"),
  );
}

/** The wait word's lower half as the kernel got it, and what -n says of it. */
function told(pretended: Pretended, ...options: string[]): [string, string] {
  const { loads } = run(pretended, ...options);
  const { out } = run(pretended, "-n", ...options);
  return [
    segmentOf(loads[0], 0).bytes.toString("hex", WAIT_WORD, WAIT_WORD + 4),
    present(out.toString().trimEnd().split("\n").at(-1)),
  ];
}

test.each(["ppc64", "ppc64le"] as const)(
  "on %s every thread of every cpu is counted, but for the master's",
  (machine) => {
    const word = ["7fff0003", "stub waits for 3 secondary cpus, as the running machine has"] as [string, string];
    expect(told({ machine })).toEqual(word);
    const smt8 = {
      ...NO_CPUS,
      [`${CPUS}/cpu@0/${SERVERS}`]: cells(...Array(8).keys()),
      [`${CPUS}/cpu@10/${SERVERS}`]: cells(16),
    };
    expect(told({ machine, files: smt8 })[0]).toBe("7fff0008");
  },
);

test("a machine with one cpu sends no other", () => {
  expect(told({ files: { ...NO_CPUS, [`${CPUS}/cpu@0/${SERVERS}`]: cells(0) } })).toEqual([
    "7fff0000",
    "stub waits for 0 secondary cpus, as the running machine has",
  ]);
});

test("what is no cpu under /cpus is not counted", () => {
  expect(
    told({ files: { [`${CPUS}/l2-cache@2000/cache-level`]: cells(2), [`${CPUS}/#address-cells`]: cells(1) } })[0],
  ).toBe("7fff0003");
});

test("on OPAL none will come, for firmware takes them back", () => {
  expect(told({ files: { "/proc/device-tree/ibm,opal/compatible": "ibm,opal-v3\0" } })).toEqual([
    "7fff0000",
    "stub waits for 0 secondary cpus, as the running machine has",
  ]);
});

test("where no cpus can be counted the number is unknown, and the stub goes by time", () => {
  const unknown = ["10007fff", "stub waits for unknown secondary cpus, since none could be counted"] as [
    string,
    string,
  ];
  expect(told({ files: { ...NO_CPUS } })).toEqual(unknown);
  expect(told({ files: { ...NO_CPUS, [`${CPUS}/cpu@0/reg`]: cells(0) } })).toEqual(unknown);
  // No thread, half of one, more than the stub can count.
  for (const servers of [new Uint8Array(0), new Uint8Array(3), new Uint8Array(4 * 32768)]) {
    expect(told({ files: { ...NO_CPUS, [`${CPUS}/cpu@0/${SERVERS}`]: servers } })).toEqual(unknown);
  }
});

test.each([
  ["7", "7fff0007", "7"],
  ["0", "7fff0000", "0"],
  ["0x7ffe", "7fff7ffe", "32766"],
  ["unknown", "10007fff", "unknown"],
])("--secondaries %s overrides the count", (value, word, count) => {
  expect(told({}, "--secondaries", value)).toEqual([
    word,
    `stub waits for ${count} secondary cpus, as --secondaries says`,
  ]);
});

test("a word that was poked at the same place of another segment is no wait word", () => {
  writeFileSync(folder.in("kernel"), new Uint8Array(0x1000));
  const stdin = runPretended(folder.path, {}, "fs2dt", "-b", "0x10000100", "/proc/device-tree").out;
  const line = "-r 0x1000 -a 0x10000000 -e -w -s -a 0x20000000 -c 0x100 -f KERNEL";
  const load = (more: string) =>
    segmentOf(
      loadem(folder.path, { stdin }, ...`${line}${more}`.replace("KERNEL", folder.in("kernel")).split(" ")).loads[0],
      0,
    );
  const told = load("").bytes.readUInt32BE(WAIT_WORD);
  expect(told).not.toBe(new DataView(v2wrapBytes().buffer).getUint32(WAIT_WORD));
  expect(load(` --poke 0x${WAIT_WORD.toString(16)}=1`).bytes.readUInt32BE(WAIT_WORD)).toBe(told);
});

test("a wait word that was poked stays as it is, unless --secondaries is given as well", () => {
  writeFileSync(folder.in("kernel"), new Uint8Array(0x1000));
  const stdin = runPretended(folder.path, {}, "fs2dt", "-b", "0x10000100", "/proc/device-tree").out;
  const args = [
    "-r",
    "0x1000",
    "-a",
    "0x10000000",
    "-e",
    "-w",
    "-s",
    "--poke",
    "0xf4=0x00010002",
    "-a",
    "0x20000000",
    "-c",
    "0x100",
    "-f",
    folder.in("kernel"),
  ];
  const load = (...more: string[]) =>
    segmentOf(loadem(folder.path, { stdin }, ...more, ...args).loads[0], 0).bytes.readUInt32BE(WAIT_WORD);
  expect(load()).toBe(0x0001_0002);
  expect(load("--secondaries", "5")).toBe(0x7fff_0005);
  expect(loadem(folder.path, { stdin }, "-n", ...args).out.toString()).not.toContain("secondary cpus");
});

describe("what is not our stub", () => {
  function withFile(content: Uint8Array, ...options: string[]): LoadRun {
    writeFileSync(folder.in("stub"), content);
    return loadem(folder.path, {}, ...options, "--no-checks", "-a", "0x10000000", "-e", "-f", folder.in("stub"));
  }

  test.each([
    ["shorter", v2wrapBytes().subarray(0, 0xff)],
    ["of another code", v2wrapBytes().with(0x40, 0xaa)],
    ["zeros", new Uint8Array(0x100)],
  ])("(%s) is not written to, and --secondaries is refused", (_, content) => {
    expect(Buffer.from(content).equals(segmentOf(withFile(content).loads[0], 0).bytes)).toBe(true);
    const { code, err, changes } = withFile(content, "--secondaries", "1");
    expect({ code, err, changes }).toEqual({
      code: 2,
      err: "loadem: --secondaries: the entry is not our ppc64 stub, nothing else waits for cpus\n",
      changes: [],
    });
  });

  test("or is not entered at its start, is left alone too", () => {
    writeFileSync(folder.in("stub"), v2wrapBytes());
    const { loads } = loadem(
      folder.path,
      {},
      "--no-checks",
      "-a",
      "0x10000000",
      "-f",
      folder.in("stub"),
      "-e",
      "-f",
      folder.in("stub"),
    );
    expect(segmentOf(loads[0], 0).bytes.equals(Buffer.concat([v2wrapBytes(), v2wrapBytes()]))).toBe(true);
  });
});
