// How poweroff ends a machine, and when it leaves one alone.

import { expect, test } from "bun:test";
import poweroff from "../../src/applets/poweroff.ts";
import type { Program } from "../../src/cli/applet.ts";
import { Failure } from "../../src/failure.ts";
import { errno } from "../../src/sys/errno.ts";
import { System } from "../../src/sys/system.ts";
import { MachineOff, machineWith, type World } from "../support/process-one.ts";

/** The program that poweroff is part of. */
const program: Program = { names: ["fs2dt", "loadem", "echo"] };

const ours = { "/proc/1/exe": "/bin/kexecbox", "/proc/self/exe": "/bin/kexecbox" };
const other = { "/proc/1/exe": "/sbin/init", "/proc/self/exe": "/bin/kexecbox" };

/** The calls it made, if it turned the machine off, or its error. */
function run(world: World, ...args: string[]): readonly string[] | string {
  const { engine, calls } = machineWith(world);
  try {
    poweroff.run(new System(engine), args, program);
  } catch (error) {
    if (error instanceof MachineOff) return calls;
    if (error instanceof Failure) return `${error.exitCode}: ${error.message}`;
    throw error;
  }
  throw new Error("it returned");
}

test("writes out what is cached, then turns the machine off or starts it again", () => {
  expect(run({ links: ours })).toEqual(["sync", "reboot 0x4321fedc"]);
  expect(run({ links: ours }, "--reboot")).toEqual(["sync", "reboot 0x1234567"]);
});

test("leaves a machine alone whose process 1 is another program, or cannot be told, unless forced", () => {
  const refused = "1: process 1: is not this program; --force ends the machine anyway";
  expect(run({ links: other })).toBe(refused);
  expect(run({})).toBe(refused);
  expect(run({ links: other }, "--force")).toEqual(["sync", "reboot 0x4321fedc"]);
});

test("tells when the kernel refuses", () => {
  expect(run({ links: ours, reboot: -errno.EPERM })).toBe("3: reboot: EPERM (operation not permitted)");
});

test("takes no operand", () => {
  expect(run({ links: ours }, "now")).toBe("2: now: no operand is expected");
});
