// Live trees of machines that run: dtcheck has nothing to say of them.

import { expect, test } from "bun:test";
import type { Choices } from "../../scripts/boot/choices.ts";
import { attempted } from "../support/boots.ts";

const SCRIPT = ["dtcheck /proc/device-tree", "poweroff", ""].join("\n");

const machines: Readonly<Record<string, Partial<Choices>>> = {
  "pseries with a small Open Firmware": {},
  "pseries with SLOF": { machine: ["x-vof=off"] },
  "powernv8 with OPAL": { small: false, board: "powernv8", cpu: "POWER8", smp: 2 },
  "powernv9 with OPAL": { small: false, board: "powernv9", smp: 2 },
  "arm64's virt": { target: "arm64-small", cpu: "cortex-a72", small: false },
};

test.each(Object.entries(machines))(
  "%s",
  async (_, choices) => {
    const { run } = await attempted(choices, { script: () => SCRIPT });
    const lines = run.lines.map(({ text }) => text.replace(/.*\+ /, "+ "));
    const [start, end] = ["+ dtcheck /proc/device-tree", "+ poweroff"].map((line) => lines.indexOf(line));
    expect(lines.slice(start, (end ?? 0) + 1).filter((line) => !/: left empty \(--secrets/.test(line))).toEqual([
      "+ dtcheck /proc/device-tree",
      "+ poweroff",
    ]);
  },
  180_000,
);
