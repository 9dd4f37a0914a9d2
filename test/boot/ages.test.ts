// The oldest and the newest kernels that Debian has: both can be started and can start another one.

import { beforeAll, describe, expect, test } from "bun:test";
import type { Choices } from "../../scripts/boot/choices.ts";
import { ONLINE } from "../../scripts/boot/scene.ts";
import { bootTarget } from "../../scripts/boot/targets.ts";
import { kernel, type KernelName } from "../../scripts/kernels.ts";
import { passed } from "../support/boots.ts";

/** Of two kernels on a busy machine. */
const SLOW_SECONDS = 300;

async function expectAllCpus(changed: Partial<Choices> & Pick<Choices, "target" | "smp">, first: KernelName, next: KernelName) {
  const { cpu } = bootTarget(changed.target);
  const lines = await passed({ cpu, small: false, timeout: SLOW_SECONDS, ...changed, kernel: first, nextKernel: next });
  expect(lines[lines.indexOf(`+ cat ${ONLINE}`) + 1]).toBe(`0-${changed.smp - 1}`);
}

const minutes = (count: number): number => count * 60_000;

describe.each(["x64", "arm64"] as const)("on %s", (machine) => {
  const [oldest, newest] = [`oldest-${machine}`, `newest-${machine}`] as const;

  beforeAll(async () => {
    for (const name of [oldest, newest] as const) await kernel(name);
  }, minutes(10));

  test.each([[oldest, oldest], [newest, newest], [newest, oldest]] as const)(
    "the small executable gets from %s to %s",
    (first, next) => expectAllCpus({ target: `${machine}-small`, smp: 2 }, first, next), minutes(10));

  test("Bun's executable gets from the oldest to the newest", () =>
    expectAllCpus({ target: machine, smp: 2 }, oldest, newest), minutes(10));
});

test("on ppc64le the small executable gets from the newest kernel to itself", () =>
  expectAllCpus({ target: "ppc64le", smp: 2 }, "newest-ppc64le", "newest-ppc64le"), minutes(10));
