// Machines without a hypervisor, whose firmware is OPAL: from one kernel to the next, and into a crash kernel.

import { describe, expect, test } from "bun:test";
import { ONLINE, PRESENT } from "../../scripts/boot/scene.ts";
import { machineOf } from "../../scripts/machines/machines.ts";
import { passed, printedBy } from "../support/boots.ts";
import { crashing, keptByFirmware, LAST_BYTE, systemRam } from "../support/crash-kernel.ts";
import { present } from "../support/present.ts";

const boards = machineOf("ppc64le").guest.boards ?? {};

function on(board: string) {
  return { target: "ppc64le", small: false, board, cpu: present(boards[board], board).cpu, smp: 2 } as const;
}

function expectBothCpus(lines: readonly string[]): void {
  for (const file of [ONLINE, PRESENT]) expect(printedBy(lines, `cat ${file}`)).toContain("0-1");
}

describe("the distribution's kernel takes every cpu to the next one", () => {
  test.each(Object.keys(boards))("on %s", async (board) => expectBothCpus(await passed(on(board))));
});

test("on powernv9 a panic ends in the crash kernel, which has its own memory and OPAL's, and no other", async () => {
  const lines = await passed(on("powernv9"), await crashing("ppc64le"));
  expectBothCpus(lines);
  expect(systemRam(lines)).toEqual([`00000000-${LAST_BYTE}`, keptByFirmware(lines)]);
});
