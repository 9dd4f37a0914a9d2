// Every kind of machine gets from its first kernel to a second one, with all cpus.

import { describe, expect, test } from "bun:test";
import type { Choices } from "../../scripts/boot/choices.ts";
import { ONLINE, PRESENT } from "../../scripts/boot/scene.ts";
import { passed } from "../support/boots.ts";

async function expectAllCpus(choices: Partial<Choices> & { smp: number }): Promise<void> {
  const lines = await passed(choices);
  const all = choices.smp === 1 ? "0" : `0-${choices.smp - 1}`;
  expect(lines[lines.indexOf(`+ cat ${ONLINE}`) + 1]).toBe(all);
  expect(lines[lines.indexOf(`+ cat ${PRESENT}`) + 1]).toBe(all);
}

const kernels = {
  "small ppc64": { target: "ppc64", small: true },
  "small ppc64le": { target: "ppc64le", small: true },
  "stock ppc64le": { target: "ppc64le", small: false },
} as const satisfies Record<string, Partial<Choices>>;

describe.each(Object.entries(kernels))("the %s kernel takes every cpu to the next one", (_, kernel) => {
  for (const cpu of ["POWER8", "POWER9"]) {
    for (const smp of [1, 4, 8]) {
      test(`${cpu}, ${smp} cpus`, () => expectAllCpus({ ...kernel, cpu, smp }));
    }
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
