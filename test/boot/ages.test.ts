// The oldest and the newest kernels that Debian has: both can be started and can start another one.

import { beforeAll, describe, expect, test } from "bun:test";
import { ONLINE } from "../../scripts/boot/scene.ts";
import { kernel } from "../../scripts/kernels.ts";
import { type KernelName, machineOf, type Target } from "../../scripts/machines/machines.ts";
import { passed, printedBy } from "../support/boots.ts";

/** Of two kernels on a busy machine. */
const SLOW_SECONDS = 300;

async function expectBothCpus(target: Target, first: KernelName, next: KernelName): Promise<void> {
  const { cpu } = machineOf(target).guest;
  const kernels = { small: false, kernel: first, nextKernel: next };
  const lines = await passed({ target, cpu, smp: 2, timeout: SLOW_SECONDS, ...kernels });
  expect(printedBy(lines, `cat ${ONLINE}`)).toContain("0-1");
}

const minutes = (count: number): number => count * 60_000;

describe.each(["x64", "arm64"] as const)("on %s", (machine) => {
  const [oldest, newest] = [`oldest-${machine}`, `newest-${machine}`] as const;

  beforeAll(async () => {
    for (const name of [oldest, newest] as const) await kernel(name);
  }, minutes(10));

  test.each([
    [oldest, oldest],
    [newest, newest],
    [newest, oldest],
  ] as const)(
    "the small executable gets from %s to %s",
    (first, next) => expectBothCpus(`${machine}-small`, first, next),
    minutes(10),
  );

  test(
    "Bun's executable gets from the oldest to the newest",
    () => expectBothCpus(machine, oldest, newest),
    minutes(10),
  );
});

test(
  "on ppc64le the small executable gets from the newest kernel to itself",
  () => expectBothCpus("ppc64le", "newest-ppc64le", "newest-ppc64le"),
  minutes(10),
);
