// Every kind of machine gets from its first kernel to a second one, with all cpus.

import { describe, expect, test } from "bun:test";
import type { Choices } from "../../scripts/boot/choices.ts";
import { ONLINE, PRESENT } from "../../scripts/boot/scene.ts";
import { passed, printedBy } from "../support/boots.ts";

async function expectAllCpus(choices: Partial<Choices> & { smp: number }): Promise<void> {
  const lines = await passed(choices);
  const all = choices.smp === 1 ? "0" : `0-${choices.smp - 1}`;
  expect(printedBy(lines, `cat ${ONLINE}`)).toContain(all);
  expect(printedBy(lines, `cat ${PRESENT}`)).toContain(all);
}

describe.each(["ppc64", "ppc64le"] as const)("the small %s kernel takes every cpu to the next one", (target) => {
  for (const cpu of ["POWER8", "POWER9"]) {
    for (const smp of [1, 4, 8]) {
      test(`${cpu}, ${smp} cpus`, () => expectAllCpus({ target, small: true, cpu, smp }));
    }
  }
});

// The distribution's kernel takes four times as long: every cpu model and every number of cpus once.
describe("the stock ppc64le kernel takes every cpu to the next one", () => {
  for (const [cpu, smp] of [
    ["POWER9", 1],
    ["POWER8", 4],
    ["POWER9", 8],
  ] as const) {
    test(`${cpu}, ${smp} cpus`, () => expectAllCpus({ target: "ppc64le", small: false, cpu, smp }));
  }
});

describe("a kernel of the other endianness takes over", () => {
  for (const cpu of ["POWER8", "POWER9"]) {
    test(`big to little endian on ${cpu}`, () =>
      expectAllCpus({ target: "ppc64", nextKernel: "small-ppc64le", cpu, smp: 4 }));
    test(`little to big endian on ${cpu}`, () =>
      expectAllCpus({ target: "ppc64le", nextKernel: "small-ppc64", cpu, smp: 4 }));
  }
  test("from the distribution's little endian kernel to a small big endian one", () =>
    expectAllCpus({ target: "ppc64le", small: false, nextKernel: "small-ppc64", smp: 4 }));
});

describe("kernels with 4K pages", () => {
  test("big endian, to itself", () => expectAllCpus({ target: "ppc64", kernel: "small-ppc64-4k", smp: 4 }));
  test("little endian, to itself", () => expectAllCpus({ target: "ppc64le", kernel: "small-ppc64le-4k", smp: 4 }));
  test("to one with 64K pages", () =>
    expectAllCpus({ target: "ppc64", kernel: "small-ppc64-4k", nextKernel: "small-ppc64", smp: 4 }));
});
