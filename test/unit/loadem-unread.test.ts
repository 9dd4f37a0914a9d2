// What of the running machine is there and cannot be read: it is said, and never taken for what is not there.

import { describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { loadRules } from "../../src/arch/load-rules.ts";
import { readMemoryMap } from "../../src/arch/x86_64/e820.ts";
import { readFacts } from "../../src/kexec/facts.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { coreBytes } from "../support/core-file.ts";
import { type Answer, type CallName, type FakeWorld, fakeEngine, runInside } from "../support/fake-engine.ts";
import { temporaryFolder } from "../support/folder.ts";
import { ARM64, WITH_CRASHKERNEL } from "../support/kexec-machines.ts";
import { type LoadRun, loadem, type Pretended, pretendedWorld, runPretended } from "../support/loading.ts";
import { cells } from "../support/tree.ts";

const folder = temporaryFolder();

const TREE = "/proc/device-tree";

function tree(files: NonNullable<Pretended["files"]>): NonNullable<Pretended["files"]> {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`${TREE}/${path}`, content]));
}

/** All that somebody may keep, and the range that each keeps. */
const KEPT = tree({
  "rtas/linux,rtas-base": cells(0x2fff0000),
  "rtas/rtas-size": cells(0x10000),
  "pci@800/linux,tce-base": cells(0, 0x70000000),
  "pci@800/linux,tce-size": cells(0x400000),
  "reserved-memory/#address-cells": cells(2),
  "reserved-memory/#size-cells": cells(2),
  "reserved-memory/log@38000000/reg": cells(0, 0x38000000, 0, 0x10000),
  "reserved-ranges": cells(0, 0x31000000, 0, 0x10000),
  "chosen/linux,htab-base": cells(0, 0x60000000),
  "chosen/linux,htab-size": cells(0, 0x1000000),
  "chosen/linux,memory-limit": cells(0, 0x7f000000),
  "chosen/linux,initrd-start": cells(0, 0x20000000),
  "chosen/linux,initrd-end": cells(0, 0x20010000),
});

const PARTITION: Pretended = {
  files: { ...KEPT, "/proc/cpuinfo": "cpu\t\t: POWER8\n", "/proc/cmdline": "retain_initrd\n" },
};

/** The calls of the kernel that read. */
const READING: readonly CallName[] = ["openat", "openat2", "getdents64", "read"];

const UNREAD = ["EIO", "EACCES", "ENOMEM", "ENFILE", "EMFILE"] as const;

/** Answers by which these calls fail for that path. */
function failing(path: string, error: number, names = READING): NonNullable<Pretended["on"]> {
  const answer: Answer = (_, call) => (call.path.replace(/\/$/, "") === path ? -error : call.pass());
  return Object.fromEntries(names.map((name) => [name, answer]));
}

function load(pretended: Pretended, address: string, ...more: readonly string[]): LoadRun {
  writeFileSync(folder.in("F"), new Uint8Array(0x1000));
  const code = pretended.machine === "aarch64" ? "0x48000000" : "0x10000000";
  const words = ["-a", code, "-e", "-f", folder.in("F"), "-a", address, "-z", "0x1000"];
  return loadem(folder.path, pretended, ...more, ...words);
}

describe("memory that somebody keeps, where it cannot be read who does", () => {
  test.each([
    ["RTAS", "0x2fff0000", "rtas"],
    ["a TCE table", "0x70000000", "pci@800"],
    ["reserved memory", "0x38000000", "reserved-memory"],
    ["a reserved range", "0x31000000", "reserved-ranges"],
    ["the hash table", "0x60000000", "chosen/linux,htab-base"],
    ["what mem= leaves unmapped", "0x7f000000", "chosen/linux,memory-limit"],
    ["below the kernel's end", "0x1000000", "chosen/linux,kernel-end"],
  ])("%s is not loaded over in silence", (_, address, path) => {
    expect(load(PARTITION, address)).toMatchObject({ code: 1, loads: [] });
    for (const name of UNREAD) {
      const { code, err, loads } = load({ ...PARTITION, on: failing(`${TREE}/${path}`, errno[name]) }, address);
      expect({ name, code, loads: loads.length }).toEqual({ name, code: 0, loads: 1 });
      expect(err).toMatch(new RegExp(`^loadem: .* is not checked: ${TREE}/+${path}: ${name} `, "m"));
    }
  });

  test("what can be read is checked all the same", () => {
    const on = failing(`${TREE}/rtas`, errno.EIO);
    expect(load({ ...PARTITION, on }, "0x70000000").err).toContain("which is taken: a TCE table");
    expect(load({ ...PARTITION, on }, "0x38000000").err).toContain("which is taken: /reserved-memory/log@38000000");
  });

  test("so is more of /reserved-memory than is read", () => {
    const files = { ...PARTITION.files, ...tree({ "reserved-memory/log@38000000/x": new Uint8Array(256 * 1024) }) };
    expect(load({ files }, "0x38000000").err).toMatch(/^loadem: some of what is taken is not checked: .* is larger/);
  });
});

test.each([
  ["ppc64", PARTITION],
  ["arm64", { ...ARM64, files: { ...ARM64.files, "/proc/iomem": undefined } }],
] as const)("no file or folder of the tree that %s reads is missed in silence", (_, machine) => {
  const healthy = load(machine, "0x50000000", "--no-checks").engine.calls.filter(({ path }) => path.startsWith(TREE));
  const asked = new Set(healthy.map(({ name, path }) => `${name} ${path}`));
  expect(asked.size).toBeGreaterThan(50);
  const told = load(machine, "0x50000000").err;
  for (const each of asked) {
    const [name, path] = each.split(" ") as [CallName, string];
    if (!READING.includes(name)) continue;
    const { err } = load(
      { ...machine, on: { [name]: failing(path.replace(/\/$/, ""), errno.EIO)[name] } },
      "0x50000000",
    );
    expect({ each, told: err !== told }).toEqual({ each, told: true });
  }
});

test("where it cannot be read whether a kernel has hash tables, that is said, and what they take is left alone", () => {
  const machine = { ...PARTITION, on: failing("/proc/cpuinfo", errno.EACCES) };
  const { code, err } = load(machine, "0x50000000");
  expect({ code, err }).toEqual({
    code: 0,
    err: "loadem: what hash tables take is not checked: /proc/cpuinfo: EACCES (permission denied)\n",
  });
  expect(load(machine, "0x60000000").err).toContain("which is taken: the hash page table");
});

test.each(["/proc/cmdline", "/sys/firmware/fdt"])(
  "an initrd is not taken for one that was not kept where %s cannot be read",
  (path) => {
    // Without a directory's word on it the blob has it.
    const files = { ...PARTITION.files, ...tree({ "chosen/linux,initrd-start": undefined }), "/sys/firmware/fdt": "x" };
    const on = failing(path, errno.EIO, ["openat"]);
    expect(load({ files, on }, "0x50000000").err).toContain(
      `the running kernel's initrd is not checked: ${path}: EIO (input/output error)\n`,
    );
  },
);

test("an initrd that Linux shows is a kept one, whoever may read it", () => {
  const files = { ...PARTITION.files, "/proc/cmdline": "quiet\n", "/sys/firmware/initrd": "" };
  const on = failing("/sys/firmware/initrd", errno.EACCES, ["openat"]);
  const keptIn = (pretended: Pretended) =>
    readFacts(new System(fakeEngine(pretendedWorld(folder.path, pretended).world)), loadRules.ppc64.facts).keptInitrd;
  expect(keptIn({ files, on })).toEqual({ start: 0x2000_0000n, end: 0x2001_0000n });
  expect(keptIn({ files: { ...files, "/sys/firmware/initrd": undefined } })).toBeUndefined();
});

test("a crash kernel's region that cannot be read is not taken for none", () => {
  const machine = { ...WITH_CRASHKERNEL, pageSize: 4096 };
  const on = failing(`${TREE}/chosen/linux,crashkernel-base`, errno.EIO);
  const why = `what crashkernel= reserved is not checked: ${TREE}/chosen/linux,crashkernel-base: EIO`;
  expect(load({ ...machine, on }, "0x50000000", "-p")).toMatchObject({ code: 0, err: expect.stringContaining(why) });
  const { code, err } = runPretended(folder.path, { ...machine, on }, "elfcorehdr");
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining(why) });
});

test.each([
  ["what no kernel maps", "reserved-memory"],
  ["what mem= leaves out", "chosen/linux,memory-limit"],
])("an ELF core header is not made where %s cannot be read", (_, path) => {
  const on = failing(`${TREE}/${path}`, errno.EIO);
  const files = { ...PARTITION.files, ...WITH_CRASHKERNEL.files };
  expect(runPretended(folder.path, { ...WITH_CRASHKERNEL, files }, "elfcorehdr").code).toBe(0);
  const { code, out, err } = runPretended(folder.path, { ...WITH_CRASHKERNEL, files, on }, "elfcorehdr");
  expect({ code, out: out.length, err }).toEqual({ code: 1, out: 0, err: expect.stringContaining(`${path}: EIO`) });
});

test.each(["/sys/firmware/memmap", "/sys/kernel/boot_params/setup_data"])(
  "%s of x86-64 is not taken for empty where it cannot be listed",
  (path) => {
    const system = (on: FakeWorld["on"]) => new System(fakeEngine({ root: folder.path, on: on ?? {} }));
    expect(() => readMemoryMap(system({}), new Uint8Array(4096))).toThrow("no memory map there");
    expect(() => readMemoryMap(system(failing(path, errno.EIO)), new Uint8Array(4096))).toThrow(`${path}: EIO`);
  },
);

test("a dump that a crash kernel's command line may ask for is not forgotten where that cannot be read", () => {
  writeFileSync(
    folder.in("dump"),
    coreBytes({ little: true, machine: 62, loads: [{ physical: 0n, bytes: randomBytes(10) }] }),
  );
  const saved = (files: Record<string, string>, on = {}) =>
    runInside({ root: folder.in("m"), files, on }, "vmcore", "--as-asked", folder.in("dump"));
  const on = failing("/proc/cmdline", errno.EIO);
  expect(saved({ "/proc/cmdline": "quiet\n" })).toMatchObject({ code: 0, err: "" });
  expect(saved({ "/proc/cmdline": "quiet\n" }, on)).toMatchObject({
    code: 1,
    err: "vmcore: /proc/cmdline: EIO (input/output error)\n",
  });
});
