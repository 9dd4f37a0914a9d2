// A guest panics, and the crash kernel saves its dump on a disk: a pattern of a process, the registers of all cpus and the log
// are in it, and readelf has nothing to complain of.

import { describe, expect, test } from "bun:test";
import type { Choices } from "../../scripts/boot/choices.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { attempted } from "../support/boots.ts";

const PASSED = { passed: true, reason: "the pattern, the registers and the log are in the dump" };

/** A distribution's kernel wherever there is one. */
async function crash(changed: Partial<Choices> & Pick<Choices, "target">): Promise<unknown> {
  const { cpu } = machineOf(changed.target).guest;
  const { verdict } = await attempted({ cpu, crash: "sysrq", small: false, timeout: 400, ...changed });
  return verdict;
}

describe.each(["ppc64", "ppc64le", "arm64-small", "x64-small"] as const)("on %s", (target) => {
  test.each([1, 4])("with %d cpus", async (smp) => {
    expect(await crash({ target, smp })).toEqual(PASSED);
  });
});

test("on a cpu that is not the boot cpu", async () => {
  expect(await crash({ target: "ppc64le", crash: "smp" })).toEqual(PASSED);
});

test("on POWER8, whose memory goes through a hash table", async () => {
  expect(await crash({ target: "ppc64le", cpu: "POWER8" })).toEqual(PASSED);
});

test("on a machine with OPAL", async () => {
  expect(await crash({ target: "ppc64le", board: "powernv9", cpu: "POWER9" })).toEqual(PASSED);
});

test("on a partition that can gain memory", async () => {
  expect(await crash({ target: "ppc64le", memory: 1024, memoryOptions: ["maxmem=8G", "slots=8"] })).toEqual(PASSED);
});

test("on x86-64 with UEFI", async () => {
  expect(await crash({ target: "x64-small", uefi: true })).toEqual(PASSED);
});

test("by a lack of memory, and by an NMI", async () => {
  expect(await crash({ target: "ppc64le", crash: "oom" })).toEqual(PASSED);
  expect(await crash({ target: "ppc64le", crash: "nmi" })).toEqual(PASSED);
});
