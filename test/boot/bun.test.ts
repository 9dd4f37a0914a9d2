// Bun's own executable is process 1 of an initramfs that holds no other program, and takes every cpu to the next kernel.

import { describe, expect, test } from "bun:test";
import { ONLINE } from "../../scripts/boot/scene.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { passed, printedBy } from "../support/boots.ts";

/** Each of two kernels unpacks a quarter of a gigabyte, in emulation. */
const SLOW_SECONDS = 300;

describe.each(["x64", "arm64"] as const)("%s", (target) => {
  test.each([1, 4])(
    "with %i cpus",
    async (smp) => {
      const { cpu } = machineOf(target).guest;
      const lines = await passed({ target, cpu, smp, small: false, timeout: SLOW_SECONDS });
      expect(printedBy(lines, `cat ${ONLINE}`)).toContain(smp === 1 ? "0" : `0-${smp - 1}`);
    },
    2 * SLOW_SECONDS * 1000,
  );
});
